/*
 * What Apache commons-pool2 promises of keys and of abandoned objects, named after its own tests
 * (TestGenericKeyedObjectPool, TestAbandonedObjectPool).
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "lending.h"
#include "misuse.h"
#include "pools.h"
#include "until.h"

/* Fails when who waits for a full key stands in the way of another key. */
Test(commons_keyed, testBlockedKeyDoesNotBlockPool_a_full_key_holds_up_its_own_waiters_only, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[2];

    config.max_open_per_key = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t one = lease_of(pool, "one");
    borrower_queue(borrowers, pool, "one", FOR_EVER);
    cr_assert(eq(int, try_lease_of(pool, "two"), 0));
    connpool_lease_t two = lease_of(pool, "two");
    borrower_queue(borrowers + 1, pool, "two", FOR_EVER);
    cr_assert(connpool_release(pool, two));
    cr_assert(eq(int, borrower_end(&borrowers[1]), 0), "though the other came first");
    cr_assert(connpool_release(pool, one));
    cr_assert(eq(int, borrower_end(&borrowers[0]), 0));
    cr_assert(connpool_release(pool, borrowers[0].lease));
    cr_assert(connpool_release(pool, borrowers[1].lease));
    cr_assert(rig_ends(&rig));
}

/* Fails when room is made by another than the one unused for longest, or when nothing makes room. */
Test(commons_keyed, testMaxTotalLRU_the_idle_connection_unused_for_longest_makes_room)
{
    static const char *const keys[] = {"a", "b", "c", "a"};
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.max_open = 3;
    config.max_open_per_key = 2;
    connpool_t *pool = rig_start(&rig, &config);
    for (int i = 0; i < 4; i++) {
        connpool_release(pool, lease_of(pool, keys[i]));
        rig.now_ms += SECOND;
    }
    cr_assert(eq(u64, rig_stats(&rig).opens, 3), "the second a was the first");
    connpool_release(pool, lease_of(pool, "d"));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_evicted, 1));
    cr_assert(eq(u64, stats.open, 3));
    rig.now_ms += SECOND;
    connpool_lease_t lease = lease_of(pool, "b");
    cr_assert(eq(u64, connection_of(lease)->number, 5), "b was it");
    connpool_release(pool, lease);
    lease = lease_of(pool, "a");
    cr_assert(eq(u64, connection_of(lease)->number, 1), "a was used since");
    connpool_release(pool, lease);
    cr_assert(rig_ends(&rig));
}

/* Fails when room that comes free at one key does not reach who waits for another. */
static void room_for_another_key(bool is_marked)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrower;

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_of(pool, "one");
    borrower_queue(&borrower, pool, "two", FOR_EVER);
    if (is_marked)
        connpool_mark_unusable(pool, lease);
    connpool_release(pool, lease);
    cr_assert(eq(int, borrower_end(&borrower), 0));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open, 1));
    cr_assert(eq(u64, stats.closed_unusable + stats.closed_evicted, 1));
    cr_assert(connpool_release(pool, borrower.lease));
    cr_assert(rig_ends(&rig));
}

Test(commons_keyed, testInvalidateFreesCapacityForOtherKeys_a_marked_one_makes_room, .timeout = 60)
{
    room_for_another_key(true);
}

Test(commons_keyed, testLivenessPerKey_so_does_a_release_nobody_of_its_key_waits_for, .timeout = 60)
{
    room_for_another_key(false);
}

/* Fails when a key that many wait for starves those who came before for another. */
Test(commons_keyed, testReturnObjectWithBlockWhenExhausted_keys_take_turns_in_the_order_of_coming,
     .timeout = 60)
{
    enum { WAITERS = 6 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[WAITERS];

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_of(pool, "0");
    for (int i = 0; i < WAITERS; i++)
        borrower_queue(&borrowers[i], pool, i % 2 == 0 ? "1" : "0", FOR_EVER);
    for (int i = 0; i < WAITERS; i++) {
        connpool_release(pool, lease);
        cr_assert(eq(int, borrower_end(&borrowers[i]), 0));
        cr_assert(eq(u64, rig_stats(&rig).waiters, WAITERS - 1 - i));
        lease = borrowers[i].lease;
    }
    connpool_release(pool, lease);
    cr_assert(rig_ends(&rig));
}

/* Fails when a key has more open than its share, though there is room in all. */
Test(commons_keyed, testMaxTotalPerKey_a_key_has_its_share_and_no_more)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[4];

    config.max_open_per_key = 2;
    connpool_t *pool = rig_start(&rig, &config);
    held[0] = lease_of(pool, "a");
    held[1] = lease_of(pool, "a");
    cr_assert(eq(int, try_lease_of(pool, "a"), -EAGAIN));
    held[2] = lease_of(pool, "b");
    held[3] = lease_of(pool, "b");
    cr_assert(eq(int, try_lease_of(pool, "b"), -EAGAIN));
    cr_assert(eq(sz, leases_end(pool, held, 4), 4));
    cr_assert(eq(u64, rig_stats(&rig).keys, 2));
    cr_assert(rig_ends(&rig));
}

