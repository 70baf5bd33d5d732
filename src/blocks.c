#include "blocks.h"

#include <string.h>

#include "contents.h"
#include "hook.h"

void blocks_init(struct bufpool *pool)
{
    uint64_t bytes = sizeof(struct block) + (pool->tiers.count + 1) * sizeof(struct bin) +
                     pool->tiers.count * sizeof(struct tally);

    for (unsigned i = 0; i < pool->tiers.count; i++)
        bytes += (pool->shape[i].cap_max + 1) * sizeof(void *);
    bytes += sizeof(void *); /* slot[0] of the bin that is always empty */
    table_init(&pool->blocks, round_up(bytes, DESTRUCTIVE_SIZE));
    stack_init(&pool->blocks_free);
}

/* A new element: all 0, so nothing is counted and slot[0] of each bin is NULL. */
static void block_lay_out(const struct bufpool *pool, struct block *block)
{
    unsigned tiers = pool->tiers.count;

    void **slot = block_slots(block, tiers);
    for (unsigned i = 0; i <= tiers; i++) {
        struct bin *bin = &block->bin[i];
        bin->slot = slot;
        bin_set_count(bin, 0);
        bin_set_cap(bin, 0);
        slot += i < tiers ? pool->shape[i].cap_max + 1 : 1;
    }
}

struct block *block_new(struct bufpool *pool)
{
    uint32_t index = stack_pop(&pool->blocks_free, &pool->blocks);
    struct block *block;

    if (index == INDEX_NONE) {
        index = table_add(&pool->blocks);
        if (index == INDEX_NONE)
            return NULL;
        block = table_at(&pool->blocks, index);
        block->self = index;
        block_lay_out(pool, block);
    } else {
        block = table_at(&pool->blocks, index);
    }
    block->granted = 0;
    atomic_store_explicit(&block->claimed, false, memory_order_relaxed);
    atomic_store_explicit(&block->sealed, true, memory_order_relaxed);
    atomic_store_explicit(&block->previous, BLOCK_NONE, memory_order_relaxed);
    return block;
}

void block_drop(struct bufpool *pool, struct block *block)
{
    atomic_store_explicit(&block->claimed, false, memory_order_relaxed);
    stack_push(&pool->blocks_free, &pool->blocks, block->self);
}

struct block *block_take_limbo(struct bufpool *pool, struct block *block, uint64_t limbo)
{
    uint32_t index = tagged_index(limbo);

    /* acq_rel [hand-off]: its contents come with it. */
    if (limbo == BLOCK_NONE ||
        !atomic_compare_exchange_strong_explicit(&block->previous, &limbo, BLOCK_NONE, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return NULL;
    return table_at(&pool->blocks, index);
}

struct block *block_empty_and_drop(struct bufpool *pool, struct block *block, enum place place,
                                   unsigned shard)
{
    block_empty(pool, block, place, shard);
    struct block *behind =
        block_take_limbo(pool, block, atomic_load_explicit(&block->previous, memory_order_acquire));
    block_drop(pool, block);
    return behind;
}

void block_empty_limbo(struct bufpool *pool, struct block *block, enum place place, unsigned shard)
{
    struct block *taken =
        block_take_limbo(pool, block, atomic_load_explicit(&block->previous, memory_order_acquire));

    while (taken != NULL)
        taken = block_empty_and_drop(pool, taken, place, shard);
}

enum park buffer_cool(struct bufpool *pool, unsigned tier, void *buffer)
{
    struct span *span = &pool->span[tier];
    uint32_t index = (uint32_t)tier_index(&pool->tiers.tier[tier], buffer);

    if (UNLIKELY(pool->contents.kept)) {
        enum park state = span_look(span, index);
        if (state != PARKED)
            return state;
        contents_end(pool, buffer, tier_capacity(pool, tier));
    }
    return span_park(span, index);
}

void buffer_park(struct bufpool *pool, unsigned tier, void *buffer)
{
    if (buffer_cool(pool, tier, buffer) == PARKED)
        return;
    /* Free already: the caller put it twice, some time ago. One of the two goes, and was no put. */
    atomic_fetch_sub_explicit(&pool->account[tier].puts, 1, memory_order_relaxed);
    atomic_store_explicit(&pool->late_double_put, buffer, memory_order_relaxed);
}

void bin_move_oldest(struct bufpool *pool, struct bin *bin, unsigned tier, unsigned count, enum place place,
                     unsigned shard, struct magazine *magazine)
{
    unsigned n = bin_count(bin);

    INVARIANT(count <= n && count <= MAGAZINE_MAX);
    if (magazine != NULL) {
        memcpy(magazine->buffer, bin->slot + 1, count * sizeof(void *));
        magazine_set_count(magazine, count);
    } else {
        for (unsigned i = 1; i <= count; i++)
            buffer_park(pool, tier, bin->slot[i]);
    }
    memmove(bin->slot + 1, bin->slot + 1 + count, (n - count) * sizeof(void *));
    bin_set_count(bin, n - count);
    if (magazine != NULL) {
        hook_reach(HOOK_DEPOT_PUSHING);
        depot_push(&pool->depot, place, tier, shard, magazine);
    }
}

static void empty(struct bufpool *pool, struct block *block, enum place place, unsigned shard, bool may_park)
{
    block->granted = 0;
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        struct bin *bin = &block->bin[i];
        uint64_t capacity = tier_capacity(pool, i);
        unsigned unused = bin_cap(bin); /* of what the bin was granted */

        for (unsigned n; (n = bin_count(bin)) > 0;) {
            unsigned count = (unsigned)min_u64(n, pool->shape[i].magazine);
            struct magazine *magazine = magazine_new(&pool->depot, true);
            if (magazine == NULL && !may_park)
                break;
            bin_move_oldest(pool, bin, i, count, place, shard, magazine);
            count_add(&block_tally(block, pool->tiers.count, i)->flushed, count);
            /* A magazine that counts as cached takes the bin's grant with it. */
            if (magazine != NULL && place != PLACE_COLD)
                unused -= count;
        }
        unsigned stay = bin_count(bin);
        bin_set_cap(bin, stay);
        budget_give(&pool->cached, (unused - stay) * capacity);
        block->granted += stay * capacity;
    }
    atomic_store_explicit(&block->sealed, block->granted == 0, memory_order_relaxed);
}

void block_empty(struct bufpool *pool, struct block *block, enum place place, unsigned shard)
{
    empty(pool, block, place, shard, true);
}

void block_shed(struct bufpool *pool, struct block *block, enum place place, unsigned shard)
{
    empty(pool, block, place, shard, !pool->contents.kept);
}
