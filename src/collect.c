#include "collect.h"

#include "blocks.h"
#include "handoff.h"
#include "hook.h"
#include "probe.h"
#include "quarantine.h"
#include "stats.h"

/* A pool with less than this grows freely. */
#define GROWTH_FREE ((uint64_t)32 << 20)
/* Between two collections growth sends home at most so many quarters of what is backed. */
#define GROWTH_PAYS_QUARTERS 3u
/* It parks up to so many times what it has to send home. */
#define GROWTH_PARKS 8u

/* ------------------------------------------------------------ 1, 2: generations */

/* From now on it does not count as cached. */
static void leave_cached(struct bufpool *pool, unsigned tier, const struct magazine *magazine)
{
    budget_give(&pool->cached, magazine_count(magazine) * tier_capacity(pool, tier));
}

static void push_cold(struct cycle *cycle, unsigned tier, struct magazine *magazine)
{
    leave_cached(cycle->pool, tier, magazine);
    if (cycle->pool->contents.kept) {
        collect_park(cycle->pool, tier, magazine);
        return;
    }
    atomic_store_explicit(&magazine->stamp, cycle->stamp, memory_order_relaxed);
    depot_push(&cycle->pool->depot, PLACE_COLD, tier, 0, magazine);
}

/* At most as many as there are magazines: traffic may push as fast as we pop. */
static uint32_t move_limit(const struct bufpool *pool)
{
    return table_used(&pool->depot.magazines);
}

static void victims_to_cold(struct cycle *cycle, unsigned tier)
{
    struct depot *depot = &cycle->pool->depot;
    uint64_t capacity = tier_capacity(cycle->pool, tier);
    struct magazine *magazine;
    unsigned shard;

    for (uint32_t i = move_limit(cycle->pool); i > 0 && !cycle->deposed; i--) {
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

static void shared_to_survivors(struct cycle *cycle, unsigned tier)
{
    struct depot *depot = &cycle->pool->depot;
    struct magazine *magazine;
    struct magazine *half_empty = NULL;
    unsigned shard;
    unsigned half_empty_shard = 0;

    for (uint32_t i = move_limit(cycle->pool); i > 0 && !cycle->deposed; i--) {
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

/* ------------------------------------------------------------ 6: cold */

void collect_park(struct bufpool *pool, unsigned tier, struct magazine *magazine)
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

    for (uint32_t i = move_limit(cycle->pool);
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
    for (uint32_t i = move_limit(pool); i > 0 && kept < keep && !cycle->deposed; i--) {
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
    for (uint32_t i = move_limit(cycle->pool);
         i > 0 && !cycle->deposed && (magazine = pop_cold(cycle->pool, tier, 0)) != NULL; i--) {
        magazine_set_place(magazine, PLACE_HAND, tier);
        collect_park(cycle->pool, tier, magazine);
        cycle_step(cycle);
    }
}

uint64_t collect_purge(struct bufpool *pool, unsigned tier, uint64_t limit)
{
    uint64_t released = span_purge(&pool->span[tier], limit);
    if (released != 0)
        probe_purge(pool, tier, released);
    return released;
}

/* The largest tiers first: fewest calls a byte. */
static void purge_parked(struct cycle *cycle, uint64_t limit)
{
    struct bufpool *pool = cycle->pool;
    for (unsigned i = pool->tiers.count; i-- > 0 && limit > 0 && !cycle->deposed;) {
        uint64_t released = collect_purge(pool, i, limit);
        if (limit != UINT64_MAX)
            limit = subtract_to_zero(limit, released);
        cycle->released += released;
        cycle_step(cycle);
    }
}

static uint64_t parked_bytes(struct bufpool *pool)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < pool->tiers.count; i++)
        bytes += span_cold_count(&pool->span[i]) * tier_capacity(pool, i);
    return bytes;
}

static void release_cold(struct cycle *cycle, uint64_t keep)
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
        limit = subtract_to_zero(parked_bytes(pool), keep - kept);
    purge_parked(cycle, limit);
}

/* ------------------------------------------------------------ the whole */

struct collected collect_run(struct bufpool *pool, enum collect what, struct record *own)
{
    /* In a keeping pool contents end where victims become cold, and nowhere else. */
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
        shared_to_survivors(&cycle, i);
    }
    handoff_run(&cycle, own);
    for (unsigned i = 0; in_two_steps && i < pool->tiers.count; i++)
        victims_to_cold(&cycle, i);
    if (what == COLLECT_ALL)
        quarantine_empty(pool);
    release_cold(&cycle, what == COLLECT_ALL ? 0 : pool->min_cached_bytes);
    account_add(&pool->collection.finished, 1);
    cycle_unhold(&cycle);
    probe_collect_end(pool, what == COLLECT_ALL, cycle.released);
    pool_report_late(pool);
    return (struct collected){.ran = true,
                              .idle = !cycle.worked && cycle.released == 0 && !cycle.deposed,
                              .released = cycle.released};
}

void collect_refused(struct bufpool *pool, uint64_t bytes)
{
    struct cycle cycle = {.pool = pool};
    uint64_t refused =
        atomic_fetch_add_explicit(&pool->collection.refused_bytes, bytes, memory_order_relaxed);

    if (refused + bytes < PURGE_BATCH || !cycle_hold(&cycle))
        return;
    atomic_store_explicit(&pool->collection.refused_bytes, 0, memory_order_relaxed);
    uint64_t idle = pool->min_cached_bytes == 0 ? UINT64_MAX : stats_cached_bytes(pool) + parked_bytes(pool);
    purge_parked(&cycle, min_u64(PURGE_BATCH, subtract_to_zero(idle, pool->min_cached_bytes)));
    cycle_unhold(&cycle);
}

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
    return min_u64(due,
                   subtract_to_zero(stats_cached_bytes(pool) + parked_bytes(pool), pool->min_cached_bytes));
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
            leave_cached(pool, i, magazine);
            collect_park(pool, i, magazine);
            cycle_step(cycle);
        }
    }
}

void collect_grown(struct bufpool *pool, uint64_t bytes)
{
    struct cycle cycle = {.pool = pool, .survivors = PLACE_VICTIM};
    struct collection *collection = &pool->collection;
    uint64_t grown = atomic_fetch_add_explicit(&collection->grown_bytes, bytes, memory_order_relaxed) + bytes;

    if (grown < PURGE_BATCH || pool->collect_interval_ms == 0 || !cycle_hold(&cycle))
        return;
    atomic_store_explicit(&collection->grown_bytes, 0, memory_order_relaxed);
    uint64_t due = growth_pays(pool, grown);
    if (due > 0)
        purge_parked(&cycle, due);
    if (cycle.released < due) {
        park_victims(&cycle, due - cycle.released);
        purge_parked(&cycle, due - cycle.released);
    }
    /* No victims left: the next growth pays with what stays idle until then. */
    for (unsigned i = 0; cycle.released < due && i < pool->tiers.count; i++)
        shared_to_survivors(&cycle, i);
    atomic_fetch_add_explicit(&collection->paid_bytes, cycle.released, memory_order_relaxed);
    cycle_unhold(&cycle);
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
