/*
 * cache.h: what is in a bin, in which order, and where it goes from there.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "blocks.h"
#include "hook.h"
#include "inside.h"
#include "pools.h"

enum { MANY = 600 };

static void *buffers[MANY];

/* A pool whose bins of 4096 hold eight and never more. */
static bufpool_t *pool_of_eight(void)
{
    bufpool_config_t config = still_config();
    config.min_size = config.max_size = 4096;
    config.max_thread_bytes = 64 * KIB;
    return pool_from(&config);
}

static bool block_is_sealed(bufpool_t *pool)
{
    struct block *block = inside_block(pool);
    bool shut = true;
    for (unsigned i = 0; i < pool->tiers.count; i++)
        shut = shut && inside_cap(pool, i) == 0 && inside_count(pool, i) == 0;
    return shut && atomic_load(&block->sealed);
}

/* Fails when a thread can fill a bin without the slow path: a parked collector would never hear of it. */
Test(unit_cache_bins, new_block_is_sealed_until_the_first_put)
{
    bufpool_t *pool = still_pool();
    get_many(pool, 4096, buffers, 2);
    cr_assert(block_is_sealed(pool), "a get that carves needs no bin");
    bufpool_put(pool, buffers[0]);
    cr_assert(not(atomic_load(&inside_block(pool)->sealed)));
    for (unsigned i = 0; i < pool->tiers.count; i++)
        cr_assert(eq(uint, inside_cap(pool, i) != 0, i == tier_of(pool, 4096)));
    bufpool_put(pool, buffers[1]);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a collection leaves a thread with open bins that nobody watches. */
Test(unit_cache_bins, collection_leaves_a_sealed_block_and_a_put_unseals_it)
{
    bufpool_t *pool = still_pool();
    for (int round = 0; round < 5; round++) {
        get_many(pool, 4096, buffers, 3);
        put_many(pool, buffers, 3);
        cr_assert(not(block_is_sealed(pool)));
        struct block *before = inside_block(pool);
        bufpool_collect(pool);
        cr_assert(ne(ptr, inside_block(pool), before));
        cr_assert(block_is_sealed(pool));
        cr_assert(eq(u64, inside_depot(pool, (unsigned)tier_of(pool, 4096), PLACE_VICTIM), 3));
    }
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/*
 * Fails when the thread gets cold ones while it has warm ones, or neighbours in
 * an order against the one they were put in.
 */
Test(unit_cache_bins, last_put_is_first_got_then_the_newest_magazine_in_order)
{
    bufpool_t *pool = pool_of_eight();
    get_many(pool, 4096, buffers, 60);
    put_many(pool, buffers, 60);
    unsigned left = 60;
    for (unsigned kept = inside_count(pool, 0); kept > 0; kept--)
        cr_assert(eq(ptr, bufpool_get(pool, 4096), buffers[--left]));
    /* Only the thread's own shard was used, and it is a stack. */
    while (left > 0) {
        void *buffer = bufpool_get(pool, 4096);
        unsigned more = inside_count(pool, 0);
        left -= more + 1;
        cr_assert(eq(ptr, buffer, buffers[left]));
        for (unsigned i = 1; i <= more; i++)
            cr_assert(eq(ptr, bufpool_get(pool, 4096), buffers[left + i]), "number %u", left + i);
    }
    cr_assert(eq(u64, stats_of(pool).carves, 60));
    put_many(pool, buffers, 60);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when the newer half goes: the thread would get cold ones next. */
Test(unit_cache_bins, flush_sends_the_older_half)
{
    bufpool_t *pool = pool_of_eight();
    unsigned shard;

    get_many(pool, 4096, buffers, 9);
    put_many(pool, buffers, 8);
    cr_assert(eq(uint, inside_count(pool, 0), 8));
    cr_assert(eq(uint, inside_cap(pool, 0), 8));
    cr_assert(eq(u64, inside_depot(pool, 0, PLACE_SHARED), 0));
    bufpool_put(pool, buffers[8]);
    cr_assert(eq(uint, inside_count(pool, 0), 5));
    for (unsigned i = 0; i < 5; i++)
        cr_assert(eq(ptr, inside_bin(pool, 0)->slot[1 + i], buffers[4 + i]));

    struct magazine *magazine = depot_pop(&pool->depot, PLACE_SHARED, 0, 0, &shard);
    cr_assert(eq(uint, magazine_count(magazine), 4));
    for (unsigned i = 0; i < 4; i++)
        cr_assert(eq(ptr, magazine->buffer[i], buffers[i]));
    depot_push(&pool->depot, PLACE_SHARED, 0, shard, magazine);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a refill takes more than the bin's cap, or loses what it leaves. */
Test(unit_cache_bins, refill_takes_what_fits_and_pushes_the_rest_back)
{
    bufpool_t *pool = pool_of_eight();
    unsigned magazine = pool->shape[0].magazine;

    cr_assert(eq(int, bufpool_reserve(pool, 4096, magazine), 0));
    buffers[0] = bufpool_get(pool, 4096);
    cr_assert(eq(uint, inside_count(pool, 0), 8));
    cr_assert(eq(u64, inside_depot(pool, 0, PLACE_SHARED), magazine - 9));
    get_many(pool, 4096, buffers + 1, magazine - 1);
    cr_assert(eq(u64, inside_depot(pool, 0, PLACE_SHARED), 0));
    for (unsigned i = 0; i < magazine; i++)
        cr_assert(not(is_among(buffers[i], buffers + i + 1, magazine - i - 1)));
    put_many(pool, buffers, magazine);
    assert_accounts_with_reserved(pool);
    bufpool_destroy(pool);
}

static bool maps_fail(enum hook_call call)
{
    return call == HOOK_MAP;
}

/* Fails when a flush that gets no magazine drops buffers, or put returns without having filed one. */
Test(unit_cache_bins, flush_without_a_magazine_parks_the_older_half)
{
    bufpool_t *pool = pool_of_eight();

    get_many(pool, 4096, buffers, 20);
    put_many(pool, buffers, 8);
    hook_on_call(maps_fail);
    cr_assert(bufpool_put(pool, buffers[8]));
    cr_assert(eq(u64, span_cold_count(&pool->span[0]), 4));
    cr_assert(eq(uint, inside_count(pool, 0), 5));
    put_many(pool, buffers + 9, 11);
    hook_on_call(NULL);
    cr_assert(eq(u64, span_cold_count(&pool->span[0]) + inside_count(pool, 0), 20));
    assert_accounts(pool);
    get_many(pool, 4096, buffers, 20);
    cr_assert(eq(u64, stats_of(pool).carves, 20));
    put_many(pool, buffers, 20);
    bufpool_destroy(pool);
}

/* Fails when a buffer is left behind, a magazine is overfilled, or a grant is not given back. */
Test(unit_cache_bins, block_is_emptied_to_any_place)
{
    static const size_t sizes[] = {512, 4096, 65536, 1 << 20};
    for (enum place place = PLACE_SHARED; place <= PLACE_COLD; place++) {
        uint64_t held[4];
        bufpool_config_t config = still_config();
        config.max_cached_bytes = 256 * MIB;
        bufpool_t *pool = pool_from(&config);
        for (unsigned i = 0; i < 4; i++) {
            get_many(pool, sizes[i], buffers, 100);
            put_many(pool, buffers, 100);
        }
        struct record *record = inside_record(pool);
        uint64_t before[4];
        for (unsigned i = 0; i < 4; i++) {
            unsigned tier = (unsigned)tier_of(pool, sizes[i]);
            held[i] = inside_count(pool, tier);
            before[i] = inside_depot(pool, tier, place);
            cr_assert(gt(u64, held[i], 0));
        }
        block_empty(pool, cache_enter(record), place, 0);
        cache_leave(record, pool->key);
        cr_assert(block_is_sealed(pool));
        for (unsigned i = 0; i < 4; i++) {
            unsigned tier = (unsigned)tier_of(pool, sizes[i]);
            cr_assert(eq(u64, inside_depot(pool, tier, place), before[i] + held[i]));
            cr_assert(eq(u64, inside_depot(pool, tier, PLACE_HAND), 0));
        }
        cr_assert(eq(u64, atomic_load(&pool->cached.used), inside_cached_bytes(pool)));
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

static unsigned swaps;

static void count_swaps(enum hook_point point)
{
    swaps += point == HOOK_COLLECT_SWAPPING;
}

/* Fails when an emptied block is not sealed: an idle thread then costs each collection a swap and a
 * membarrier. */
Test(unit_cache_bins, idle_threads_block_is_no_work_for_a_collection)
{
    bufpool_t *pool = still_pool();
    get_many(pool, 4096, buffers, 3);
    put_many(pool, buffers, 3);
    bufpool_thread_idle(pool);
    cr_assert(block_is_sealed(pool));

    struct block *before = inside_block(pool);
    hook_on_point(count_swaps);
    bufpool_collect(pool);
    hook_on_point(NULL);
    cr_assert(eq(uint, swaps, 0));
    cr_assert(eq(ptr, inside_block(pool), before));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when who sums up reads through a block that another thread has added and not laid out yet. */
Test(unit_cache_bins, accounts_skip_a_block_just_added)
{
    bufpool_t *pool = still_pool();
    bufpool_put(pool, bufpool_get(pool, 512));
    bufpool_stats_t before = stats_of(pool);
    uint32_t added = table_add(&pool->blocks);
    cr_assert(ne(u32, added, INDEX_NONE));
    bufpool_stats_t after = stats_of(pool);
    cr_assert(eq(u64, after.gets, before.gets));
    cr_assert(eq(u64, after.private_bytes, before.private_bytes));
    bufpool_destroy(pool);
}
