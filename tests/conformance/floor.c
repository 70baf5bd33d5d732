/*
 * min_cached_bytes: what no collection releases. CONFORMANCE.md line 32.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "pools.h"

/* Fails when the floor is counted per tier, per thread or per generation, or is given up slowly. */
Test(conformance_generations, line_32_min_cached_bytes_stay_through_any_number_of_cycles)
{
    enum { BUFFERS = 1024 };
    static void *idle[BUFFERS];
    bufpool_config_t config = still_config();
    config.min_cached_bytes = BUFFERS / 4 * 4096;
    bufpool_t *pool = pool_from(&config);

    get_many(pool, 4096, idle, BUFFERS);
    put_many(pool, idle, BUFFERS);
    for (int cycle = 0; cycle < 10; cycle++) {
        bufpool_collect(pool);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(ge(u64, idle_bytes(&stats), config.min_cached_bytes), "cycle %d", cycle);
    }
    bufpool_stats_t kept = stats_of(pool);
    /* Everything beyond the floor went. */
    cr_assert(eq(u64, idle_bytes(&kept), config.min_cached_bytes));
    get_many(pool, 4096, idle, BUFFERS / 4);
    bufpool_stats_t used = stats_of(pool);
    cr_assert(eq(u64, used.carves, kept.carves));
    put_many(pool, idle, BUFFERS / 4);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when the floor keeps the buffers that were idle longest. */
Test(conformance_generations, line_32_newest_idle_buffers_are_the_ones_that_stay)
{
    enum { BUFFERS = 512 };
    static void *older[BUFFERS], *newer[BUFFERS], *got[BUFFERS];
    bufpool_config_t config = still_config();
    config.min_cached_bytes = BUFFERS * 4096;
    bufpool_t *pool = pool_from(&config);

    get_many(pool, 4096, older, BUFFERS);
    get_many(pool, 4096, newer, BUFFERS);
    put_many(pool, older, BUFFERS);
    bufpool_collect(pool);
    put_many(pool, newer, BUFFERS);
    for (int cycle = 0; cycle < 4; cycle++)
        bufpool_collect(pool);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, idle_bytes(&stats), config.min_cached_bytes));
    get_many(pool, 4096, got, BUFFERS);
    for (size_t i = 0; i < BUFFERS; i++)
        cr_assert(is_among(got[i], newer, BUFFERS));
    put_many(pool, got, BUFFERS);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static void use_and_collect(bufpool_t *pool, size_t size, size_t bytes, int cycles)
{
    static void *idle[1024];
    get_many(pool, size, idle, bytes / size);
    put_many(pool, idle, bytes / size);
    for (int i = 0; i < cycles; i++)
        bufpool_collect(pool);
}

/* Fails when the floor is filled tier by tier instead of newest first. */
Test(conformance_generations, line_32_newest_idle_buffers_stay_whatever_their_tier)
{
    const size_t oldest_and_middle[][2] = {{1024, 4096}, {4096, 1024}};

    for (size_t i = 0; i < 2; i++) {
        size_t oldest = oldest_and_middle[i][0];
        size_t middle = oldest_and_middle[i][1];
        bufpool_config_t config = still_config();
        config.min_cached_bytes = 2 * MIB;
        bufpool_t *pool = pool_from(&config);

        /* Two of three parts may stay. The floor holds the first two until the third comes. */
        use_and_collect(pool, oldest, MIB, 1);
        use_and_collect(pool, middle, MIB, 3);
        bufpool_stats_t full = stats_of(pool);
        cr_assert(eq(u64, full.cold_bytes, 2 * MIB));
        use_and_collect(pool, 8192, MIB, 3);
        bufpool_stats_t gone = tier_stats_of(pool, tier_of(pool, oldest));
        bufpool_stats_t kept = tier_stats_of(pool, tier_of(pool, middle));
        cr_assert(eq(u64, idle_bytes(&gone), 0), "%zu is older than %zu", oldest, middle);
        cr_assert(eq(u64, idle_bytes(&kept), MIB), "%zu is older than %zu", oldest, middle);
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}
