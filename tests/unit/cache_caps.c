/*
 * cache.h: how much a bin may hold: it grows with what it misses, within bounds.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "inside.h"
#include "pools.h"

enum { MANY = 2000 };

static void *buffers[MANY];
static const size_t sizes[] = {512, 2048, 4096, 8192, 16384, 65536, 262144, 1 << 20};
#define SIZES (sizeof sizes / sizeof sizes[0])

/* More than one magazine, reached by doubling; what a thread that only puts or only gets needs. */
static bool is_beyond_a_magazine(const struct cache_shape *shape, unsigned cap)
{
    return cap == shape->cap_max || (cap > shape->magazine && cap <= 2 * shape->magazine);
}

static unsigned few(size_t size)
{
    return (unsigned)min_u64(MANY, 64 * MIB / size);
}

/* Fails when a thread that uses a tier once holds as much as one that lives on it. */
Test(unit_cache_caps, first_cap_is_32_kib_but_two_to_32_buffers)
{
    bufpool_t *pool = still_pool();
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        uint64_t size = pool->tiers.tier[i].size;
        bufpool_put(pool, bufpool_get(pool, size));
        uint64_t expected = max_u64(2, min_u64(32, 32 * KIB / size));
        cr_assert(eq(u64, inside_cap(pool, i), expected), "tier %zu", (size_t)size);
    }
    bufpool_destroy(pool);
}

