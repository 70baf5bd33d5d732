/*
 * What vitess' smartconnpool promises, named after its own tests (pool_test.go, waitlist_test.go): who
 * waits, for how long, and what a close or a resize means to him.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "host.h"
#include "pools.h"

enum { SECOND = 1000 };

/* Fails when a waiter is forgotten because the pool got smaller meanwhile, or when resize waits for anybody.
 */
Test(smartconnpool, TestShrinking_a_waiter_is_served_whatever_resizes_come_meanwhile, .timeout = 60)
{
    enum { OPEN = 5 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[OPEN];
    struct taker taker;

    config.max_open = OPEN;
    host_start(&host, &config);
    take_many(&host, held, OPEN);
    takers_queue(&taker, 1, &host, NULL);
    for (size_t bound = OPEN; bound >= 1; bound--)
        cr_assert(eq(int, connpool_resize(host.pool, bound, bound, 0), 0));
    cr_assert(eq(u64, host_stats(&host).in_use, OPEN));
    cr_assert(eq(sz, give_many(&host, held, OPEN - 1), 0), "above the bound until one is left");
    cr_assert(eq(u64, host_stats(&host).waiters, 1));
    cr_assert(give(&host, held[OPEN - 1]));
    cr_assert(eq(int, taker_join(&taker), 0));
    cr_assert(give(&host, taker.lease));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.open, 1));
    cr_assert(eq(u64, stats.closed_limit, OPEN - 1));
    cr_assert(eq(int, connpool_resize(host.pool, 0, 0, 0), -EINVAL));
    cr_assert(eq(u64, host_stats(&host).open, 1));
    host_end(&host);
}

/* Fails when room that a resize makes waits for a release to be noticed. */
Test(smartconnpool, TestShrinking_and_growing_again_serves_who_waits, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[3];

    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    takers_queue(takers, 3, &host, NULL);
    cr_assert(eq(int, connpool_resize(host.pool, 4, 4, 0), 0));
    for (int i = 0; i < 3; i++) {
        cr_assert(eq(int, taker_join(&takers[i]), 0));
        cr_assert(give(&host, takers[i].lease));
    }
    cr_assert(give(&host, lease));
    cr_assert(eq(u64, host_stats(&host).opens, 4));
    host_end(&host);
}

struct closer {
    struct host *host;
    pthread_t thread;
    uint32_t timeout_ms;
    int result;
};

static void *closer_run(void *arg)
{
    struct closer *closer = arg;
    closer->result = connpool_close(closer->host->pool, closer->timeout_ms);
    return NULL;
}

/* Fails when close does not wait for what is lent out, or when a release into a closing pool is refused. */
Test(smartconnpool, TestClosing_close_waits_for_the_last_release, .timeout = 60)
{
    enum { OPEN = 5 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[OPEN];
    struct closer closer = {.host = &host, .timeout_ms = UINT32_MAX};

    host_start(&host, &config);
    take_many(&host, held, OPEN);
    MUST(pthread_create(&closer.thread, NULL, closer_run, &closer) == 0);
    for (connpool_lease_t lease; connpool_acquire(host.pool, 0, &lease) == 0;)
        give(&host, lease); /* until close has begun */
    cr_assert(eq(int, try_take(&host), -ESHUTDOWN));
    cr_assert(eq(u64, host_stats(&host).in_use, OPEN));
    cr_assert(eq(sz, give_many(&host, held, OPEN), 0), "none is kept");
    MUST(pthread_join(closer.thread, NULL) == 0);
    cr_assert(eq(int, closer.result, 0));
    cr_assert(eq(u64, host.closed, host.opened));
    cr_assert(eq(int, try_take(&host), -ESHUTDOWN));
    host_end(&host);
}

/* Fails when close hangs with one that is never released, or cannot be called again. */
Test(smartconnpool, TestUserClosing_close_ends_at_its_deadline_and_may_be_called_again, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[5];

    host_start(&host, &config);
    take_many(&host, held, 5);
    give_many(&host, held, 4);
    cr_assert(eq(int, connpool_close(host.pool, 1), -ETIMEDOUT));
    cr_assert(eq(u64, host_stats(&host).open, 1), "idle ones are closed at once");
    cr_assert(not(give(&host, held[4])));
    cr_assert(eq(int, connpool_close(host.pool, 0), 0));
    host_end(&host);
}

/* Fails when the third, who waits for two opens that both fail, is not told so. */
Test(smartconnpool, TestSlowCreateFail_who_waits_behind_failing_opens_gets_his_turn, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[3];

    config.max_open = 2;
    host_start(&host, &config);
    host.holds = true;
    host.refuses = -ECONNREFUSED;
    taker_start(&takers[0], &host, NULL, FOREVER);
    taker_start(&takers[1], &host, NULL, FOREVER);
    host_wait_opening(&host, 2);
    takers_queue(&takers[2], 1, &host, NULL);
    host.holds = false;
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, taker_join(&takers[i]), -ECONNREFUSED));
    cr_assert(eq(u64, host_stats(&host).opening, 0));
    host.refuses = 0;
    host.now_ms += 10 * SECOND;
    cr_assert(eq(int, try_take(&host), 0));
    host_end(&host);
}

