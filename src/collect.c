#include "collect.h"

#include "cache.h"
#include "check.h"
#include "hook.h"
#include "region.h"
#include "stats.h"

struct cycle {
    struct bufpool *pool;
    enum place survivors; /* where what was in use lately goes: victims, or cold */
    uint32_t token;
    uint32_t stamp;
    bool deposed; /* somebody else holds the collection now: finish what is in hand, and stop */
    bool worked;
    uint64_t released;
};

/* ------------------------------------------------------------ the holder */

/* All relaxed: the word orders nothing, it only spares double work. */
static bool hold(struct bufpool *pool, uint32_t *token)
{
    struct collection *collection = &pool->collection;
    uint64_t holder = atomic_load_explicit(&collection->holder, memory_order_relaxed);

    if (holder != 0 && atomic_exchange_explicit(&collection->looked, holder, memory_order_relaxed) != holder)
        return false; /* held, and seen in this state for the first time */
    do
        *token = atomic_fetch_add_explicit(&collection->tokens, 1, memory_order_relaxed) + 1;
    while (*token == 0);
    return atomic_compare_exchange_strong_explicit(&collection->holder, &holder, (uint64_t)*token << 32,
                                                   memory_order_relaxed, memory_order_relaxed);
}

static void unhold(struct bufpool *pool, uint32_t token)
{
    uint64_t holder = atomic_load_explicit(&pool->collection.holder, memory_order_relaxed);
    while (holder >> 32 == token &&
           !atomic_compare_exchange_weak_explicit(&pool->collection.holder, &holder, 0, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
}

/* Something was finished; nothing is in hand. False: stop. */
static bool step(struct cycle *cycle)
{
    _Atomic uint64_t *word = &cycle->pool->collection.holder;
    uint64_t holder = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t token = (uint64_t)cycle->token << 32;

    while (holder >> 32 == cycle->token) {
        if (atomic_compare_exchange_weak_explicit(word, &holder, token | (uint32_t)(holder + 1),
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    }
    cycle->deposed = true;
    return false;
}

/* ------------------------------------------------------------ 1, 2: generations */

/* From now on it does not count as cached. */
static void leave_cached(struct bufpool *pool, unsigned tier, const struct magazine *magazine)
{
    budget_give(&pool->cached, magazine_count(magazine) * tier_capacity(pool, tier));
}

static void push_cold(struct cycle *cycle, unsigned tier, struct magazine *magazine)
{
    leave_cached(cycle->pool, tier, magazine);
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
    struct magazine *magazine;
    unsigned shard;

    for (uint32_t i = move_limit(cycle->pool); i > 0 && !cycle->deposed; i--) {
        if ((magazine = depot_pop(depot, PLACE_VICTIM, tier, 0, &shard)) == NULL)
            return;
        magazine_set_place(magazine, PLACE_COLD, tier); /* in hand, it counts as cold */
        hook_reach(HOOK_COLLECT_IN_HAND);
        push_cold(cycle, tier, magazine);
        cycle->worked = true;
        step(cycle);
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
        step(cycle);
    }
    if (half_empty != NULL)
        push_survivor(cycle, tier, half_empty_shard, half_empty);
}

/* ------------------------------------------------------------ 3, 4, 5: private caches */

static struct record *record_at(const struct bufpool *pool, uint32_t index)
{
    return table_at(&pool->records, index);
}

/*
 * What is to be claimed of a record behind the coming membarrier: the word that
 * names its block in limbo, put there by us just now or by somebody earlier; or
 * BLOCK_NONE.
 */
static uint64_t swap_block(struct bufpool *pool, struct record *record)
{
    /* acquire [hand-off]: its `previous` comes with it. */
    struct block *block = atomic_load_explicit(&record->block, memory_order_acquire);
    if (block == NULL)
        return BLOCK_NONE;
    uint64_t limbo = atomic_load_explicit(&block->previous, memory_order_acquire);
    /* One in limbo at a time. A sealed block is empty. */
    if (limbo != BLOCK_NONE || atomic_load_explicit(&block->sealed, memory_order_seq_cst))
        return limbo;

    struct block *fresh = block_new(pool);
    if (fresh == NULL)
        return BLOCK_NONE; /* no memory: no swap this time */
    uint64_t tag = atomic_fetch_add_explicit(&pool->collection.swaps, 1, memory_order_relaxed);
    limbo = tagged(tag, block->self);
    atomic_store_explicit(&fresh->previous, limbo, memory_order_relaxed);
    /* acq_rel [hand-off]: the fresh block goes with it. A thread that left meanwhile keeps its NULL. */
    if (atomic_compare_exchange_strong_explicit(&record->block, &block, fresh, memory_order_acq_rel,
                                                memory_order_relaxed))
        return limbo;
    block_drop(pool, fresh);
    return BLOCK_NONE;
}

/*
 * Behind the membarrier. `limbo` was seen before it, and it is unique to its
 * swap: a block swapped later, by a collection that succeeds us, is not ours to
 * take. False: the thread is inside; later.
 */
static bool claim_block(struct cycle *cycle, struct record *record, uint64_t limbo)
{
    struct bufpool *pool = cycle->pool;
    struct block *block = atomic_load_explicit(&record->block, memory_order_acquire);
    if (block == NULL || atomic_load_explicit(&block->previous, memory_order_acquire) != limbo)
        return true; /* its thread left and took it along */
    /* acquire [hand-off]: idle means finished, and what was done is seen. */
    if (atomic_load_explicit(&record->key, memory_order_acquire) == KEY_BUSY)
        return false;
    /* acq_rel [hand-off]: us, the thread as it leaves, or another collection. */
    if (!atomic_compare_exchange_strong_explicit(&block->previous, &limbo, BLOCK_NONE, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return true;

    struct block *claimed = table_at(&pool->blocks, tagged_index(limbo));
    atomic_store_explicit(&claimed->claimed, true, memory_order_relaxed);
    hook_reach(HOOK_COLLECT_CLAIMED);
    block_empty(pool, claimed, cycle->survivors, atomic_load_explicit(&record->home, memory_order_relaxed));
    block_drop(pool, claimed);
    cycle->worked = true;
    step(cycle);
    return true;
}

static void swap_and_claim(struct cycle *cycle, uint32_t from, uint32_t to)
{
    struct bufpool *pool = cycle->pool;
    uint64_t limbo[RECORDS_A_BARRIER];
    bool any = false;

    for (uint32_t i = from; i < to; i++) {
        limbo[i - from] = swap_block(pool, record_at(pool, i));
        any = any || limbo[i - from] != BLOCK_NONE;
    }
    if (!any)
        return;
    hook_reach(HOOK_COLLECT_SWAPPED);
    barrier_all();
    hook_reach(HOOK_COLLECT_FENCED);
    for (uint32_t i = from; i < to && !cycle->deposed; i++)
        if (limbo[i - from] != BLOCK_NONE && !claim_block(cycle, record_at(pool, i), limbo[i - from]))
            cycle->worked = true; /* or will: it is in limbo */
}

static void empty_private_caches(struct cycle *cycle, struct record *own)
{
    struct bufpool *pool = cycle->pool;

    if (pool->remote) {
        uint32_t records = table_used(&pool->records);
        for (uint32_t i = 0; i < records && !cycle->deposed; i += RECORDS_A_BARRIER)
            swap_and_claim(cycle, i, (uint32_t)min_u64(records, i + RECORDS_A_BARRIER));
    } else if (own != NULL && !record_is_busy(own)) {
        struct block *block = cache_enter(own);
        block_empty(pool, block, cycle->survivors, atomic_load_explicit(&own->home, memory_order_relaxed));
        own->epoch = cycle->stamp;
        cache_leave(own, pool->key);
    }
}

/* ------------------------------------------------------------ 6: cold */

void collect_park(struct bufpool *pool, unsigned tier, struct magazine *magazine)
{
    while (magazine_count(magazine) > 0)
        cache_park(pool, tier, magazine_take(magazine));
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
        step(cycle);
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
        kept += magazine_count(magazine) * tier_capacity(pool, tier);
        stack_push(&depot->tier[tier].cold[1], &depot->magazines, magazine->self);
        step(cycle);
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
        step(cycle);
    }
}

static void purge_parked(struct cycle *cycle, uint64_t limit)
{
    struct bufpool *pool = cycle->pool;
    for (unsigned i = 0; i < pool->tiers.count && limit > 0 && !cycle->deposed; i++) {
        uint64_t released = span_purge(&pool->span[i], limit);
        if (limit != UINT64_MAX)
            limit = subtract_to_zero(limit, released);
        cycle->released += released;
        step(cycle);
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
    struct cycle cycle = {.pool = pool, .survivors = what == COLLECT_ALL ? PLACE_COLD : PLACE_VICTIM};

    if (!hold(pool, &cycle.token))
        return (struct collected){.ran = false};
    hook_reach(HOOK_COLLECT_LOCKED);
    cycle.stamp = atomic_fetch_add_explicit(&pool->collection.epoch, 1, memory_order_relaxed) + 1;
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        victims_to_cold(&cycle, i);
        shared_to_survivors(&cycle, i);
    }
    empty_private_caches(&cycle, own);
    release_cold(&cycle, what == COLLECT_ALL ? 0 : pool->min_cached_bytes);
    account_add(&pool->collection.finished, 1);
    unhold(pool, cycle.token);
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

    if (refused + bytes < PURGE_BATCH || !hold(pool, &cycle.token))
        return;
    atomic_store_explicit(&pool->collection.refused_bytes, 0, memory_order_relaxed);
    uint64_t idle = pool->min_cached_bytes == 0 ? UINT64_MAX : stats_cached_bytes(pool) + parked_bytes(pool);
    purge_parked(&cycle, min_u64(PURGE_BATCH, subtract_to_zero(idle, pool->min_cached_bytes)));
    unhold(pool, cycle.token);
}

bool collect_has_work(struct bufpool *pool)
{
    uint32_t records = table_used(&pool->records);

    for (uint32_t i = 0; i < records; i++) {
        struct block *block = atomic_load_explicit(&record_at(pool, i)->block, memory_order_acquire);
        /* seq_cst [sealed]: after pool->quiet was set. */
        if (block != NULL && !atomic_load_explicit(&block->sealed, memory_order_seq_cst))
            return true;
    }
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        const struct depot_tier *tier = &pool->depot.tier[i];
        for (unsigned shard = 0; shard < pool->depot.shards; shard++)
            if (!stack_is_empty(&tier->shared.shard[shard]) || !stack_is_empty(&tier->victim.shard[shard]))
                return true;
    }
    return false;
}
