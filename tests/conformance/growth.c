/*
 * A pool that grows in one tier gives back what others have idle, without a
 * collection and within bounds: API.md's accounts say what moved.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "pools.h"

/* 32 MiB each. */
enum { LARGE = 2048, SMALL = 8192 };
static const size_t large_size = 16 * KIB, small_size = 4 * KIB;
static void *large[LARGE], *small[SMALL];

/* The collector's first collection is an hour away: what goes home goes without it. */
static bufpool_config_t growing_config(void)
{
    bufpool_config_t config = still_config();
    config.collect_interval_ms = 3600 * 1000;
    return config;
}

static void use_large(bufpool_t *pool)
{
    get_many(pool, large_size, large, LARGE);
    put_many(pool, large, LARGE);
}

static void use_small(bufpool_t *pool)
{
    get_many(pool, small_size, small, SMALL);
    put_many(pool, small, SMALL);
}

static uint64_t purged_bytes(bufpool_t *pool)
{
    bufpool_stats_t of_large = tier_stats_of(pool, tier_of(pool, large_size));
    bufpool_stats_t of_small = tier_stats_of(pool, tier_of(pool, small_size));
    return of_large.purges * capacity_of_size(large_size) + of_small.purges * capacity_of_size(small_size);
}

/* Fails when a load that moves from one tier to another needs the sum of both. */
Test(conformance_growth, growth_is_paid_for_with_what_other_tiers_have_idle)
{
    bufpool_config_t config = growing_config();
    bufpool_t *pool = pool_from(&config);

    use_large(pool);
    cr_assert(eq(u64, purged_bytes(pool), 0));
    get_many(pool, small_size, small, SMALL);
    /* The budget of one interval, less what lags behind. */
    cr_assert(ge(u64, purged_bytes(pool), 32 * MIB / 4 * 3 - 4 * MIB));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(le(u64, stats.committed_bytes, (32 + 8 + 6) * MIB));
    cr_assert(eq(u64, stats.collections, 0));
    put_many(pool, small, SMALL);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when two tiers in turn purge each other for ever. */
Test(conformance_growth, going_back_and_forth_settles)
{
    bufpool_config_t config = growing_config();
    bufpool_t *pool = pool_from(&config);

    for (int turn = 0; turn < 8; turn++) {
        use_large(pool);
        use_small(pool);
    }
    bufpool_stats_t settled = stats_of(pool);
    cr_assert(le(u64, purged_bytes(pool), 66 * MIB / 4 * 3 + 2 * MIB));
    use_large(pool);
    use_small(pool);
    cr_assert(eq(u64, stats_of(pool).carves, settled.carves));

    /* A collection begins a new account. */
    uint64_t before = purged_bytes(pool);
    bufpool_trim(pool);
    use_large(pool);
    use_small(pool);
    cr_assert(gt(u64, purged_bytes(pool), before));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when the floor holds against collections only. */
Test(conformance_growth, min_cached_bytes_stay)
{
    bufpool_config_t config = growing_config();
    config.min_cached_bytes = 24 * MIB;
    bufpool_t *pool = pool_from(&config);

    use_large(pool);
    get_many(pool, small_size, small, SMALL);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(ge(u64, idle_bytes(&stats), config.min_cached_bytes));
    cr_assert(gt(u64, purged_bytes(pool), 0));
    put_many(pool, small, SMALL);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when memory goes home that only the caller was to send there. */
Test(conformance_growth, without_an_interval_nothing_goes_by_itself)
{
    bufpool_t *pool = still_pool();

    use_large(pool);
    use_small(pool);
    cr_assert(eq(u64, purged_bytes(pool), 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
