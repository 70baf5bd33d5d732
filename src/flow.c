#include "flow.h"

#include "armour.h"
#include "blocks.h"
#include "cache.h"
#include "cold.h"
#include "coldest.h"
#include "collect.h"
#include "collector.h"
#include "growth.h"
#include "probe.h"

/* ------------------------------------------------------------ get */

void *flow_get_from_bin(struct bufpool *pool, struct record *record, unsigned tier)
{
    struct block *block = cache_enter(record);
    cache_follow_epoch(pool, record, block);
    struct bin *bin = &block->bin[tier];
    unsigned n = bin_count(bin);
    void *buffer;

    if (n > 0) {
        buffer = bin->slot[n];
        bin_set_count(bin, n - 1);
        count_add(&bin->hits, 1);
    } else {
        buffer = cache_refill(pool, record, block, tier);
    }
    cache_leave(record, pool->key);
    return buffer;
}

/* From the private cache, the depot or the cold ones: a buffer that has pages. */
static void *get_idle(struct bufpool *pool, struct record *record, unsigned tier, struct request *request)
{
    if (UNLIKELY(armour_has(pool, DEBUG_COLD_FIRST)))
        return coldest_get(pool, record, tier);

    /* 1  the bin; without a cache, or in a signal handler that interrupted it: one from a magazine */
    void *buffer = record != NULL && !record_is_busy(record) ? flow_get_from_bin(pool, record, tier)
                                                             : cache_get_direct(pool, tier);
    request->kept = buffer != NULL && pool->contents.kept;
    if (buffer != NULL || request->only_kept)
        return buffer;

    /* 2  a cold one */
    uint32_t index;
    if (!span_take_cold(&pool->span[tier], &index))
        return NULL;
    account_add(&pool->account[tier].hits_cold, 1);
    return tier_address(&pool->tiers.tier[tier], index);
}

/* Make room: everything idle goes home, this thread's own included. */
static void emergency_trim(struct bufpool *pool, struct record *own)
{
    collect_run(pool, COLLECT_ALL, own);
}

static void *get_oversized(struct bufpool *pool, struct account *account, size_t size, struct record *record)
{
    void *buffer = oversized_get(&pool->oversized, size);
    if (buffer == NULL && oversized_has_room(&pool->oversized, size)) { /* a trim makes no address space */
        emergency_trim(pool, record);
        buffer = oversized_get(&pool->oversized, size);
    }
    account_add(buffer != NULL ? &account->oversized_gets : &account->failures, 1);
    return buffer;
}

static void *carved(struct bufpool *pool, unsigned tier, uint32_t index)
{
    void *buffer = tier_address(&pool->tiers.tier[tier], index);
    if (UNLIKELY(pool->armour != NULL))
        armour_carved(pool, buffer);
    return buffer;
}

static void *get_from_tier(struct bufpool *pool, struct record *record, unsigned tier,
                           struct request *request)
{
    struct account *account = &pool->account[tier];

    for (int round = 0; round < 2; round++) {
        void *buffer = get_idle(pool, record, tier, request);
        if (buffer != NULL || request->only_kept)
            return buffer;

        /* 3  one without pages */
        uint32_t index;
        switch (span_carve(&pool->span[tier], depot_home(&pool->depot), &index)) {
        case CARVED:
            account_add(&account->carves, 1);
            growth_carved(pool, tier_capacity(pool, tier));
            return carved(pool, tier, index);
        case CARVE_SPAN_FULL:
            return get_oversized(pool, account, request->size, record);
        case CARVE_NO_MEMORY:
            break;
        }
        /* 4  emergency trim, and one more round */
        if (round == 0)
            emergency_trim(pool, record);
    }
    account_add(&account->failures, 1);
    return NULL;
}

void *flow_get(struct bufpool *pool, struct record *record, unsigned tier, struct request *request)
{
    if (tier != TIER_NONE)
        return get_from_tier(pool, record, tier, request);
    return request->only_kept ? NULL
                              : get_oversized(pool, &pool->account[ACCOUNT_NO_TIER], request->size, record);
}

bool flow_is_full(struct bufpool *pool, size_t size)
{
    unsigned tier = tiers_find(&pool->tiers, size);
    return (tier == TIER_NONE || span_is_full(&pool->span[tier])) &&
           !oversized_has_room(&pool->oversized, size);
}

/* ------------------------------------------------------------ put */

/* Into the bin, whose oldest go to the depot where it is full. */
static enum filed file_in_bin(struct bufpool *pool, struct record *record, unsigned tier, void *buffer)
{
    struct block *block = cache_enter(record);
    struct bin *bin = &block->bin[tier];
    bool is_newest = bin->slot[bin_count(bin)] == buffer; /* looked at before the bin is handed over */
    enum filed filed = FILED;

    cache_follow_epoch(pool, record, block);
    if (is_newest) {
        filed = FILED_DOUBLE;
    } else if (bin_count(bin) == bin_cap(bin) && !cache_make_room(pool, record, block, tier)) {
        filed = FILED_REFUSED;
    } else {
        unsigned n = bin_count(bin);
        bin->slot[n + 1] = buffer;
        bin_set_count(bin, n + 1);
    }
    cache_leave(record, pool->key);
    return filed;
}

/* Over max_cached_bytes, or not worth keeping: it is cold at once. */
static enum filed file_cold(struct bufpool *pool, unsigned tier, void *buffer, enum fate fate)
{
    struct account *account = &pool->account[tier];
    uint32_t index = (uint32_t)tier_index(&pool->tiers.tier[tier], buffer);

    if ((fate == FATE_BARE ? span_park(&pool->span[tier], index) : buffer_cool(pool, tier, buffer)) != PARKED)
        return FILED_DOUBLE;
    account_add(&account->puts, 1);
    account_add(&account->refused_limit, 1);
    probe_refuse(pool, pool->tiers.tier[tier].size, tier_capacity(pool, tier));
    cold_refused(pool, tier_capacity(pool, tier));
    return FILED_REFUSED;
}

static bool filed_as(struct bufpool *pool, enum filed filed, void *buffer)
{
    collector_notice(pool);
    if (filed == FILED_DOUBLE)
        pool_misuse(pool, MISUSE_DOUBLE_PUT, "put", buffer);
    return filed == FILED;
}

/* Where the bin has no room, or there is none. */
bool flow_file(struct bufpool *pool, struct record *record, unsigned tier, void *buffer)
{
    enum filed filed = record != NULL && !record_is_busy(record) ? file_in_bin(pool, record, tier, buffer)
                                                                 : cache_put_direct(pool, tier, buffer);
    if (filed == FILED_REFUSED)
        filed = file_cold(pool, tier, buffer, FATE_RELEASED);
    return filed_as(pool, filed, buffer);
}

bool flow_refuse(struct bufpool *pool, unsigned tier, void *buffer, enum fate fate)
{
    return filed_as(pool, file_cold(pool, tier, buffer, fate), buffer);
}
