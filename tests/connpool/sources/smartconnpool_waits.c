/*
 * What vitess' smartconnpool promises, named after its own tests (pool_test.go, waitlist_test.go): who
 * waits, for how long, and what a close or a resize means to him.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "lending.h"
#include "until.h"

/* Fails when a waiter is forgotten because the pool got smaller meanwhile, or when resize waits for anybody.
 */
Test(smartconnpool, TestShrinking_a_waiter_is_served_whatever_resizes_come_meanwhile, .timeout = 60)
{
    enum { OPEN = 5 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[OPEN];
    struct borrower borrower;

    config.max_open = OPEN;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, OPEN);
    borrower_queue(&borrower, pool, NULL, FOR_EVER);
    for (size_t bound = OPEN; bound >= 1; bound--)
        cr_assert(eq(int, connpool_resize(pool, bound, bound, 0), 0));
    cr_assert(eq(u64, rig_stats(&rig).in_use, OPEN));
    cr_assert(eq(sz, leases_end(pool, held, OPEN - 1), 0), "above the bound until one is left");
    cr_assert(eq(u64, rig_stats(&rig).waiters, 1));
    cr_assert(connpool_release(pool, held[OPEN - 1]));
    cr_assert(eq(int, borrower_end(&borrower), 0));
    cr_assert(connpool_release(pool, borrower.lease));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open, 1));
    cr_assert(eq(u64, stats.closed_limit, OPEN - 1));
    cr_assert(eq(int, connpool_resize(pool, 0, 0, 0), -EINVAL));
    cr_assert(eq(u64, rig_stats(&rig).open, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when room that a resize makes waits for a release to be noticed. */
Test(smartconnpool, TestShrinking_and_growing_again_serves_who_waits, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[3];

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    borrowers_queue(borrowers, 3, pool, NULL);
    cr_assert(eq(int, connpool_resize(pool, 4, 4, 0), 0));
    for (int i = 0; i < 3; i++) {
        cr_assert(eq(int, borrower_end(&borrowers[i]), 0));
        cr_assert(connpool_release(pool, borrowers[i].lease));
    }
    cr_assert(connpool_release(pool, lease));
    cr_assert(eq(u64, rig_stats(&rig).opens, 4));
    cr_assert(rig_ends(&rig));
}

/* Fails when close does not wait for what is lent out, or when a release into a closing pool is refused. */
Test(smartconnpool, TestClosing_close_waits_for_the_last_release, .timeout = 60)
{
    enum { OPEN = 5 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[OPEN];
    struct closer closer;

    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, OPEN);
    closer_start(&closer, pool);
    WAIT_UNTIL(try_lease(pool) != 0); /* close has begun */
    cr_assert(eq(int, try_lease(pool), -ESHUTDOWN));
    cr_assert(eq(u64, rig_stats(&rig).in_use, OPEN));
    cr_assert(eq(sz, leases_end(pool, held, OPEN), 0), "none is kept");
    cr_assert(eq(int, closer_end(&closer), 0));
    cr_assert(eq(u64, rig.closed, rig.opened));
    cr_assert(eq(int, try_lease(pool), -ESHUTDOWN));
    cr_assert(rig_ends(&rig));
}

/* Fails when close hangs with one that is never released, or cannot be called again. */
Test(smartconnpool, TestUserClosing_close_ends_at_its_deadline_and_may_be_called_again, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[5];

    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, 5);
    leases_end(pool, held, 4);
    cr_assert(eq(int, connpool_close(pool, 1), -ETIMEDOUT));
    cr_assert(eq(u64, rig_stats(&rig).open, 1), "idle ones are closed at once");
    cr_assert(not(connpool_release(pool, held[4])));
    cr_assert(eq(int, connpool_close(pool, 0), 0));
    cr_assert(rig_ends(&rig));
}

/* Fails when the third, who waits for two opens that both fail, is not told so. */
Test(smartconnpool, TestSlowCreateFail_who_waits_behind_failing_opens_gets_his_turn, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[3];

    config.max_open = 2;
    connpool_t *pool = rig_start(&rig, &config);
    rig.holds = true;
    rig.refuses = -ECONNREFUSED;
    borrower_start(&borrowers[0], pool, NULL, FOR_EVER);
    borrower_start(&borrowers[1], pool, NULL, FOR_EVER);
    await_opening(pool, 2);
    borrower_queue(&borrowers[2], pool, NULL, FOR_EVER);
    rig.holds = false;
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, borrower_end(&borrowers[i]), -ECONNREFUSED));
    cr_assert(eq(u64, rig_stats(&rig).opening, 0));
    rig.refuses = 0;
    rig.now_ms += 10 * SECOND;
    cr_assert(eq(int, try_lease(pool), 0));
    cr_assert(rig_ends(&rig));
}

