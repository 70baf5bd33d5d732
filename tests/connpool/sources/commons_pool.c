/*
 * What Apache commons-pool2 promises, on which JedisPool stands, named after its own tests
 * (TestGenericObjectPool): orders, fairness, minimum idle, and room that comes free.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "host.h"
#include "misuse.h"
#include "pools.h"
#include "worker.h"

enum { SECOND = 1000 };

/* Fails when a later waiter is served first, or a newcomer before those that wait. */
Test(commons_pool, testBorrowObjectFairness_first_come_first_served, .timeout = 120)
{
    enum { WAITERS = 40 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    static struct taker takers[WAITERS];

    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    takers_queue(takers, WAITERS, &host, NULL);
    for (int i = 0; i < WAITERS; i++) {
        cr_assert(give(&host, lease));
        cr_assert(eq(int, try_take(&host), -EAGAIN), "it is the first waiter's already");
        cr_assert(eq(int, taker_join(&takers[i]), 0));
        lease = takers[i].lease;
        cr_assert(eq(u64, host_stats(&host).waiters, WAITERS - 1 - i));
    }
    cr_assert(give(&host, lease));
    host_end(&host);
}

enum { THREE = 3 };

/*
 * Opened 1, 2, 3 and released 2, 3, 1, a second apart: who is lent out next? Taken and kept, one after the
 * other; pinned, as the last released of this CPU is meant.
 */
static void lends_in_turn(enum connpool_order order, uint64_t first, uint64_t second, uint64_t third)
{
    static const int released[THREE] = {1, 2, 0};
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[THREE];

    MUST(run_on_cpu(0));
    config.order = order;
    host_start(&host, &config);
    for (int i = 0; i < THREE; i++) {
        held[i] = take(&host);
        host.now_ms += SECOND;
    }
    for (int i = 0; i < THREE; i++) {
        cr_assert(give(&host, held[released[i]]));
        host.now_ms += SECOND;
    }
    take_many(&host, held, THREE);
    cr_assert(eq(u64, connection_of(held[0])->serial, first));
    cr_assert(eq(u64, connection_of(held[1])->serial, second));
    cr_assert(eq(u64, connection_of(held[2])->serial, third));
    give_many(&host, held, THREE);
    host_end(&host);
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
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[COUNT];
    uint64_t drawn[COUNT + 1] = {0};

    config.order = CONNPOOL_RANDOM;
    host_start(&host, &config);
    take_many(&host, held, COUNT);
    give_many(&host, held, COUNT);
    for (int i = 0; i < DRAWS; i++) {
        connpool_lease_t lease = take(&host);
        drawn[connection_of(lease)->serial]++;
        give(&host, lease);
    }
    for (int i = 1; i <= COUNT; i++) {
        cr_assert(gt(u64, drawn[i], DRAWS / 12));
        cr_assert(lt(u64, drawn[i], DRAWS / 2));
    }
    host_end(&host);
}

/* Fails when the bound is undercut, or when one that was used of late goes for one that was not. */
Test(commons_pool, testEvictionSoftMinIdle_idle_ones_expire_down_to_min_idle)
{
    enum { COUNT = 5, LEAST = 2 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[COUNT];

    config.min_idle = LEAST;
    config.idle_timeout_ms = 10 * SECOND;
    host_start(&host, &config);
    take_many(&host, held, COUNT);
    for (int i = COUNT - 1; i >= 0; i--) {
        give(&host, held[i]);
        host.now_ms += SECOND;
    }
    cr_assert(eq(sz, host_pass(&host, 7 * SECOND), 2), "the first two are past it");
    cr_assert(eq(sz, host_pass(&host, 20 * SECOND), COUNT - LEAST - 2));
    cr_assert(eq(sz, host_pass(&host, 20 * SECOND), 0));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.idle, LEAST));
    cr_assert(eq(u64, stats.closed_idle, COUNT - LEAST));
    host_end(&host);
}

