#include "handoff.h"

#include "blocks.h"
#include "cache.h"
#include "hook.h"
#include "region.h"

static struct record *record_at(const struct bufpool *pool, uint32_t index)
{
    return table_at(&pool->records, index);
}

/*
 * What is to be claimed of a record behind the coming membarrier: the word that
 * names its block in limbo, put there by us just now or by somebody earlier; or
 * BLOCK_NONE.
 */
static uint64_t swap_block(struct cycle *cycle, struct record *record)
{
    struct bufpool *pool = cycle->pool;
    /* acquire [hand-off]: its `previous` comes with it. */
    struct block *block = atomic_load_explicit(&record->block, memory_order_acquire);
    if (block == NULL)
        return BLOCK_NONE;
    uint64_t limbo = atomic_load_explicit(&block->previous, memory_order_acquire);
    /*
     * One in limbo at a time. Read `block` again: one that a successor of ours
     * has freed meanwhile, and prepares for its own next swap, names a limbo that
     * is still to come, perhaps behind our membarrier.
     */
    if (limbo != BLOCK_NONE) {
        cycle->passed_over = true;
        return atomic_load_explicit(&record->block, memory_order_acquire) == block ? limbo : BLOCK_NONE;
    }
    /* A sealed block is empty. */
    if (atomic_load_explicit(&block->sealed, memory_order_seq_cst))
        return BLOCK_NONE;

    struct block *fresh = block_new(pool);
    if (fresh == NULL)
        return BLOCK_NONE; /* no memory: no swap this time */
    uint64_t tag = atomic_fetch_add_explicit(&pool->collection.swaps, 1, memory_order_relaxed);
    limbo = tagged(tag, block->self);
    atomic_store_explicit(&fresh->previous, limbo, memory_order_relaxed);
    hook_reach(HOOK_COLLECT_SWAPPING);
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

    /*
     * Us, the thread as it leaves, or another collection. Behind the one claimed
     * hangs another where a collection took a block that had come back (swapped
     * out, freed, swapped in again) for one that had never gone: swapped out
     * earlier still, so ours by the same right.
     */
    struct block *claimed = block_take_limbo(pool, block, limbo);
    while (claimed != NULL) {
        atomic_store_explicit(&claimed->claimed, true, memory_order_relaxed);
        hook_reach(HOOK_COLLECT_CLAIMED);
        claimed = block_empty_and_drop(pool, claimed, cycle->survivors,
                                       atomic_load_explicit(&record->home, memory_order_relaxed));
        cycle->worked = true;
        cycle_step(cycle);
    }
    return true;
}

static void swap_and_claim(struct cycle *cycle, uint32_t from, uint32_t to)
{
    struct bufpool *pool = cycle->pool;
    uint64_t limbo[RECORDS_A_BARRIER];
    bool any = false;

    for (uint32_t i = from; i < to; i++) {
        limbo[i - from] = swap_block(cycle, record_at(pool, i));
        any = any || limbo[i - from] != BLOCK_NONE;
    }
    if (!any)
        return;
    hook_reach(HOOK_COLLECT_SWAPPED);
    if (!barrier_all()) {
        /* Nothing is known of who is inside, so nothing is claimed. From now on each thread hands over its
         * own, what is in limbo included. */
        atomic_store_explicit(&pool->remote, false, memory_order_relaxed);
        cycle->worked = true;
        return;
    }
    hook_reach(HOOK_COLLECT_FENCED);
    for (uint32_t i = from; i < to && !cycle->deposed; i++)
        if (limbo[i - from] != BLOCK_NONE && !claim_block(cycle, record_at(pool, i), limbo[i - from]))
            cycle->worked = true; /* or will: it is in limbo */
}

static bool is_remote(const struct bufpool *pool)
{
    return atomic_load_explicit(&pool->remote, memory_order_relaxed);
}

static void swap_and_claim_all(struct cycle *cycle)
{
    uint32_t records = table_used(&cycle->pool->records);

    for (uint32_t i = 0; i < records && !cycle->deposed && is_remote(cycle->pool); i += RECORDS_A_BARRIER)
        swap_and_claim(cycle, i, (uint32_t)min_u64(records, i + RECORDS_A_BARRIER));
}

void handoff_run(struct cycle *cycle, struct record *own)
{
    struct bufpool *pool = cycle->pool;

    if (is_remote(pool))
        swap_and_claim_all(cycle);
    /* A trim brings everything home: also what was put since the block behind it went into limbo. */
    if (is_remote(pool) && cycle->is_trim && cycle->passed_over)
        swap_and_claim_all(cycle);
    if (!is_remote(pool) && own != NULL && !record_is_busy(own)) {
        struct block *block = cache_enter(own);
        unsigned home = atomic_load_explicit(&own->home, memory_order_relaxed);
        block_shed(pool, block, cycle->survivors, home);
        own->epoch = cycle->stamp;
        cache_leave(own, pool->key);
        block_empty_limbo(pool, block, cycle->survivors, home); /* nobody swaps any more */
    }
}

bool handoff_has_work(struct bufpool *pool)
{
    uint32_t records = table_used(&pool->records);

    for (uint32_t i = 0; i < records; i++) {
        struct block *block = atomic_load_explicit(&record_at(pool, i)->block, memory_order_acquire);
        /* seq_cst [sealed]: after pool->quiet was set. What is in limbo was left there by somebody's
         * collection just now, and nobody will hear of it. */
        if (block != NULL && (!atomic_load_explicit(&block->sealed, memory_order_seq_cst) ||
                              atomic_load_explicit(&block->previous, memory_order_seq_cst) != BLOCK_NONE))
            return true;
    }
    return false;
}