/* Fails when a wait goes on beyond its time, or does without one. */
Test(smartconnpool, TestTimeout_a_wait_ends_at_its_deadline_and_TestExpired_none_is_begun, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t other;

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    cr_assert(eq(int, connpool_acquire(pool, 1, &other), -ETIMEDOUT));
    cr_assert(eq(u64, rig_stats(&rig).waits, 1));
    cr_assert(eq(int, connpool_acquire(pool, 0, &other), -EAGAIN));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.waits, 1), "nobody waited");
    cr_assert(eq(u64, stats.timeouts, 2));
    cr_assert(connpool_release(pool, lease));
    cr_assert(rig_ends(&rig));
}

/* Fails when close leaves one of those that wait asleep. */
Test(smartconnpool, TestWaitlistPoolCloseWithMultipleWaiters_close_wakes_all_of_them, .timeout = 60)
{
    enum { WAITERS = 8 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[WAITERS];

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    borrowers_queue(borrowers, WAITERS, pool, NULL);
    cr_assert(eq(int, connpool_close(pool, 0), -ETIMEDOUT));
    for (int i = 0; i < WAITERS; i++)
        cr_assert(eq(int, borrower_end(&borrowers[i]), -ESHUTDOWN));
    cr_assert(eq(u64, rig_stats(&rig).waiters, 0));
    cr_assert(not(connpool_release(pool, lease)));
    cr_assert(rig_ends(&rig));
}

/* Fails when more wait than may, or when a place in the queue is not free again. */
Test(smartconnpool, TestWaitlistWaiterCap_the_queue_has_so_many_places, .timeout = 60)
{
    enum { WAITERS = 3 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t lease, other;
    struct borrower borrowers[WAITERS];

    config.max_open = 1;
    config.max_waiters = WAITERS;
    connpool_t *pool = rig_start(&rig, &config);
    for (int round = 0; round < 2; round++) {
        lease = lease_from(pool);
        borrowers_queue(borrowers, WAITERS, pool, NULL);
        cr_assert(eq(int, connpool_acquire(pool, FOR_EVER, &other), -ENOBUFS));
        cr_assert(eq(u64, rig_stats(&rig).waiters, WAITERS));
        cr_assert(connpool_release(pool, lease));
        for (int i = 0; i < WAITERS; i++) {
            cr_assert(eq(int, borrower_end(&borrowers[i]), 0));
            cr_assert(connpool_release(pool, borrowers[i].lease));
        }
    }
    cr_assert(eq(u64, rig_stats(&rig).refusals, 2));
    cr_assert(rig_ends(&rig));
}

/* Fails when a waiter whose time was over is served after all, and a connection with it lost. */
Test(smartconnpool, TestWaitlistExpireWithMultipleWaiters_an_expired_waiter_is_never_served, .timeout = 60)
{
    enum { WAITERS = 6 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[WAITERS];
    struct borrower patient;

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    for (int i = 0; i < WAITERS; i++)
        borrower_start(&borrowers[i], pool, NULL, 1);
    borrower_start(&patient, pool, NULL, FOR_EVER);
    for (int i = 0; i < WAITERS; i++)
        cr_assert(eq(int, borrower_end(&borrowers[i]), -ETIMEDOUT));
    await_waiters(pool, 1);
    cr_assert(connpool_release(pool, lease));
    cr_assert(eq(int, borrower_end(&patient), 0));
    cr_assert(eq(ptr, patient.lease.resource, lease.resource));
    cr_assert(connpool_release(pool, patient.lease));
    cr_assert(eq(int, try_lease(pool), 0));
    cr_assert(rig_ends(&rig));
}
