/*
 * What Apache commons-pool2 promises, on which JedisPool stands, named after its own tests
 * (TestGenericObjectPool): orders, fairness, minimum idle, and room that comes free.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "lending.h"
#include "misuse.h"
#include "pools.h"
#include "worker.h"

/* Fails when a later waiter is served first, or a newcomer before those that wait. */
Test(commons_pool, testBorrowObjectFairness_first_come_first_served, .timeout = 120)
{
    enum { WAITERS = 40 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    static struct borrower borrowers[WAITERS];

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    borrowers_queue(borrowers, WAITERS, pool, NULL);
    for (int i = 0; i < WAITERS; i++) {
        cr_assert(connpool_release(pool, lease));
        cr_assert(eq(int, try_lease(pool), -EAGAIN), "it is the first waiter's already");
        cr_assert(eq(int, borrower_end(&borrowers[i]), 0));
        lease = borrowers[i].lease;
        cr_assert(eq(u64, rig_stats(&rig).waiters, WAITERS - 1 - i));
    }
    cr_assert(connpool_release(pool, lease));
    cr_assert(rig_ends(&rig));
}

enum { THREE = 3 };

/*
 * Opened 1, 2, 3 and released 2, 3, 1, a second apart: who is lent out next? Taken and kept, one after the
 * other; pinned, as the last released of this CPU is meant.
 */
static void lends_in_turn(enum connpool_order order, uint64_t first, uint64_t second, uint64_t third)
{
    static const int released[THREE] = {1, 2, 0};
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[THREE];

    MUST(run_on_cpu(0));
    config.order = order;
    connpool_t *pool = rig_start(&rig, &config);
    for (int i = 0; i < THREE; i++) {
        held[i] = lease_from(pool);
        rig.now_ms += SECOND;
    }
    for (int i = 0; i < THREE; i++) {
        cr_assert(connpool_release(pool, held[released[i]]));
        rig.now_ms += SECOND;
    }
    leases_from(pool, held, THREE);
    cr_assert(eq(u64, connection_of(held[0])->number, first));
    cr_assert(eq(u64, connection_of(held[1])->number, second));
    cr_assert(eq(u64, connection_of(held[2])->number, third));
    leases_end(pool, held, THREE);
    cr_assert(rig_ends(&rig));
}

/* Fails when the warmest does not come first. */
Test(commons_pool, testLIFO_the_one_released_last_comes_first)
{
    lends_in_turn(CONNPOOL_LIFO, 1, 3, 2);
}

/* Fails when use is not spread over all: commons-pool's FIFO is the one that was idle for longest. */
Test(commons_pool, testFIFO_the_one_released_first_comes_first)
{
    lends_in_turn(CONNPOOL_LRU, 2, 3, 1);
}

/* Fails when age does not decide. */
Test(commons_pool, testFIFO_or_the_one_opened_first)
{
    lends_in_turn(CONNPOOL_FIFO, 1, 2, 3);
}

/* Fails when one of four is never drawn, or nearly always: by chance in one run of 10^19. */
Test(commons_pool, testEvictionOrder_has_a_third_kind_any_of_them)
{
    enum { COUNT = 4, DRAWS = 400 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[COUNT];
    uint64_t drawn[COUNT + 1] = {0};

    config.order = CONNPOOL_RANDOM;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, COUNT);
    leases_end(pool, held, COUNT);
    for (int i = 0; i < DRAWS; i++) {
        connpool_lease_t lease = lease_from(pool);
        drawn[connection_of(lease)->number]++;
        connpool_release(pool, lease);
    }
    for (int i = 1; i <= COUNT; i++) {
        cr_assert(gt(u64, drawn[i], DRAWS / 12));
        cr_assert(lt(u64, drawn[i], DRAWS / 2));
    }
    cr_assert(rig_ends(&rig));
}

/* Fails when the bound is undercut, or when one that was used of late goes for one that was not. */
Test(commons_pool, testEvictionSoftMinIdle_idle_ones_expire_down_to_min_idle)
{
    enum { COUNT = 5, LEAST = 2 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[COUNT];

    config.min_idle = LEAST;
    config.idle_timeout_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, COUNT);
    for (int i = COUNT - 1; i >= 0; i--) {
        connpool_release(pool, held[i]);
        rig.now_ms += SECOND;
    }
    cr_assert(eq(sz, rig_pass(&rig, 7 * SECOND), 2), "the first two are past it");
    cr_assert(eq(sz, rig_pass(&rig, 20 * SECOND), COUNT - LEAST - 2));
    cr_assert(eq(sz, rig_pass(&rig, 20 * SECOND), 0));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.idle, LEAST));
    cr_assert(eq(u64, stats.closed_idle, COUNT - LEAST));
    cr_assert(rig_ends(&rig));
}