/* Fails when a thread that only puts hoards more and more, though it never fetches one back. */
Test(unit_cache_caps, only_putting_grows_the_cap_beyond_a_magazine)
{
    for (size_t i = 0; i < SIZES; i++) {
        bufpool_t *pool = one_tier_pool(sizes[i]);
        unsigned count = few(sizes[i]);
        get_many(pool, sizes[i], buffers, count);
        put_many(pool, buffers, count);
        cr_assert(is_beyond_a_magazine(&pool->shape[0], inside_cap(pool, 0)), "tier %zu: cap %u of %u",
                  sizes[i], inside_cap(pool, 0), pool->shape[0].magazine);
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when a thread that only gets fetches a few at a time for ever, or far too many. */
Test(unit_cache_caps, only_getting_grows_the_cap_beyond_a_magazine)
{
    for (size_t i = 0; i < SIZES; i++) {
        bufpool_t *pool = one_tier_pool(sizes[i]);
        unsigned count = few(sizes[i]);
        cr_assert(eq(int, bufpool_reserve(pool, sizes[i], count), 0));
        get_many(pool, sizes[i], buffers, count);
        cr_assert(is_beyond_a_magazine(&pool->shape[0], inside_cap(pool, 0)), "tier %zu: cap %u of %u",
                  sizes[i], inside_cap(pool, 0), pool->shape[0].magazine);
        cr_assert(eq(u64, stats_of(pool).carves, 0));
        put_many(pool, buffers, count);
        assert_accounts_with_reserved(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when buffers go to the depot and come back for ever, though the thread may hold them. */
Test(unit_cache_caps, going_back_and_forth_grows_the_cap_to_its_bound)
{
    for (size_t i = 0; i < SIZES; i++) {
        bufpool_t *pool = one_tier_pool(sizes[i]);
        unsigned count = pool->shape[0].cap_max;
        for (int round = 0; round < 30; round++) {
            get_many(pool, sizes[i], buffers, count);
            put_many(pool, buffers, count);
        }
        cr_assert(eq(uint, inside_cap(pool, 0), count), "tier %zu", sizes[i]);
        bufpool_stats_t before = stats_of(pool);
        get_many(pool, sizes[i], buffers, count);
        put_many(pool, buffers, count);
        bufpool_stats_t after = stats_of(pool);
        cr_assert(eq(u64, after.hits_private - before.hits_private, count));
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when one burst makes a thread hold much for the rest of its life. */
Test(unit_cache_caps, burst_is_forgotten_in_a_few_collections)
{
    bufpool_t *pool = one_tier_pool(4096);
    for (int round = 0; round < 30; round++) {
        get_many(pool, 4096, buffers, 300);
        put_many(pool, buffers, 300);
    }
    unsigned cap = inside_cap(pool, 0);
    cr_assert(ge(uint, cap, 128));
    void *buffer = bufpool_get(pool, 4096);
    while (cap > pool->shape[0].cap_start) {
        bufpool_collect(pool);
        cr_assert(eq(uint, inside_cap(pool, 0), 0));
        unsigned expected = (unsigned)max_u64(cap / 2, pool->shape[0].cap_start);
        bufpool_put(pool, buffer);
        cap = inside_cap(pool, 0);
        cr_assert(eq(uint, cap, expected));
        cr_assert(eq(ptr, bufpool_get(pool, 4096), buffer));
    }
    bufpool_put(pool, buffer);
    bufpool_destroy(pool);
}

/* Fails when many tiers together hold more than max_thread_bytes, but for two buffers of each. */
Test(unit_cache_caps, max_thread_bytes_bounds_all_caps_together)
{
    static const size_t limits[] = {0, 4096, 100 * KIB, MIB, 2 * MIB, 16 * MIB};
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        bufpool_config_t config = still_config();
        config.max_thread_bytes = limits[l];
        bufpool_t *pool = pool_from(&config);
        uint64_t state = 61 + l;
        unsigned count = 0;
        unsigned caps[TIERS_MAX] = {0};

        for (int step = 0; step < 20000; step++) {
            /* Waves of 500 steps, up and down. */
            bool get = count == 0 ||
                       (count < 300 && (random_next(&state) >> 32) % 10 < (step / 500 % 2 != 0 ? 7u : 3u));
            if (get)
                buffers[count++] = bufpool_get(pool, random_size(&state, 256 * KIB));
            else
                bufpool_put(pool, buffers[--count]);
            struct block *block = inside_block(pool);
            uint64_t granted = inside_caps_bytes(pool, block);
            if (granted != block->granted)
                cr_fail("%zu granted, %zu said", (size_t)granted, (size_t)block->granted);
            for (unsigned i = 0; i < pool->tiers.count; i++) {
                unsigned cap = inside_cap(pool, i);
                if (cap > caps[i] && cap > 2 && granted > limits[l])
                    cr_fail("tier %u may hold %u: %zu bytes in all", i, cap, (size_t)granted);
                caps[i] = cap;
            }
        }
        put_many(pool, buffers, count);
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when a bin is larger than its part of the block: caps would run into the next bin. */
Test(unit_cache_caps, bins_do_not_overlap)
{
    static const size_t limits[] = {0, 100 * KIB, 2 * MIB, SIZE_MAX};
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        bufpool_config_t config = still_config();
        config.max_thread_bytes = limits[l];
        config.tier_steps = 4;
        bufpool_t *pool = pool_from(&config);
        bufpool_put(pool, bufpool_get(pool, 512));
        struct block *block = inside_block(pool);
        uintptr_t end = (uintptr_t)block_tally(block, pool->tiers.count, pool->tiers.count);
        cr_assert(ge(u64, (uintptr_t)block_tally(block, pool->tiers.count, 0),
                     (uintptr_t)&block->bin[pool->tiers.count + 1]));
        for (unsigned i = 0; i <= pool->tiers.count; i++) {
            struct bin *bin = &block->bin[i];
            cr_assert(ge(u64, (uintptr_t)bin->slot, end));
            cr_assert(eq(u64, (uintptr_t)bin % LINE_SIZE, 0));
            end = (uintptr_t)&bin->slot[i < pool->tiers.count ? pool->shape[i].cap_max + 1 : 1];
            cr_assert(i == pool->tiers.count || pool->shape[i].cap_max >= 2);
        }
        cr_assert(le(u64, end, (uintptr_t)block + pool->blocks.element_size));
        bufpool_destroy(pool);
    }
}

/* Fails when what lies in the bins of threads that wait for a CPU, to be passed on, grows with their number.
 */
Test(unit_cache_caps, with_more_threads_than_cpus_who_only_puts_has_a_smaller_bin)
{
    for (size_t i = 0; i < SIZES; i++) {
        bufpool_t *pool = one_tier_pool(sizes[i]);
        unsigned count = few(sizes[i]);
        atomic_store(&pool->threads, pool->depot.shards + 1);
        get_many(pool, sizes[i], buffers, count);
        cr_assert(eq(sz, put_many(pool, buffers, count), count), "tier %zu: kept all the same", sizes[i]);
        cr_assert(le(uint, inside_cap(pool, 0), max_u64(pool->shape[0].cap_crowd, pool->shape[0].cap_start)),
                  "tier %zu", sizes[i]);
        assert_accounts(pool);
        atomic_store(&pool->threads, 1);
        bufpool_destroy(pool);
    }
}

/* Fails when a thread that fetches its buffers back loses its bin because others wait for a CPU. */
Test(unit_cache_caps, with_more_threads_than_cpus_who_gets_and_puts_keeps_its_bin)
{
    bufpool_t *pool = one_tier_pool(16384);

    atomic_store(&pool->threads, pool->depot.shards + 1);
    for (int round = 0; round < 30; round++) {
        get_many(pool, 16384, buffers, 128);
        put_many(pool, buffers, 128);
    }
    cr_assert(eq(uint, inside_cap(pool, 0), pool->shape[0].cap_max));
    cr_assert(gt(uint, pool->shape[0].cap_max, pool->shape[0].cap_crowd));
    atomic_store(&pool->threads, 1);
    bufpool_destroy(pool);
}

/* Fails when a buffer that goes past the bin may be put twice in a row. */
Test(unit_cache_caps, immediate_double_put_past_the_bin_is_named)
{
    bufpool_t *pool = one_tier_pool(MIB);
    void *buffer = bufpool_get(pool, MIB);

    cr_assert(eq(int, cache_put_direct(pool, 0, buffer), FILED));
    cr_assert(eq(int, cache_put_direct(pool, 0, buffer), FILED_DOUBLE));
    cr_assert(eq(u64, stats_of(pool).shared_bytes, capacity_of_size(MIB)));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
