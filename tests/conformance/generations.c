/*
 * How idle buffers age and go home. CONFORMANCE.md lines 25-29 and 34; 32 is in
 * floor.c, and 30, 31 and 33 are in ../concurrency. One cycle is one
 * bufpool_collect.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"
#include "worker.h"

enum { COUNT = 100, TIERS = 12 };

static void *buffers[TIERS][COUNT];

static void touch_all_tiers(bufpool_t *pool)
{
    for (size_t tier = 0; tier < TIERS; tier++) {
        get_many(pool, (size_t)512 << tier, buffers[tier], COUNT);
        for (size_t i = 0; i < COUNT; i++)
            fill(buffers[tier][i], (size_t)512 << tier, i);
    }
}

static void put_all_tiers(bufpool_t *pool)
{
    for (size_t tier = 0; tier < TIERS; tier++)
        cr_assert(eq(sz, put_many(pool, buffers[tier], COUNT), COUNT));
}

/* Fails when a buffer is dropped in its first cycle: the pool would be useless to a server with a collector.
 */
Test(conformance_generations, line_25_all_buffers_survive_one_cycle)
{
    bufpool_t *pool = still_pool();

    touch_all_tiers(pool);
    put_all_tiers(pool);
    bufpool_collect(pool);
    bufpool_stats_t before = stats_of(pool);
    cr_assert(eq(u64, before.purges, 0));
    for (size_t tier = 0; tier < TIERS; tier++)
        get_many(pool, (size_t)512 << tier, buffers[tier], COUNT);
    bufpool_stats_t after = stats_of(pool);
    cr_assert(eq(u64, after.carves, before.carves));
    cr_assert(gt(u64, after.hits_victim, 0));
    put_all_tiers(pool);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static void assert_all_dropped_once(bufpool_t *pool, size_t released)
{
    bufpool_stats_t stats = stats_of(pool);

    cr_assert(eq(u64, idle_bytes(&stats), 0));
    cr_assert(eq(u64, stats.committed_bytes, 0));
    /* Each exactly once: as many went back as were carved. */
    cr_assert(eq(u64, stats.purges, stats.carves));
    cr_assert(eq(u64, stats.carves, TIERS * COUNT));
    cr_assert(ge(sz, released, 2 * MIB * COUNT - 512 * COUNT));
    for (size_t tier = 0; tier < TIERS; tier++) {
        for (size_t i = 0; i < COUNT; i++)
            cr_assert(eq(sz, present_bytes(buffers[tier][i], (size_t)512 << tier), 0), "tier %zu",
                      (size_t)512 << tier);
    }
    assert_accounts(pool);
}

/* Fails when anything idle stays: in a bin, in a half-full magazine, on a page shared by two buffers. */
Test(conformance_generations, line_26_all_buffers_and_pages_are_gone_after_two_cycles)
{
    bufpool_t *pool = still_pool();

    touch_all_tiers(pool);
    put_all_tiers(pool);
    size_t released = bufpool_collect(pool);
    released += bufpool_collect(pool);
    assert_all_dropped_once(pool, released);

    /* And they can be had again. */
    touch_all_tiers(pool);
    put_all_tiers(pool);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static void put_all_job(void *arg)
{
    for (size_t tier = 0; tier < TIERS; tier++)
        put_many(arg, buffers[tier], COUNT);
}

/* Fails when a thread that put and fell asleep keeps what is in its private cache. */
Test(conformance_generations, line_26_caches_of_sleeping_threads_are_gone_after_two_cycles)
{
    bufpool_t *pool = still_pool();
    struct worker sleeper;
    bufpool_stats_t stats = stats_of(pool);

    if (stats.remote_reclaim == 0)
        cr_skip_test("no membarrier here: collections do not reach other threads");
    worker_start(&sleeper);
    touch_all_tiers(pool);
    worker_do(&sleeper, put_all_job, pool);
    stats = stats_of(pool);
    cr_assert(gt(u64, stats.private_bytes, 0));
    size_t released = bufpool_collect(pool);
    released += bufpool_collect(pool);
    assert_all_dropped_once(pool, released);
    worker_end(&sleeper);
    bufpool_destroy(pool);
}

/* Fails when a page-aligned pool counts more or less than the pages that went. */
Test(conformance_generations, line_26_released_bytes_are_those_of_the_pages)
{
    bufpool_config_t config = still_config();
    config.min_size = 4096;
    config.flags = BUFPOOL_PAGE_ALIGNED;
    bufpool_t *pool = pool_from(&config);
    size_t put = 0;

    for (size_t tier = 0; tier < 9; tier++) {
        get_many(pool, (size_t)4096 << tier, buffers[tier], COUNT);
        put_many(pool, buffers[tier], COUNT);
        put += ((size_t)4096 << tier) * COUNT;
    }
    cr_assert(eq(sz, bufpool_collect(pool), 0));
    cr_assert(eq(sz, bufpool_collect(pool), put));
    cr_assert(eq(sz, bufpool_collect(pool), 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when age belongs to the buffer and not to its last use. */
Test(conformance_generations, line_27_victim_that_was_used_again_survives_the_next_cycle)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 4096);
    bufpool_put(pool, buffer);

    for (uint64_t cycle = 1; cycle <= 10; cycle++) {
        bufpool_collect(pool);
        void *again = bufpool_get(pool, 4096);
        cr_assert(eq(ptr, again, buffer));
        bufpool_put(pool, again);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.carves, 1));
        cr_assert(eq(u64, stats.hits_victim, cycle));
        cr_assert(eq(u64, stats.purges, 0));
    }
    assert_accounts(pool);
    bufpool_destroy(pool);
}

enum { HALF = 500 };

struct order {
    bufpool_t *pool;
    void *victims[HALF], *shared[HALF], *got[HALF];
    size_t count;
    unsigned cpu; /* of the thread that gets */
};

static void make_victims_and_shared(struct order *order)
{
    order->pool = still_pool();
    get_many(order->pool, 4096, order->victims, HALF);
    get_many(order->pool, 4096, order->shared, HALF);
    put_many(order->pool, order->victims, HALF);
    bufpool_collect(order->pool);
    put_many(order->pool, order->shared, HALF);
    bufpool_stats_t stats = stats_of(order->pool);
    cr_assert(eq(u64, stats.victim_bytes, HALF * 4096));
    order->count = stats.shared_bytes / 4096;
    cr_assert(gt(sz, order->count, 0));
}

static void get_in_order(void *arg)
{
    struct order *order = arg;
    run_on_cpu(order->cpu);
    get_many(order->pool, 4096, order->got, order->count);
}

static void assert_shared_went_first(struct order *order)
{
    bufpool_stats_t stats = stats_of(order->pool);
    cr_assert(eq(u64, stats.hits_victim, 0));
    cr_assert(eq(u64, stats.victim_bytes, HALF * 4096));
    for (size_t i = 0; i < order->count; i++)
        cr_assert(is_among(order->got[i], order->shared, HALF));
    put_many(order->pool, order->got, order->count);
    assert_accounts(order->pool);
}

/* Fails when victims are looked at before the depot: they would never age out. */
Test(conformance_generations, line_28_shared_buffer_goes_before_a_victim)
{
    static struct order order;
    struct worker getter;

    run_on_cpu(0);
    order.cpu = 0;
    worker_start(&getter);
    make_victims_and_shared(&order);
    worker_do(&getter, get_in_order, &order);
    assert_shared_went_first(&order);
    worker_end(&getter);
    bufpool_destroy(order.pool);
}

/* Fails when the home shard's victims are taken before the other shards are searched. */
Test(conformance_generations, line_28_stolen_buffer_goes_before_a_victim)
{
    static struct order order;
    struct worker getter;

    if (!run_on_cpu(1))
        cr_skip_test("one CPU, one shard: nothing to steal");
    order.cpu = 0;
    worker_start(&getter);
    make_victims_and_shared(&order);
    worker_do(&getter, get_in_order, &order);
    bufpool_stats_t stats = stats_of(order.pool);
    cr_assert(gt(u64, stats.hits_stolen, 0));
    assert_shared_went_first(&order);
    worker_end(&getter);
    bufpool_destroy(order.pool);
}

/* Fails when a collection or a trim takes a buffer, or a page of one, that is borrowed. */
Test(conformance_generations, line_29_borrowed_buffers_are_untouched_by_cycles)
{
    bufpool_t *pool = still_pool();
    void *idle[COUNT];

    touch_all_tiers(pool);
    for (int cycle = 0; cycle < 6; cycle++) {
        for (size_t tier = 0; tier < TIERS; tier++) {
            get_many(pool, (size_t)512 << tier, idle, COUNT);
            put_many(pool, idle, COUNT);
        }
        bufpool_collect(pool);
    }
    bufpool_trim(pool);
    for (size_t tier = 0; tier < TIERS; tier++) {
        for (size_t i = 0; i < COUNT; i++)
            cr_assert(is_filled(buffers[tier][i], (size_t)512 << tier, i));
    }
    put_all_tiers(pool);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when traffic of small buffers keeps big idle ones young (golang 23199). */
Test(conformance_generations, line_34_rare_big_buffer_is_gone_two_cycles_after_its_last_use)
{
    bufpool_t *pool = still_pool();
    size_t big = tier_of(pool, MIB);
    void *last_big = NULL;

    for (int request = 1; request <= 20000; request++) {
        void *buffer = bufpool_get(pool, request % 1000 == 0 ? MIB : 4096);
        fill(buffer, 4096, 34);
        if (request % 1000 == 0)
            last_big = buffer;
        bufpool_put(pool, buffer);
        if (request % 400 == 0)
            bufpool_collect(pool);
    }
    for (int request = 0; request < 2000; request++) {
        bufpool_put(pool, bufpool_get(pool, 4096));
        if (request == 500 || request == 1500)
            bufpool_collect(pool);
    }
    bufpool_stats_t stats = tier_stats_of(pool, big);
    cr_assert(eq(u64, idle_bytes(&stats), 0));
    cr_assert(eq(sz, present_bytes(last_big, MIB), 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
