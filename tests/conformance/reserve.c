/*
 * bufpool_reserve: idle buffers with pages, before anybody asks.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"

enum { COUNT = 200 };

static void *buffers[COUNT];

/* Fails when a reserved buffer is not there, has no pages yet, or is counted as traffic. */
Test(conformance_reserve, reserved_buffers_are_shared_and_have_their_pages)
{
    bufpool_t *pool = still_pool();
    const size_t sizes[] = {512, 4096, 16384, 256 * KIB};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i];
        size_t tier = tier_of(pool, size);
        cr_assert(eq(int, bufpool_reserve(pool, size, COUNT), 0));
        bufpool_stats_t reserved = tier_stats_of(pool, tier);
        cr_assert(eq(u64, reserved.shared_bytes, COUNT * capacity_of_size(size)), "tier %zu", size);
        cr_assert(eq(u64, reserved.committed_bytes, COUNT * capacity_of_size(size)));
        cr_assert(eq(u64, reserved.gets + reserved.carves + reserved.puts, 0));
        assert_accounts_with_reserved(pool);

        get_many(pool, size, buffers, COUNT);
        for (size_t n = 0; n < COUNT; n++)
            cr_assert(ge(sz, present_bytes(buffers[n], size), size), "tier %zu", size);
        bufpool_stats_t got = tier_stats_of(pool, tier);
        cr_assert(eq(u64, got.carves, 0));
        put_many(pool, buffers, COUNT);
        assert_accounts_with_reserved(pool);
    }
    bufpool_destroy(pool);
}

/* Fails when reserve adds instead of topping up. */
Test(conformance_reserve, reserve_tops_up_to_the_count)
{
    bufpool_t *pool = still_pool();

    get_many(pool, 4096, buffers, 50);
    put_many(pool, buffers, 50);
    cr_assert(eq(int, bufpool_reserve(pool, 4096, 80), 0));
    bufpool_stats_t first = stats_of(pool);
    cr_assert(eq(u64, idle_bytes(&first), 80 * 4096));
    cr_assert(eq(int, bufpool_reserve(pool, 4000, 80), 0));
    cr_assert(eq(int, bufpool_reserve(pool, 4096, 10), 0));
    cr_assert(eq(int, bufpool_reserve(pool, 4096, 0), 0));
    bufpool_stats_t again = stats_of(pool);
    cr_assert(eq(u64, idle_bytes(&again), 80 * 4096));
    assert_accounts_with_reserved(pool);
    bufpool_destroy(pool);
}

/* Fails when the tier's capacity is not the border, or the pool is touched on the way. */
Test(conformance_reserve, reserve_above_the_largest_capacity_is_einval)
{
    bufpool_t *pool = still_pool();
    cr_assert(eq(int, bufpool_reserve(pool, MIB + HEADROOM_BYTES + 1, 1), -EINVAL));
    cr_assert(eq(int, bufpool_reserve(pool, SIZE_MAX, 1), -EINVAL));
    cr_assert(eq(int, bufpool_reserve(pool, MIB + HEADROOM_BYTES, 1), 0));
    bufpool_destroy(pool);
}

static void assert_nothing_kept(bufpool_t *pool, size_t size, size_t count)
{
    bufpool_stats_t before = stats_of(pool);
    int result = bufpool_reserve(pool, size, count);
    bufpool_stats_t after = stats_of(pool);

    cr_assert(eq(int, result, -ENOMEM));
    cr_assert(le(u64, idle_bytes(&after), idle_bytes(&before)));
    cr_assert(eq(u64, after.in_use_bytes, before.in_use_bytes));
    assert_accounts_with_reserved(pool);
}

/* Fails when a reserve that cannot be met keeps half of it. */
Test(conformance_reserve, reserve_beyond_max_bytes_is_enomem_with_nothing_kept)
{
    bufpool_config_t config = still_config();
    config.max_bytes = 100 * 4096;
    bufpool_t *pool = pool_from(&config);

    assert_nothing_kept(pool, 4096, 101);
    assert_nothing_kept(pool, 4096, SIZE_MAX);
    assert_nothing_kept(pool, 4096, SIZE_MAX / 4096 + 2);
    cr_assert(eq(int, bufpool_reserve(pool, 4096, 100), 0));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, idle_bytes(&stats), config.max_bytes));
    assert_accounts_with_reserved(pool);
    bufpool_destroy(pool);
}

/* Fails when reserved buffers do not count as cached. */
Test(conformance_reserve, reserve_beyond_max_cached_bytes_is_enomem_with_nothing_kept)
{
    bufpool_config_t config = still_config();
    config.max_cached_bytes = 100 * 4096;
    bufpool_t *pool = pool_from(&config);

    assert_nothing_kept(pool, 4096, 101);
    assert_nothing_kept(pool, MIB, 1);
    cr_assert(eq(int, bufpool_reserve(pool, 4096, 100), 0));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.shared_bytes, 100 * 4096));
    assert_accounts_with_reserved(pool);
    bufpool_destroy(pool);
}

/* Fails when a reserve of more than the address space holds is served from outside the tier. */
Test(conformance_reserve, reserve_beyond_the_address_space_is_enomem_with_nothing_kept)
{
    bufpool_config_t config = still_config();
    config.tier_span = 8 * MIB;
    bufpool_t *pool = pool_from(&config);

    assert_nothing_kept(pool, MIB, 20);
    assert_nothing_kept(pool, 4096, 3000);
    cr_assert(eq(int, bufpool_reserve(pool, 4096, 1000), 0));
    assert_accounts_with_reserved(pool);
    bufpool_destroy(pool);
}

/* Fails when reserved buffers are pinned, or are not held by min_cached_bytes. */
Test(conformance_reserve, reserved_buffers_age_unless_min_cached_bytes_hold_them)
{
    for (int held = 0; held <= 1; held++) {
        bufpool_config_t config = still_config();
        config.min_cached_bytes = held ? COUNT * 4096 : 0;
        bufpool_t *pool = pool_from(&config);

        cr_assert(eq(int, bufpool_reserve(pool, 4096, COUNT), 0));
        for (int cycle = 0; cycle < 4; cycle++)
            bufpool_collect(pool);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, idle_bytes(&stats), config.min_cached_bytes));
        assert_accounts_with_reserved(pool);
        bufpool_destroy(pool);
    }
}
