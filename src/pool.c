#include "pool.h"

#include <errno.h>
#include <string.h>

#include "armour.h"
#include "blocks.h"
#include "cache.h"
#include "coldest.h"
#include "collect.h"
#include "collector.h"
#include "contents.h"
#include "default.h"
#include "flow.h"
#include "probe.h"
#include "thread.h"

/* ------------------------------------------------------------ get */

/* Out of the bin, which is filled from shared, victim and cold magazines. */
static void *get_from_bin(struct bufpool *pool, struct record *record, unsigned tier)
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
    void *buffer = record != NULL && !record_is_busy(record) ? get_from_bin(pool, record, tier)
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
            collect_grown(pool, tier_capacity(pool, tier));
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

void *get_requested(struct bufpool *pool, struct request *request)
{
    int errno_before = errno;

    pool = pool_for_call(pool, "get");
    if (pool == NULL || (request->only_kept && !pool->contents.kept))
        return NULL;
    struct record *record = thread_attach(pool);
    unsigned tier = tiers_find(&pool->tiers, request->size);
    void *buffer = UNLIKELY(pool->armour != NULL) ? armour_get(pool, record, tier, request)
                                                  : flow_get(pool, record, tier, request);
    collector_notice(pool);
    errno = buffer != NULL || request->only_kept ? errno_before : ENOMEM;
    return buffer;
}

SLOW_PATH void *get_slow(struct bufpool *pool, size_t size, const void *site)
{
    if (pool == NULL && (pool = default_made()) != NULL && pool->armour == NULL)
        return bufpool_get(pool, size); /* perhaps a hit */
    struct request request = {.size = size, .site = site};
    return get_requested(pool, &request);
}

/* The bin is empty. `line` is its tier's, or that of the one behind the last: nothing was ever put there. */
static NOINLINE void *get_refill(struct bufpool *pool, struct record *record, size_t size, uint64_t line)
{
    unsigned tier = (unsigned)(line / LINE_SIZE);
    void *buffer = tier < pool->tiers.count ? get_from_bin(pool, record, tier) : NULL;

    if (buffer == NULL)
        return get_slow(pool, size, NULL); /* after a hit's begin: no word asks for the site */
    collector_notice(pool);
    return buffer;
}

/*
 * The whole of a hit, its bin known. No atomic read-modify-write, no fence, no
 * call, and the buffer itself is not touched.
 */
static ALWAYS_INLINE void *get_hit(struct bufpool *pool, struct record *record, size_t size, uint64_t line)
{
    struct bin *bin = block_bin_at(cache_enter(record), line);
    void **top = atomic_load_explicit(&bin->top, memory_order_relaxed);
    void *buffer = *top;
    if (UNLIKELY(buffer == NULL)) {
        cache_leave(record, (uintptr_t)pool);
        return get_refill(pool, record, size, line);
    }
    atomic_store_explicit(&bin->top, top - 1, memory_order_relaxed);
    count_add(&bin->hits, 1);
    cache_leave(record, (uintptr_t)pool);
    return buffer;
}

/* A size beyond both tables, or 0. */
static NOINLINE void *get_beyond(struct bufpool *pool, size_t size, struct record *record)
{
    return get_hit(pool, record, size, tiers_line_of_any(&pool->tiers, size));
}