/* Fails when what is opened ahead goes beyond max_open, or is not topped up while others are in use. */
Test(commons_pool, testMinIdleMaxTotal_so_many_are_idle_as_long_as_the_bound_allows)
{
    enum { OPEN = 10, LEAST = 5 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[OPEN];

    config.max_open = OPEN;
    config.min_idle = LEAST;
    host_start(&host, &config);
    host_pass(&host, SECOND);
    cr_assert(eq(u64, host_stats(&host).idle, LEAST));
    take_many(&host, held, LEAST);
    host_pass(&host, SECOND);
    cr_assert(eq(u64, host_stats(&host).idle, LEAST));
    give_many(&host, held, LEAST);
    cr_assert(eq(u64, host_stats(&host).idle, OPEN));
    take_many(&host, held, OPEN);
    cr_assert(eq(sz, host_pass(&host, SECOND), 0));
    cr_assert(eq(u64, host_stats(&host).open, OPEN));
    give_many(&host, held, OPEN);
    cr_assert(eq(u64, host_stats(&host).idle, OPEN));
    host_end(&host);
}

static void *keep_once(void *arg)
{
    struct host *host = arg;
    connpool_keep(host->pool);
    return NULL;
}

/* Fails when what the keeper opens becomes idle while somebody waits. */
Test(commons_pool, testEvictAddObjects_what_the_keeper_opens_goes_to_who_waits, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker taker;
    pthread_t keeper;

    config.max_open = 2;
    config.min_idle = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    host.holds = true;
    MUST(pthread_create(&keeper, NULL, keep_once, &host) == 0);
    host_wait_opening(&host, 1);
    takers_queue(&taker, 1, &host, NULL);
    host.holds = false;
    cr_assert(eq(int, taker_join(&taker), 0));
    pthread_join(keeper, NULL);
    cr_assert(eq(u64, host_stats(&host).in_use, 2));
    cr_assert(give(&host, taker.lease));
    cr_assert(give(&host, lease));
    host_end(&host);
}

/* Fails when an old lease speaks for its connection once this is lent out again: two would share it. */
Test(commons_pool, testMultipleReturnOfSameObject_an_old_lease_is_told_from_every_later_one)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct misuse_record misuse;

    misuse_record(&misuse);
    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t old = take(&host);
    cr_assert(give(&host, old));
    for (uint32_t i = 1; i <= 1000; i++) {
        connpool_lease_t lease = take(&host);
        cr_assert(eq(ptr, lease.resource, old.resource));
        cr_assert(not(give(&host, old)));
        cr_assert(not(connpool_touch(host.pool, old)));
        connpool_mark_unusable(host.pool, old);
        cr_assert(eq(u32, misuse.calls, 2 * i));
        cr_assert(eq(u64, host_stats(&host).in_use, 1));
        cr_assert(give(&host, lease), "nobody marked this one");
    }
    host_end(&host);
}

/* Fails when a waiter is not woken for the room that a bad connection leaves. */
static void room_for_a_waiter(bool is_marked)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[2];
    struct taker taker;

    config.max_open = 2;
    host_start(&host, &config);
    take_many(&host, held, 2);
    takers_queue(&taker, 1, &host, NULL);
    if (is_marked)
        connpool_mark_unusable(host.pool, held[0]);
    connection_of(held[0])->is_dirty = !is_marked;
    cr_assert(not(give(&host, held[0])));
    cr_assert(eq(int, taker_join(&taker), 0));
    cr_assert(eq(u64, connection_of(taker.lease)->serial, 3));
    cr_assert(give(&host, taker.lease));
    cr_assert(give(&host, held[1]));
    host_end(&host);
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
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[WAITERS];

    config.max_open = 1;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    takers_queue(takers, WAITERS, &host, NULL);
    host.refuses = -ECONNRESET;
    connection_of(lease)->is_dirty = true;
    cr_assert(not(give(&host, lease)));
    for (int i = 0; i < WAITERS; i++)
        cr_assert(eq(int, taker_join(&takers[i]), -ECONNRESET));
    host.refuses = 0;
    host.now_ms += 10 * SECOND;
    cr_assert(eq(int, try_take(&host), 0));
    host_end(&host);
}