/* Fails when what is opened ahead goes beyond max_open, or is not topped up while others are in use. */
Test(commons_pool, testMinIdleMaxTotal_so_many_are_idle_as_long_as_the_bound_allows)
{
    enum { OPEN = 10, LEAST = 5 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[OPEN];

    config.max_open = OPEN;
    config.min_idle = LEAST;
    connpool_t *pool = rig_start(&rig, &config);
    rig_pass(&rig, SECOND);
    cr_assert(eq(u64, rig_stats(&rig).idle, LEAST));
    leases_from(pool, held, LEAST);
    rig_pass(&rig, SECOND);
    cr_assert(eq(u64, rig_stats(&rig).idle, LEAST));
    leases_end(pool, held, LEAST);
    cr_assert(eq(u64, rig_stats(&rig).idle, OPEN));
    leases_from(pool, held, OPEN);
    cr_assert(eq(sz, rig_pass(&rig, SECOND), 0));
    cr_assert(eq(u64, rig_stats(&rig).open, OPEN));
    leases_end(pool, held, OPEN);
    cr_assert(eq(u64, rig_stats(&rig).idle, OPEN));
    cr_assert(rig_ends(&rig));
}

static void *keep_once(void *pool)
{
    connpool_keep(pool);
    return NULL;
}

/* Fails when what the keeper opens becomes idle while somebody waits. */
Test(commons_pool, testEvictAddObjects_what_the_keeper_opens_goes_to_who_waits, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrower;
    pthread_t keeper;

    config.max_open = 2;
    config.min_idle = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    rig.holds = true;
    MUST(pthread_create(&keeper, NULL, keep_once, pool) == 0);
    await_opening(pool, 1);
    borrower_queue(&borrower, pool, NULL, FOR_EVER);
    rig.holds = false;
    cr_assert(eq(int, borrower_end(&borrower), 0));
    pthread_join(keeper, NULL);
    cr_assert(eq(u64, rig_stats(&rig).in_use, 2));
    cr_assert(connpool_release(pool, borrower.lease));
    cr_assert(connpool_release(pool, lease));
    cr_assert(rig_ends(&rig));
}

/* Fails when an old lease speaks for its connection once this is lent out again: two would share it. */
Test(commons_pool, testMultipleReturnOfSameObject_an_old_lease_is_told_from_every_later_one)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct misuse_record misuse;

    misuse_record(&misuse);
    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t old = lease_from(pool);
    cr_assert(connpool_release(pool, old));
    for (uint32_t i = 1; i <= 1000; i++) {
        connpool_lease_t lease = lease_from(pool);
        cr_assert(eq(ptr, lease.resource, old.resource));
        cr_assert(not(connpool_release(pool, old)));
        cr_assert(not(connpool_touch(pool, old)));
        connpool_mark_unusable(pool, old);
        cr_assert(eq(u32, misuse.calls, 2 * i));
        cr_assert(eq(u64, rig_stats(&rig).in_use, 1));
        cr_assert(connpool_release(pool, lease), "nobody marked this one");
    }
    cr_assert(rig_ends(&rig));
}

/* Fails when a waiter is not woken for the room that a bad connection leaves. */
static void room_for_a_waiter(bool is_marked)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[2];
    struct borrower borrower;

    config.max_open = 2;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, 2);
    borrower_queue(&borrower, pool, NULL, FOR_EVER);
    if (is_marked)
        connpool_mark_unusable(pool, held[0]);
    connection_of(held[0])->is_dirty = !is_marked;
    cr_assert(not(connpool_release(pool, held[0])));
    cr_assert(eq(int, borrower_end(&borrower), 0));
    cr_assert(eq(u64, connection_of(borrower.lease)->number, 3));
    cr_assert(connpool_release(pool, borrower.lease));
    cr_assert(connpool_release(pool, held[1]));
    cr_assert(rig_ends(&rig));
}

Test(commons_pool, testInvalidateFreesCapacity_a_marked_connection_makes_room_for_a_waiter, .timeout = 60)
{
    room_for_a_waiter(true);
}

Test(commons_pool, testValidationFailureOnReturnFreesCapacity_so_does_a_failing_reset, .timeout = 60)
{
    room_for_a_waiter(false);
}

/* Fails when who waits for a server that has gone meanwhile waits on, or is forgotten when it is back. */
Test(commons_pool, testLivenessOnTransientFactoryFailure_waiters_hear_of_it_and_the_next_is_served,
     .timeout = 60)
{
    enum { WAITERS = 4 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[WAITERS];

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    borrowers_queue(borrowers, WAITERS, pool, NULL);
    rig.refuses = -ECONNRESET;
    connection_of(lease)->is_dirty = true;
    cr_assert(not(connpool_release(pool, lease)));
    for (int i = 0; i < WAITERS; i++)
        cr_assert(eq(int, borrower_end(&borrowers[i]), -ECONNRESET));
    rig.refuses = 0;
    rig.now_ms += 10 * SECOND;
    cr_assert(eq(int, try_lease(pool), 0));
    cr_assert(rig_ends(&rig));
}
