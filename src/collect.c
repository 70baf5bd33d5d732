#include "collect.h"

#include "cold.h"
#include "handoff.h"
#include "hook.h"
#include "probe.h"
#include "quarantine.h"
#include "stats.h"

/* ------------------------------------------------------------ 1, 2: generations */

static void push_cold(struct cycle *cycle, unsigned tier, struct magazine *magazine)
{
    cold_leave_cached(cycle->pool, tier, magazine);
    if (cycle->pool->contents.kept) {
        cold_park(cycle->pool, tier, magazine);
        return;
    }
    atomic_store_explicit(&magazine->stamp, cycle->stamp, memory_order_relaxed);
    depot_push(&cycle->pool->depot, PLACE_COLD, tier, 0, magazine);
}

static void victims_to_cold(struct cycle *cycle, unsigned tier)
{
    struct depot *depot = &cycle->pool->depot;
    uint64_t capacity = tier_capacity(cycle->pool, tier);
    struct magazine *magazine;
    unsigned shard;

    for (uint32_t i = cycle_limit(cycle); i > 0 && !cycle->deposed; i--) {
        if ((magazine = depot_pop(depot, PLACE_VICTIM, tier, 0, &shard)) == NULL)
            return;
        if (magazine_count(magazine) * capacity > cycle->spare_bytes) {
            depot_push(depot, PLACE_VICTIM, tier, shard, magazine);
            return;
        }
        cycle->spare_bytes -= cycle->spare_bytes == UINT64_MAX ? 0 : magazine_count(magazine) * capacity;
        magazine_set_place(magazine, PLACE_COLD, tier); /* in hand, it counts as cold */
        hook_reach(HOOK_COLLECT_IN_HAND);
        push_cold(cycle, tier, magazine);
        cycle->worked = true;
        cycle_step(cycle);
    }
}

static void push_survivor(struct cycle *cycle, unsigned tier, unsigned shard, struct magazine *magazine)
{
    if (cycle->survivors == PLACE_COLD)
        push_cold(cycle, tier, magazine);
    else
        depot_push(&cycle->pool->depot, PLACE_VICTIM, tier, shard, magazine);
}

void collect_shared(struct cycle *cycle, unsigned tier)
{
    struct depot *depot = &cycle->pool->depot;
    struct magazine *magazine;
    struct magazine *half_empty = NULL;
    unsigned shard;
    unsigned half_empty_shard = 0;

    for (uint32_t i = cycle_limit(cycle); i > 0 && !cycle->deposed; i--) {
        if ((magazine = depot_pop(depot, PLACE_SHARED, tier, 0, &shard)) == NULL)
            break;
        magazine_set_place(magazine, PLACE_COLD, tier);
        hook_reach(HOOK_COLLECT_IN_HAND);
        cycle->worked = true;
        if (half_empty != NULL)
            magazine_pour(magazine, half_empty, cycle->pool->shape[tier].magazine);
        if (half_empty != NULL && magazine_count(half_empty) == 0) {
            magazine_drop(depot, half_empty);
            half_empty = NULL;
        }
        if (half_empty == NULL && magazine_count(magazine) < cycle->pool->shape[tier].magazine) {
            half_empty = magazine;
            half_empty_shard = shard;
        } else {
            push_survivor(cycle, tier, shard, magazine);
        }
        cycle_step(cycle);
    }
    if (half_empty != NULL)
        push_survivor(cycle, tier, half_empty_shard, half_empty);
}

/* ------------------------------------------------------------ the whole */

struct collected collect_run(struct bufpool *pool, enum collect what, struct record *own)
{
    /* A keeping pool has no cold magazines: what a trim finds becomes victims, and victims are parked. */
    bool in_two_steps = what == COLLECT_ALL && pool->contents.kept;
    struct cycle cycle = {.pool = pool,
                          .survivors = what == COLLECT_ALL && !in_two_steps ? PLACE_COLD : PLACE_VICTIM,
                          .is_trim = what == COLLECT_ALL,
                          .spare_bytes = UINT64_MAX};

    if (!cycle_hold(&cycle))
        return (struct collected){.ran = false};
    if (what == COLLECT_AGE && pool->contents.kept && pool->min_cached_bytes > 0)
        cycle.spare_bytes = subtract_to_zero(stats_cached_bytes(pool), pool->min_cached_bytes);
    probe_collect_begin(pool, what == COLLECT_ALL);
    hook_reach(HOOK_COLLECT_LOCKED);
    atomic_store_explicit(&pool->collection.paid_bytes, 0, memory_order_relaxed);
    cycle.stamp = atomic_fetch_add_explicit(&pool->collection.epoch, 1, memory_order_relaxed) + 1;
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        victims_to_cold(&cycle, i);
        collect_shared(&cycle, i);
    }
    handoff_run(&cycle, own);
    for (unsigned i = 0; in_two_steps && i < pool->tiers.count; i++)
        victims_to_cold(&cycle, i);
    if (what == COLLECT_ALL)
        quarantine_empty(pool);
    cold_release(&cycle, what == COLLECT_ALL ? 0 : pool->min_cached_bytes);
    account_add(&pool->collection.finished, 1);
    cycle_unhold(&cycle);
    probe_collect_end(pool, what == COLLECT_ALL, cycle.released);
    pool_report_late(pool);
    return (struct collected){.ran = true,
                              .idle = !cycle.worked && cycle.released == 0 && !cycle.deposed,
                              .released = cycle.released};
}

bool collect_has_work(struct bufpool *pool)
{
    if (handoff_has_work(pool))
        return true;
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        const struct depot_tier *tier = &pool->depot.tier[i];
        for (unsigned shard = 0; shard < pool->depot.shards; shard++)
            if (!stack_is_empty(&tier->shared.shard[shard]) || !stack_is_empty(&tier->victim.shard[shard]))
                return true;
    }
    return false;
}
