#include "coldest.h"

#include <string.h>

#include "cache.h"

static void *take_oldest(struct bufpool *pool, enum place place, unsigned tier)
{
    unsigned home = depot_home(&pool->depot);
    unsigned shard;
    struct magazine *magazine = depot_pop(&pool->depot, place, tier, home, &shard);

    if (magazine == NULL)
        return NULL;
    unsigned count = magazine_count(magazine) - 1;
    void *buffer = magazine->buffer[0];
    memmove(magazine->buffer, magazine->buffer + 1, count * sizeof(void *));
    magazine_set_count(magazine, count);
    if (place != PLACE_COLD)
        budget_give(&pool->cached, tier_capacity(pool, tier));
    if (count > 0)
        depot_push(&pool->depot, place, tier, shard, magazine);
    else
        magazine_drop(&pool->depot, magazine);

    struct account *account = &pool->account[tier];
    account_add(place == PLACE_COLD     ? &account->hits_cold
                : place == PLACE_VICTIM ? &account->hits_victim
                : shard == home         ? &account->hits_shared
                                        : &account->hits_stolen,
                1);
    return buffer;
}

static void *take_oldest_in_bin(struct bufpool *pool, struct record *record, unsigned tier)
{
    struct block *block = cache_enter(record);
    cache_follow_epoch(pool, record, block);
    struct bin *bin = &block->bin[tier];
    unsigned n = bin_count(bin);
    void *buffer = NULL;

    if (n > 0) {
        buffer = bin->slot[1];
        memmove(bin->slot + 1, bin->slot + 2, (n - 1) * sizeof(void *));
        bin_set_count(bin, n - 1);
        count_add(&bin->hits, 1);
    }
    cache_leave(record, pool->key);
    return buffer;
}

void *coldest_get(struct bufpool *pool, struct record *record, unsigned tier)
{
    static const enum place places[] = {PLACE_COLD, PLACE_VICTIM, PLACE_SHARED};
    void *buffer = NULL;
    uint32_t index;

    if (span_take_cold(&pool->span[tier], &index)) {
        account_add(&pool->account[tier].hits_cold, 1);
        return tier_address(&pool->tiers.tier[tier], index);
    }
    for (unsigned i = 0; buffer == NULL && i < sizeof places / sizeof places[0]; i++)
        buffer = take_oldest(pool, places[i], tier);
    if (buffer == NULL && record != NULL && !record_is_busy(record))
        buffer = take_oldest_in_bin(pool, record, tier);
    return buffer;
}