/* Fails when an overdue connection stays with a borrower who is lost, or its release is misuse. */
Test(commons_abandoned, testAbandonedReturn_what_is_overdue_is_closed_under_its_borrower)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct misuse_record misuse;

    misuse_record(&misuse);
    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lost = lease_from(pool);
    rig.now_ms += 5 * SECOND;
    connpool_lease_t young = lease_from(pool);
    cr_assert(eq(sz, rig_pass(&rig, 6 * SECOND), 1));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_reclaimed, 1));
    cr_assert(eq(u64, stats.overdue, 1));
    cr_assert(not(connpool_touch(pool, lost)));
    cr_assert(not(connpool_release(pool, lost)));
    cr_assert(eq(u32, misuse.calls, 0), "he could not know");
    cr_assert(not(connpool_release(pool, lost)));
    cr_assert(eq(u32, misuse.calls, 1), "but that he did it before");
    cr_assert(connpool_release(pool, young));
    cr_assert(eq(u64, rig_stats(&rig).idle, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when one that is marked and reclaimed is closed twice. */
Test(commons_abandoned, testAbandonedInvalidate_what_is_marked_and_overdue_is_closed_once)
{
    enum { COUNT = 5 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[COUNT];

    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, COUNT);
    for (int i = 0; i < COUNT; i++)
        connpool_mark_unusable(pool, held[i]);
    cr_assert(eq(sz, rig_pass(&rig, 2 * SECOND), COUNT));
    cr_assert(eq(sz, leases_end(pool, held, COUNT), 0));
    cr_assert(eq(u64, rig.closed, COUNT));
    cr_assert(eq(u64, rig_stats(&rig).in_use, 0));
    cr_assert(rig_ends(&rig));
}

/* Fails when the room of a reclaimed connection does not reach who waits. */
Test(commons_abandoned, testWhenExhaustedBlock_a_waiter_gets_the_room_of_an_overdue_one, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrower;

    config.max_open = 1;
    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lost = lease_from(pool);
    borrower_queue(&borrower, pool, NULL, FOR_EVER);
    cr_assert(eq(sz, rig_pass(&rig, 2 * SECOND), 1));
    cr_assert(eq(int, borrower_end(&borrower), 0));
    cr_assert(not(connpool_release(pool, lost)));
    cr_assert(connpool_release(pool, borrower.lease));
    cr_assert(rig_ends(&rig));
}

/* Fails when close waits for ever for a borrower who is lost, though the pool reclaims: the keeper must stay.
 */
Test(commons_abandoned, testWhenExhaustedBlockClosePool_a_closing_pool_goes_on_reclaiming, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct closer closer;

    config.flags = CONNPOOL_RECLAIM;
    config.overdue_ms = SECOND;
    config.keep_interval_ms = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lost = lease_from(pool);
    closer_start(&closer, pool);
    WAIT_UNTIL(try_lease(pool) == -ESHUTDOWN);
    rig.now_ms += 2 * SECOND;
    cr_assert(eq(int, closer_end(&closer), 0));
    cr_assert(eq(u64, rig_stats(&rig).closed_reclaimed, 1));
    cr_assert(not(connpool_release(pool, lost)));
    cr_assert(rig_ends(&rig));
}

static _Atomic bool holds_reset;

static void stay_in_reset(struct connection *connection)
{
    (void)connection;
    WAIT_UNTIL(!atomic_load(&holds_reset));
}

/* A release whose reset takes long. */
struct returning {
    connpool_t *pool;
    connpool_lease_t lease;
    bool is_kept;
};

static void *return_it(void *arg)
{
    struct returning *returning = arg;
    returning->is_kept = connpool_release(returning->pool, returning->lease);
    return NULL;
}

/* Fails when an overdue connection is closed while its release is under way. */
Test(commons_abandoned, testRemoveAbandonedWhileReturning_a_release_that_has_begun_ends, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    pthread_t thread;

    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    struct returning returning = {.pool = pool, .lease = lease_from(pool)};
    rig.on_reset = stay_in_reset;
    holds_reset = true;
    MUST(pthread_create(&thread, NULL, return_it, &returning) == 0);
    WAIT_UNTIL(rig.resets != 0);
    cr_assert(eq(sz, rig_pass(&rig, 2 * SECOND), 0));
    holds_reset = false;
    MUST(pthread_join(thread, NULL) == 0);
    cr_assert(returning.is_kept);
    cr_assert(eq(u64, rig_stats(&rig).idle, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when a touch does not count as use: PooledTestObject is a TrackedUse. */
Test(commons_abandoned, testAbandonedReturn_what_is_touched_is_not_abandoned)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    for (int i = 0; i < 20; i++) {
        cr_assert(eq(sz, rig_pass(&rig, 6 * SECOND), 0));
        cr_assert(connpool_touch(pool, lease));
    }
    cr_assert(eq(sz, rig_pass(&rig, 11 * SECOND), 1));
    cr_assert(not(connpool_release(pool, lease)));
    cr_assert(rig_ends(&rig));
}
