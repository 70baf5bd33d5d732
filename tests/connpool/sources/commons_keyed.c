/*
 * What Apache commons-pool2 promises of keys and of abandoned objects, named after its own tests
 * (TestGenericKeyedObjectPool, TestAbandonedObjectPool).
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "host.h"
#include "misuse.h"
#include "pools.h"

enum { SECOND = 1000 };

/* Fails when who waits for a full key stands in the way of another key. */
Test(commons_keyed, testBlockedKeyDoesNotBlockPool_a_full_key_holds_up_its_own_waiters_only, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[2];

    config.max_open_per_key = 1;
    host_start(&host, &config);
    connpool_lease_t one = take_key(&host, "one");
    takers_queue(takers, 1, &host, "one");
    cr_assert(eq(int, try_take_key(&host, "two"), 0));
    connpool_lease_t two = take_key(&host, "two");
    takers_queue(takers + 1, 1, &host, "two");
    cr_assert(give(&host, two));
    cr_assert(eq(int, taker_join(&takers[1]), 0), "though the other came first");
    cr_assert(give(&host, one));
    cr_assert(eq(int, taker_join(&takers[0]), 0));
    cr_assert(give(&host, takers[0].lease));
    cr_assert(give(&host, takers[1].lease));
    host_end(&host);
}

/* Fails when room is made by another than the one unused for longest, or when nothing makes room. */
Test(commons_keyed, testMaxTotalLRU_the_idle_connection_unused_for_longest_makes_room)
{
    static const char *const keys[] = {"a", "b", "c", "a"};
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.max_open = 3;
    config.max_open_per_key = 2;
    host_start(&host, &config);
    for (int i = 0; i < 4; i++) {
        give(&host, take_key(&host, keys[i]));
        host.now_ms += SECOND;
    }
    cr_assert(eq(u64, host_stats(&host).opens, 3), "the second a was the first");
    give(&host, take_key(&host, "d"));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.closed_evicted, 1));
    cr_assert(eq(u64, stats.open, 3));
    host.now_ms += SECOND;
    connpool_lease_t lease = take_key(&host, "b");
    cr_assert(eq(u64, connection_of(lease)->serial, 5), "b was it");
    give(&host, lease);
    lease = take_key(&host, "a");
    cr_assert(eq(u64, connection_of(lease)->serial, 1), "a was used since");
    give(&host, lease);
    host_end(&host);
}

/* Fails when room that comes free at one key does not reach who waits for another. */
static void room_for_another_key(bool is_marked)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker taker;

    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take_key(&host, "one");
    takers_queue(&taker, 1, &host, "two");
    if (is_marked)
        connpool_mark_unusable(host.pool, lease);
    give(&host, lease);
    cr_assert(eq(int, taker_join(&taker), 0));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.open, 1));
    cr_assert(eq(u64, stats.closed_unusable + stats.closed_evicted, 1));
    cr_assert(give(&host, taker.lease));
    host_end(&host);
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
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[WAITERS];

    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take_key(&host, "0");
    for (int i = 0; i < WAITERS; i++)
        takers_queue(&takers[i], 1, &host, i % 2 == 0 ? "1" : "0");
    for (int i = 0; i < WAITERS; i++) {
        give(&host, lease);
        cr_assert(eq(int, taker_join(&takers[i]), 0));
        cr_assert(eq(u64, host_stats(&host).waiters, WAITERS - 1 - i));
        lease = takers[i].lease;
    }
    give(&host, lease);
    host_end(&host);
}

/* Fails when a key has more open than its share, though there is room in all. */
Test(commons_keyed, testMaxTotalPerKey_a_key_has_its_share_and_no_more)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[4];

    config.max_open_per_key = 2;
    host_start(&host, &config);
    held[0] = take_key(&host, "a");
    held[1] = take_key(&host, "a");
    cr_assert(eq(int, try_take_key(&host, "a"), -EAGAIN));
    held[2] = take_key(&host, "b");
    held[3] = take_key(&host, "b");
    cr_assert(eq(int, try_take_key(&host, "b"), -EAGAIN));
    cr_assert(eq(sz, give_many(&host, held, 4), 4));
    cr_assert(eq(u64, host_stats(&host).keys, 2));
    host_end(&host);
}

