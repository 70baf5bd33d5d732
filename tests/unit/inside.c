#include "inside.h"

#include <string.h>

#include "pools.h"
#include "thread.h"

struct record *inside_record(struct bufpool *pool)
{
    struct record *record = thread_record(pool);
    MUST(record != NULL);
    return record;
}

struct block *inside_block(struct bufpool *pool)
{
    return atomic_load(&inside_record(pool)->block);
}

struct bin *inside_bin(struct bufpool *pool, unsigned tier)
{
    return &inside_block(pool)->bin[tier];
}

uint64_t inside_caps_bytes(struct bufpool *pool, struct block *block)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < pool->tiers.count; i++)
        bytes += bin_cap(&block->bin[i]) * tier_capacity(pool, i);
    return bytes;
}

uint64_t inside_depot(struct bufpool *pool, unsigned tier, enum place place)
{
    static uint64_t count[TIERS_MAX][PLACES];
    memset(count, 0, sizeof count);
    depot_count(&pool->depot, count);
    return count[tier][place];
}

uint64_t inside_cached_bytes(struct bufpool *pool)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < table_used(&pool->records); i++) {
        struct record *record = table_at(&pool->records, i);
        struct block *block = atomic_load(&record->block);
        if (block == NULL)
            continue;
        MUST(atomic_load(&block->previous) == BLOCK_NONE);
        bytes += inside_caps_bytes(pool, block);
    }
    for (unsigned i = 0; i < pool->tiers.count; i++)
        bytes += (inside_depot(pool, i, PLACE_SHARED) + inside_depot(pool, i, PLACE_VICTIM)) *
                 tier_capacity(pool, i);
    return bytes;
}
