#include "growth.h"

#include "cold.h"
#include "collect.h"
#include "stats.h"

/* A pool with less than this grows freely. */
#define GROWTH_FREE ((uint64_t)32 << 20)
/* Between two collections growth sends home at most so many quarters of what is backed. */
#define GROWTH_PAYS_QUARTERS 3u
/* It parks up to so many times what it has to send home. */
#define GROWTH_PARKS 8u

/* ------------------------------------------------------------ growth */

/* What carving has backed and purging has not taken back. */
static uint64_t carved_bytes(const struct bufpool *pool)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < pool->tiers.count; i++)
        bytes += subtract_to_zero(count_read(&pool->account[i].carves), count_read(&pool->span[i].purges)) *
                 tier_capacity(pool, i);
    return bytes;
}

/* How much may go now for `grown` bytes that came. */
static uint64_t growth_pays(struct bufpool *pool, uint64_t grown)
{
    uint64_t paid = atomic_load_explicit(&pool->collection.paid_bytes, memory_order_relaxed);
    uint64_t carved = carved_bytes(pool);
    if (carved < GROWTH_FREE)
        return 0;
    uint64_t due = min_u64(grown, subtract_to_zero(carved / 4 * GROWTH_PAYS_QUARTERS, paid));

    if (due == 0 || pool->min_cached_bytes == 0)
        return due;
    return min_u64(
        due, subtract_to_zero(stats_cached_bytes(pool) + cold_parked_bytes(pool), pool->min_cached_bytes));
}

/*
 * Park victims of at least `bytes`, the largest tiers first: fewest steps a byte.
 * Of a tier some more, so that what is purged lies in long runs.
 */
static void park_victims(struct cycle *cycle, uint64_t bytes)
{
    struct bufpool *pool = cycle->pool;
    uint64_t parked = 0;

    for (unsigned i = pool->tiers.count; i-- > 0 && parked < bytes;) {
        struct magazine *magazine;
        unsigned shard;
        while (parked < GROWTH_PARKS * bytes && !cycle->deposed &&
               (magazine = depot_pop(&pool->depot, PLACE_VICTIM, i, 0, &shard)) != NULL) {
            parked += magazine_count(magazine) * tier_capacity(pool, i);
            cold_leave_cached(pool, i, magazine);
            cold_park(pool, i, magazine);
            cycle_step(cycle);
        }
    }
}

void growth_carved(struct bufpool *pool, uint64_t bytes)
{
    struct cycle cycle = {.pool = pool, .survivors = PLACE_VICTIM};
    struct collection *collection = &pool->collection;
    uint64_t grown = atomic_fetch_add_explicit(&collection->grown_bytes, bytes, memory_order_relaxed) + bytes;

    if (grown < PURGE_BATCH || pool->collect_interval_ms == 0 || !cycle_hold(&cycle))
        return;
    atomic_store_explicit(&collection->grown_bytes, 0, memory_order_relaxed);
    uint64_t due = growth_pays(pool, grown);
    if (due > 0)
        cold_purge_parked(&cycle, due);
    if (cycle.released < due) {
        park_victims(&cycle, due - cycle.released);
        cold_purge_parked(&cycle, due - cycle.released);
    }
    /* No victims left: the next growth pays with what stays idle until then. */
    for (unsigned i = 0; cycle.released < due && i < pool->tiers.count; i++)
        collect_shared(&cycle, i);
    atomic_fetch_add_explicit(&collection->paid_bytes, cycle.released, memory_order_relaxed);
    cycle_unhold(&cycle);
}