/* Fails when an overdue connection stays with a borrower who is lost, or its release is misuse. */
Test(commons_abandoned, testAbandonedReturn_what_is_overdue_is_closed_under_its_borrower)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct misuse_record misuse;

    misuse_record(&misuse);
    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = 10 * SECOND;
    host_start(&host, &config);
    connpool_lease_t lost = take(&host);
    host.now_ms += 5 * SECOND;
    connpool_lease_t young = take(&host);
    cr_assert(eq(sz, host_pass(&host, 6 * SECOND), 1));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.closed_reclaimed, 1));
    cr_assert(eq(u64, stats.overdue, 1));
    cr_assert(not(connpool_touch(host.pool, lost)));
    cr_assert(not(give(&host, lost)));
    cr_assert(eq(u32, misuse.calls, 0), "he could not know");
    cr_assert(not(give(&host, lost)));
    cr_assert(eq(u32, misuse.calls, 1), "but that he did it before");
    cr_assert(give(&host, young));
    cr_assert(eq(u64, host_stats(&host).idle, 1));
    host_end(&host);
}

/* Fails when one that is marked and reclaimed is closed twice. */
Test(commons_abandoned, testAbandonedInvalidate_what_is_marked_and_overdue_is_closed_once)
{
    enum { COUNT = 5 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[COUNT];

    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = SECOND;
    host_start(&host, &config);
    take_many(&host, held, COUNT);
    for (int i = 0; i < COUNT; i++)
        connpool_mark_unusable(host.pool, held[i]);
    cr_assert(eq(sz, host_pass(&host, 2 * SECOND), COUNT));
    cr_assert(eq(sz, give_many(&host, held, COUNT), 0));
    cr_assert(eq(u64, host.closed, COUNT));
    cr_assert(eq(u64, host_stats(&host).in_use, 0));
    host_end(&host);
}

/* Fails when the room of a reclaimed connection does not reach who waits. */
Test(commons_abandoned, testWhenExhaustedBlock_a_waiter_gets_the_room_of_an_overdue_one, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker taker;

    config.max_open = 1;
    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = SECOND;
    host_start(&host, &config);
    connpool_lease_t lost = take(&host);
    takers_queue(&taker, 1, &host, NULL);
    cr_assert(eq(sz, host_pass(&host, 2 * SECOND), 1));
    cr_assert(eq(int, taker_join(&taker), 0));
    cr_assert(not(give(&host, lost)));
    cr_assert(give(&host, taker.lease));
    host_end(&host);
}

static void *close_for_ever(void *arg)
{
    struct host *host = arg;
    return connpool_close(host->pool, UINT32_MAX) == 0 ? host : NULL;
}

/* Fails when close waits for ever for a borrower who is lost, though the pool reclaims: the keeper must stay.
 */
Test(commons_abandoned, testWhenExhaustedBlockClosePool_a_closing_pool_goes_on_reclaiming, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    pthread_t closer;
    void *result;

    config.flags = CONNPOOL_RECLAIM;
    config.overdue_ms = SECOND;
    config.keep_interval_ms = 1;
    host_start(&host, &config);
    connpool_lease_t lost = take(&host);
    MUST(pthread_create(&closer, NULL, close_for_ever, &host) == 0);
    while (try_take(&host) != -ESHUTDOWN)
        continue;
    host.now_ms += 2 * SECOND;
    pthread_join(closer, &result);
    cr_assert(result != NULL);
    cr_assert(eq(u64, host_stats(&host).closed_reclaimed, 1));
    cr_assert(not(give(&host, lost)));
    host_end(&host);
}

static void *give_it(void *arg)
{
    struct taker *taker = arg;
    taker->result = give(taker->host, taker->lease);
    return NULL;
}

/* Fails when an overdue connection is closed while its release is under way. */
Test(commons_abandoned, testRemoveAbandonedWhileReturning_a_release_that_has_begun_ends, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = SECOND;
    host_start(&host, &config);
    struct taker taker = {.host = &host, .lease = take(&host)};
    host.holds_resets = true;
    MUST(pthread_create(&taker.thread, NULL, give_it, &taker) == 0);
    while (host.resets == 0)
        continue;
    cr_assert(eq(sz, host_pass(&host, 2 * SECOND), 0));
    host.holds_resets = false;
    cr_assert(taker_join(&taker));
    cr_assert(eq(u64, host_stats(&host).idle, 1));
    host_end(&host);
}

/* Fails when a touch does not count as use: PooledTestObject is a TrackedUse. */
Test(commons_abandoned, testAbandonedReturn_what_is_touched_is_not_abandoned)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.flags |= CONNPOOL_RECLAIM;
    config.overdue_ms = 10 * SECOND;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    for (int i = 0; i < 20; i++) {
        cr_assert(eq(sz, host_pass(&host, 6 * SECOND), 0));
        cr_assert(connpool_touch(host.pool, lease));
    }
    cr_assert(eq(sz, host_pass(&host, 11 * SECOND), 1));
    cr_assert(not(give(&host, lease)));
    host_end(&host);
}
