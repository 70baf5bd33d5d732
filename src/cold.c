#include "cold.h"

#include "blocks.h"
#include "probe.h"
#include "stats.h"

void cold_leave_cached(struct bufpool *pool, unsigned tier, const struct magazine *magazine)
{
    budget_give(&pool->cached, magazine_count(magazine) * tier_capacity(pool, tier));
}

void cold_park(struct bufpool *pool, unsigned tier, struct magazine *magazine)
{
    while (magazine_count(magazine) > 0)
        buffer_park(pool, tier, magazine_take(magazine));
    magazine_drop(&pool->depot, magazine);
}

static struct magazine *pop_cold(struct bufpool *pool, unsigned tier, unsigned stack)
{
    uint32_t index = stack_pop(&pool->depot.tier[tier].cold[stack], &pool->depot.magazines);
    return index == INDEX_NONE ? NULL : table_at(&pool->depot.magazines, index);
}

static void pour_cold(struct cycle *cycle, unsigned tier, unsigned from)
{
    struct depot *depot = &cycle->pool->depot;
    struct magazine *magazine;

    for (uint32_t i = cycle_limit(cycle);
         i > 0 && !cycle->deposed && (magazine = pop_cold(cycle->pool, tier, from)) != NULL; i--) {
        stack_push(&depot->tier[tier].cold[!from], &depot->magazines, magazine->self);
        cycle_step(cycle);
    }
}

/* The tier whose newest cold magazine is the newest of all; the count of tiers if none has one. */
static unsigned newest_cold(const struct bufpool *pool)
{
    unsigned newest = pool->tiers.count;
    uint32_t stamp = 0;

    for (unsigned i = 0; i < pool->tiers.count; i++) {
        uint64_t head = atomic_load_explicit(&pool->depot.tier[i].cold[0].head, memory_order_acquire);
        if (tagged_index(head) == INDEX_NONE)
            continue;
        struct magazine *top = table_at(&pool->depot.magazines, tagged_index(head));
        /* relaxed: popped meanwhile, it may be anything; then the choice is a worse one. */
        uint32_t candidate = atomic_load_explicit(&top->stamp, memory_order_relaxed);
        if (newest == pool->tiers.count || (int32_t)(candidate - stamp) > 0) {
            newest = i;
            stamp = candidate;
        }
    }
    return newest;
}

/*
 * Keep the newest cold magazines, `keep` bytes of them: pour them aside from the
 * top, and back when what is below has been parked. Returns what it kept.
 */
static uint64_t keep_newest(struct cycle *cycle, uint64_t keep)
{
    struct bufpool *pool = cycle->pool;
    struct depot *depot = &pool->depot;
    uint64_t kept = 0;

    for (unsigned i = 0; i < pool->tiers.count; i++)
        pour_cold(cycle, i, 1); /* left there by a holder that was stopped */
    for (uint32_t i = cycle_limit(cycle); i > 0 && kept < keep && !cycle->deposed; i--) {
        unsigned tier = newest_cold(pool);
        struct magazine *magazine = tier == pool->tiers.count ? NULL : pop_cold(pool, tier, 0);
        if (magazine == NULL)
            break;
        while (magazine_count(magazine) > (keep - kept - 1) / tier_capacity(pool, tier) + 1)
            buffer_park(pool, tier, magazine_take(magazine)); /* what is more than the minimum needs */
        kept += magazine_count(magazine) * tier_capacity(pool, tier);
        stack_push(&depot->tier[tier].cold[1], &depot->magazines, magazine->self);
        cycle_step(cycle);
    }
    return kept;
}

static void park_cold(struct cycle *cycle, unsigned tier)
{
    struct magazine *magazine;
    for (uint32_t i = cycle_limit(cycle);
         i > 0 && !cycle->deposed && (magazine = pop_cold(cycle->pool, tier, 0)) != NULL; i--) {
        magazine_set_place(magazine, PLACE_HAND, tier);
        cold_park(cycle->pool, tier, magazine);
        cycle_step(cycle);
    }
}

uint64_t cold_purge(struct bufpool *pool, unsigned tier, uint64_t limit)
{
    uint64_t released = span_purge(&pool->span[tier], limit);
    if (released != 0)
        probe_purge(pool, tier, released);
    return released;
}

/* The largest tiers first: fewest calls a byte. */
void cold_purge_parked(struct cycle *cycle, uint64_t limit)
{
    struct bufpool *pool = cycle->pool;
    for (unsigned i = pool->tiers.count; i-- > 0 && limit > 0 && !cycle->deposed;) {
        uint64_t released = cold_purge(pool, i, limit);
        if (limit != UINT64_MAX)
            limit = subtract_to_zero(limit, released);
        cycle->released += released;
        cycle_step(cycle);
    }
}

uint64_t cold_parked_bytes(struct bufpool *pool)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < pool->tiers.count; i++)
        bytes += span_cold_count(&pool->span[i]) * tier_capacity(pool, i);
    return bytes;
}

void cold_release(struct cycle *cycle, uint64_t keep)
{
    struct bufpool *pool = cycle->pool;
    uint64_t limit = UINT64_MAX;

    if (keep > 0)
        keep = subtract_to_zero(keep, stats_cached_bytes(pool));
    uint64_t kept = keep > 0 ? keep_newest(cycle, keep) : 0;
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        park_cold(cycle, i);
        pour_cold(cycle, i, 1);
    }
    /* Parked ones are the oldest: they fill up only what the magazines left of the minimum. */
    if (keep > kept)
        limit = subtract_to_zero(cold_parked_bytes(pool), keep - kept);
    cold_purge_parked(cycle, limit);
}

void cold_refused(struct bufpool *pool, uint64_t bytes)
{
    struct cycle cycle = {.pool = pool};
    uint64_t refused =
        atomic_fetch_add_explicit(&pool->collection.refused_bytes, bytes, memory_order_relaxed);

    if (refused + bytes < PURGE_BATCH || !cycle_hold(&cycle))
        return;
    atomic_store_explicit(&pool->collection.refused_bytes, 0, memory_order_relaxed);
    uint64_t idle =
        pool->min_cached_bytes == 0 ? UINT64_MAX : stats_cached_bytes(pool) + cold_parked_bytes(pool);
    cold_purge_parked(&cycle, min_u64(PURGE_BATCH, subtract_to_zero(idle, pool->min_cached_bytes)));
    cycle_unhold(&cycle);
}