/* Fails when a wait goes on beyond its time, or does without one. */
Test(smartconnpool, TestTimeout_a_wait_ends_at_its_deadline_and_TestExpired_none_is_begun, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t other;

    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    cr_assert(eq(int, connpool_acquire(host.pool, 1, &other), -ETIMEDOUT));
    cr_assert(eq(u64, host_stats(&host).waits, 1));
    cr_assert(eq(int, connpool_acquire(host.pool, 0, &other), -EAGAIN));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.waits, 1), "nobody waited");
    cr_assert(eq(u64, stats.timeouts, 2));
    cr_assert(give(&host, lease));
    host_end(&host);
}

/* Fails when close leaves one of those that wait asleep. */
Test(smartconnpool, TestWaitlistPoolCloseWithMultipleWaiters_close_wakes_all_of_them, .timeout = 60)
{
    enum { WAITERS = 8 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[WAITERS];

    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    takers_queue(takers, WAITERS, &host, NULL);
    cr_assert(eq(int, connpool_close(host.pool, 0), -ETIMEDOUT));
    for (int i = 0; i < WAITERS; i++)
        cr_assert(eq(int, taker_join(&takers[i]), -ESHUTDOWN));
    cr_assert(eq(u64, host_stats(&host).waiters, 0));
    cr_assert(not(give(&host, lease)));
    host_end(&host);
}

/* Fails when more wait than may, or when a place in the queue is not free again. */
Test(smartconnpool, TestWaitlistWaiterCap_the_queue_has_so_many_places, .timeout = 60)
{
    enum { WAITERS = 3 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t lease, other;
    struct taker takers[WAITERS];

    config.max_open = 1;
    config.max_waiters = WAITERS;
    host_start(&host, &config);
    for (int round = 0; round < 2; round++) {
        lease = take(&host);
        takers_queue(takers, WAITERS, &host, NULL);
        cr_assert(eq(int, connpool_acquire(host.pool, UINT32_MAX, &other), -ENOBUFS));
        cr_assert(eq(u64, host_stats(&host).waiters, WAITERS));
        cr_assert(give(&host, lease));
        for (int i = 0; i < WAITERS; i++) {
            cr_assert(eq(int, taker_join(&takers[i]), 0));
            cr_assert(give(&host, takers[i].lease));
        }
    }
    cr_assert(eq(u64, host_stats(&host).refusals, 2));
    host_end(&host);
}

/* Fails when a waiter whose time was over is served after all, and a connection with it lost. */
Test(smartconnpool, TestWaitlistExpireWithMultipleWaiters_an_expired_waiter_is_never_served, .timeout = 60)
{
    enum { WAITERS = 6 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[WAITERS];
    struct taker patient;

    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    for (int i = 0; i < WAITERS; i++)
        taker_start(&takers[i], &host, NULL, 1);
    taker_start(&patient, &host, NULL, FOREVER);
    for (int i = 0; i < WAITERS; i++)
        cr_assert(eq(int, taker_join(&takers[i]), -ETIMEDOUT));
    host_wait_waiters(&host, 1);
    cr_assert(give(&host, lease));
    cr_assert(eq(int, taker_join(&patient), 0));
    cr_assert(eq(ptr, patient.lease.resource, lease.resource));
    cr_assert(give(&host, patient.lease));
    cr_assert(eq(int, try_take(&host), 0));
    host_end(&host);
}
