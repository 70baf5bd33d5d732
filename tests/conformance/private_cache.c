/*
 * One thread's own cache, and how what it cannot hold reaches others.
 * CONFORMANCE.md lines 16-19; 20-24 are in ../concurrency.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"
#include "worker.h"

#define TIER_COUNT ((size_t)12)

/* Warm: the bin has room for two and the thread is known. */
static bool lifo_after_warm_up(bufpool_t *pool, size_t size, bool (*with)(void *a, void *b, bufpool_t *pool))
{
    for (int i = 0; i < 64; i++) {
        void *a = bufpool_get(pool, size);
        void *b = bufpool_get(pool, size);
        if (!bufpool_put(pool, a) || !bufpool_put(pool, b))
            return false;
    }
    return with(bufpool_get(pool, size), bufpool_get(pool, size), pool);
}

static bool puts_come_back_in_reverse(void *a, void *b, bufpool_t *pool)
{
    size_t size = bufpool_capacity(pool, a);
    return bufpool_put(pool, a) && bufpool_put(pool, b) && bufpool_get(pool, size) == b &&
           bufpool_get(pool, size) == a && bufpool_put(pool, a) && bufpool_put(pool, b);
}

/* Fails when the private cache is a queue, or not private. */
Test(conformance_private, line_16_last_put_is_first_got_in_every_tier)
{
    bufpool_t *pool = still_pool();
    for (size_t tier = 0; tier < TIER_COUNT; tier++)
        cr_assert(lifo_after_warm_up(pool, (size_t)512 << tier, puts_come_back_in_reverse), "tier %zu",
                  (size_t)512 << tier);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static bool forbid(void *a, void *b, bufpool_t *pool)
{
    /* Twice, as the second round must find what the first left. */
    forbid_system_calls();
    return puts_come_back_in_reverse(a, b, pool);
}

static int lifo_without_system_calls(void *arg)
{
    size_t size = *(size_t *)arg;
    return lifo_after_warm_up(still_pool(), size, forbid) ? 0 : 1;
}

/* Fails with SIGSYS when any step of get or put on a warm cache enters the kernel. */
Test(conformance_private, line_16_last_put_is_first_got_without_a_system_call)
{
    for (size_t tier = 0; tier < TIER_COUNT; tier++) {
        size_t size = (size_t)512 << tier;
        struct child_end end = child_run(lifo_without_system_calls, &size);
        cr_assert(child_exited(&end, 0), "tier %zu: status %#x %s", size, (unsigned)end.status, end.errors);
    }
}

static int million_pairs_without_system_calls(void *arg)
{
    size_t size = *(size_t *)arg;
    bufpool_t *pool = still_pool();

    bufpool_put(pool, bufpool_get(pool, size));
    forbid_system_calls();
    for (int i = 0; i < 1000000; i++) {
        if (!bufpool_put(pool, bufpool_get(pool, size)))
            return 1;
    }
    return 0;
}

/* Fails with SIGSYS when one pair in a million does: a growing bin, a clock, a yield. */
Test(conformance_private, line_17_million_warm_pairs_make_no_system_call)
{
    const size_t sizes[] = {512, 4096, 16384, MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i];
        struct child_end end = child_run(million_pairs_without_system_calls, &size);
        cr_assert(child_exited(&end, 0), "tier %zu: status %#x %s", size, (unsigned)end.status, end.errors);
    }
}

static int forbidden_call(void *arg)
{
    (void)arg;
    forbid_system_calls();
    return (int)map_count();
}

/* Fails when the filter of the two tests above lets everything pass. */
Test(conformance_private, line_17_the_filter_does_kill)
{
    struct child_end end = child_run(forbidden_call, NULL);
    cr_assert(child_died(&end, SIGSYS));
}

/* Fails when a warm get is served from anywhere but the private cache. */
Test(conformance_private, line_17_million_warm_pairs_are_private_hits)
{
    bufpool_t *pool = still_pool();

    bufpool_put(pool, bufpool_get(pool, 4096));
    bufpool_stats_t before = stats_of(pool);
    for (int i = 0; i < 1000000; i++)
        bufpool_put(pool, bufpool_get(pool, 4096));
    bufpool_stats_t after = stats_of(pool);
    cr_assert(eq(u64, after.carves, before.carves));
    cr_assert(eq(u64, after.hits_private - before.hits_private, 1000000));
    cr_assert(eq(u64, after.puts - before.puts, 1000000));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when what overflows the private cache is dropped, or is not found again. */
Test(conformance_private, line_18_hundred_puts_then_hundred_gets_carve_nothing)
{
    void *buffers[100];
    bufpool_t *pool = still_pool();

    for (size_t tier = 0; tier < TIER_COUNT; tier++) {
        size_t size = (size_t)512 << tier;
        for (int round = 0; round < 3; round++) {
            get_many(pool, size, buffers, 100);
            cr_assert(eq(sz, put_many(pool, buffers, 100), 100));
        }
        bufpool_stats_t stats = tier_stats_of(pool, tier);
        cr_assert(eq(u64, stats.carves, 100), "tier %zu", size);
        cr_assert(eq(u64, stats.failures + stats.oversized_gets, 0));
    }
    assert_accounts(pool);
    bufpool_destroy(pool);
}

enum { MANY = 2000 };

struct theft {
    bufpool_t *pool;
    size_t size, count;
    void *buffers[MANY];
};

static void take(void *arg)
{
    struct theft *theft = arg;
    get_many(theft->pool, theft->size, theft->buffers, theft->count);
}

/*
 * Fails when part of what A gave up is out of B's reach: in a shard that is not
 * searched, in a magazine that is not full, in a list only A reads.
 */
Test(conformance_private, line_19_what_a_put_beyond_its_private_part_reaches_b_before_b_carves)
{
    static struct theft theft;
    static void *put_by_a[MANY];
    const size_t sizes[] = {512, 4096, 16384, 256 * KIB};
    struct worker b;

    worker_start(&b);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        theft.pool = still_pool();
        theft.size = sizes[i];
        get_many(theft.pool, theft.size, put_by_a, MANY);
        put_many(theft.pool, put_by_a, MANY);
        bufpool_stats_t before = stats_of(theft.pool);
        theft.count = before.shared_bytes / capacity_of_size(theft.size);
        cr_assert(gt(sz, theft.count, 0), "tier %zu", theft.size);

        worker_do(&b, take, &theft);
        bufpool_stats_t after = stats_of(theft.pool);
        cr_assert(eq(u64, after.carves, before.carves), "tier %zu", theft.size);
        cr_assert(eq(u64, after.shared_bytes, 0));
        /* A's own part is still A's. */
        cr_assert(eq(u64, after.private_bytes, before.private_bytes));
        for (size_t n = 0; n < theft.count; n++)
            cr_assert(is_among(theft.buffers[n], put_by_a, MANY));
        put_many(theft.pool, theft.buffers, theft.count);
        assert_accounts(theft.pool);
        bufpool_destroy(theft.pool);
    }
    worker_end(&b);
}