HOT_PATH void *bufpool_get(bufpool_t *pool, size_t size)
{
    struct record *record = cache_last();
    if (UNLIKELY(!record_is_hit(record, pool)) && UNLIKELY(!cache_turn_to(pool, &record)))
        return get_slow(pool, size, __builtin_return_address(0));
    FORGET(record);
    uint64_t line;
    if (LIKELY((size - 1) / LINE_SIZE < TIERS_DIRECT)) /* of size 0: beyond both */
        line = pool->tiers.direct[(size - 1) / LINE_SIZE];
    else if (LIKELY((size - 1) / COARSE_STEP < TIERS_COARSE))
        line = tiers_line_of_large(&pool->tiers, size);
    else
        return get_beyond(pool, size, record);
    return get_hit(pool, record, size, line);
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
    collect_refused(pool, tier_capacity(pool, tier));
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

static bool put_to_tier(struct bufpool *pool, unsigned number, void *buffer, const void *site, enum fate fate)
{
    struct tier *tier = &pool->tiers.tier[number];
    if (tier_inherited(tier, buffer)) {
        /* A forked child's parent got it. */
        if (span_adopt(&pool->span[number], (uint32_t)tier_index(tier, buffer)))
            account_add(&pool->account[number].adopted, 1);
    } else if (!tier_holds(tier, buffer)) {
        pool_misuse_address(pool, "put", buffer);
        return false;
    }
    if (UNLIKELY(pool->armour != NULL))
        return armour_put(pool, thread_attach(pool), number, buffer, site, fate);
    enum park state = span_look(&pool->span[number], (uint32_t)tier_index(tier, buffer));
    if (state != PARKED) {
        pool_misuse(pool, state == PARK_DOUBLE ? MISUSE_DOUBLE_PUT : MISUSE_UNCARVED, "put", buffer);
        return false;
    }
    if ((pool->flags & BUFPOOL_SCRUB_ON_PUT) != 0)
        memset(buffer, 0, tier->capacity);

    return fate == FATE_FILED ? flow_file(pool, thread_attach(pool), number, buffer)
                              : flow_refuse(pool, number, buffer, fate);
}

static bool put_oversized(struct bufpool *pool, void *buffer, const void *site, enum fate fate)
{
    size_t capacity, inside;

    if (UNLIKELY(pool->armour != NULL) &&
        oversized_look(&pool->oversized, buffer, &capacity, &inside) == OVERSIZED_IN_USE &&
        !armour_put_oversized(pool, buffer, capacity, site))
        return false;
    if (pool->contents.kept && fate != FATE_BARE &&
        oversized_look(&pool->oversized, buffer, &capacity, &inside) == OVERSIZED_IN_USE)
        contents_end(pool, buffer, capacity);
    if (oversized_put(&pool->oversized, buffer, &capacity, &inside) != OVERSIZED_IN_USE) {
        pool_misuse_address(pool, "put", buffer);
        return false;
    }
    account_add(&pool->account[ACCOUNT_NO_TIER].refused_oversized, 1);
    probe_refuse(pool, 0, capacity);
    return false;
}

bool put_with_fate(struct bufpool *pool, void *buffer, const void *site, enum fate fate)
{
    int errno_before = errno;
    bool kept = false;

    if (buffer == NULL)
        return true;
    if (pool == NULL)
        pool = bufpool_default();
    if (pool != NULL && !pool_is_alive(pool)) {
        pool_misuse(pool, MISUSE_DESTROYED, "put", buffer);
    } else if (pool != NULL) {
        uint64_t tier = tiers_of_address(&pool->tiers, buffer);
        if (tier < pool->tiers.count)
            kept = put_to_tier(pool, (unsigned)tier, buffer, site, fate);
        else if (oversized_has(&pool->oversized, buffer))
            put_oversized(pool, buffer, site, fate);
        else
            pool_misuse_address(pool, "put", buffer);
    }
    errno = errno_before;
    return kept;
}

SLOW_PATH bool put_slow(struct bufpool *pool, void *buffer, const void *site)
{
    if (pool == NULL && (pool = default_made()) != NULL && pool->armour == NULL)
        return bufpool_put(pool, buffer); /* perhaps a hit */
    return put_with_fate(pool, buffer, site, FATE_FILED);
}

/* The bin is full, or its newest is this very buffer. */
static NOINLINE bool put_full(struct bufpool *pool, struct record *record, uint64_t line, void *buffer)
{
    int errno_before = errno;
    bool kept = flow_file(pool, record, (unsigned)(line / LINE_SIZE), buffer);

    errno = errno_before;
    return kept;
}

HOT_PATH bool bufpool_put(bufpool_t *pool, void *buffer)
{
    struct record *record = cache_last();
    if (UNLIKELY(!record_is_hit(record, pool)) && UNLIKELY(!cache_turn_to(pool, &record)))
        return put_slow(pool, buffer, __builtin_return_address(0));
    FORGET(record);
    uint64_t line = tiers_line_of_address(&pool->tiers, buffer);
    if (UNLIKELY(!tier_holds(tiers_at_line(&pool->tiers, line), buffer)))
        return put_slow(pool, buffer, NULL);

    struct bin *bin = block_bin_at(cache_enter(record), line);
    void **top = atomic_load_explicit(&bin->top, memory_order_relaxed);
    if (UNLIKELY(top == bin->end) || UNLIKELY(*top == buffer)) {
        bool sealed = top == bin->slot;
        cache_leave(record, (uintptr_t)pool);
        return sealed ? put_slow(pool, buffer, NULL) : put_full(pool, record, line, buffer);
    }
    top[1] = buffer;
    atomic_store_explicit(&bin->top, top + 1, memory_order_relaxed);
    cache_leave(record, (uintptr_t)pool);
    return true;
}
