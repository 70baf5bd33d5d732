#include "pool.h"

#include <errno.h>
#include <string.h>

#include "cache.h"
#include "collect.h"
#include "collector.h"
#include "thread.h"

/* ------------------------------------------------------------ get */

/* From the private cache, the depot or the cold ones: a buffer that has pages. */
static void *get_idle(struct bufpool *pool, struct record *record, unsigned tier)
{
    void *buffer;

    /* 1  the bin, filled from shared, victim and cold magazines */
    if (record != NULL && !record_is_busy(record)) {
        struct block *block = cache_enter(record);
        cache_follow_epoch(pool, record, block);
        struct bin *bin = block_bin(pool, block, tier);
        unsigned n = bin_count(bin);
        if (n > 0) {
            buffer = bin->buffer[n];
            bin_set_count(bin, n - 1);
            count_add(&bin->hits, 1);
        } else {
            buffer = cache_refill(pool, record, block, tier);
        }
        cache_leave(record);
    } else {
        /* 1' no cache, or a signal handler that interrupted it: one from a magazine */
        buffer = cache_get_direct(pool, tier);
    }
    if (buffer != NULL)
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
    if (buffer == NULL && size <= pool->oversized.size) {
        emergency_trim(pool, record);
        buffer = oversized_get(&pool->oversized, size);
    }
    account_add(buffer != NULL ? &account->oversized_gets : &account->failures, 1);
    return buffer;
}

static void *get_from_tier(struct bufpool *pool, struct record *record, unsigned tier, size_t size)
{
    struct account *account = &pool->account[tier];

    for (int round = 0; round < 2; round++) {
        void *buffer = get_idle(pool, record, tier);
        if (buffer != NULL)
            return buffer;

        /* 3  one without pages */
        uint32_t index;
        switch (span_carve(&pool->span[tier], &index)) {
        case CARVED:
            account_add(&account->carves, 1);
            return tier_address(&pool->tiers.tier[tier], index);
        case CARVE_SPAN_FULL:
            return get_oversized(pool, account, size, record);
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

static struct record *record_of(struct bufpool *pool)
{
    struct record *record = cache_record(pool, atomic_load_explicit(&pool->serial, memory_order_relaxed));
    return record != NULL ? record : thread_attach(pool);
}

static SLOW_PATH void *get_slow(struct bufpool *pool, size_t size)
{
    int errno_before = errno;

    pool = pool_for_call(pool, "get");
    if (pool == NULL)
        return NULL;
    struct record *record = record_of(pool);
    unsigned tier = tiers_find(&pool->tiers, size);
    void *buffer = tier == TIER_NONE ? get_oversized(pool, &pool->account[ACCOUNT_NO_TIER], size, record)
                                     : get_from_tier(pool, record, tier, size);
    collector_notice(pool);
    errno = buffer != NULL ? errno_before : ENOMEM;
    return buffer;
}

void *bufpool_get(bufpool_t *pool, size_t size)
{
    if (UNLIKELY(pool == NULL))
        return get_slow(pool, size);
    unsigned tier = tiers_find(&pool->tiers, size);
    struct record *record = cache_record(pool, atomic_load_explicit(&pool->hit_serial, memory_order_relaxed));
    if (UNLIKELY(tier == TIER_NONE) || UNLIKELY(record == NULL) || UNLIKELY(record_is_busy(record)))
        return get_slow(pool, size);

    struct bin *bin = block_bin(pool, cache_enter(record), tier);
    unsigned n = bin_count(bin);
    if (UNLIKELY(n == 0)) {
        cache_leave(record);
        return get_slow(pool, size);
    }
    void *buffer = bin->buffer[n];
    bin_set_count(bin, n - 1);
    count_add(&bin->hits, 1);
    cache_leave(record);
    return buffer;
}

/* ------------------------------------------------------------ put */

enum filed { FILED, FILED_REFUSED, FILED_DOUBLE };

/* Into the bin, whose older half goes to the depot where it is full. */
static enum filed file_in_bin(struct bufpool *pool, struct record *record, unsigned tier, void *buffer)
{
    struct block *block = cache_enter(record);
    cache_follow_epoch(pool, record, block);
    struct bin *bin = block_bin(pool, block, tier);
    enum filed filed = FILED;

    if (bin->buffer[bin_count(bin)] == buffer) {
        filed = FILED_DOUBLE;
    } else if (bin_count(bin) == bin_cap(bin) && !cache_make_room(pool, record, block, tier)) {
        filed = FILED_REFUSED;
    } else {
        unsigned n = bin_count(bin);
        bin->buffer[n + 1] = buffer;
        bin_set_count(bin, n + 1);
    }
    cache_leave(record);
    return filed;
}

/* Over max_cached_bytes: it is cold at once. */
static enum filed file_cold(struct bufpool *pool, unsigned tier, uint32_t index)
{
    struct account *account = &pool->account[tier];

    if (span_park(&pool->span[tier], index) != PARKED)
        return FILED_DOUBLE;
    account_add(&account->puts, 1);
    account_add(&account->refused_limit, 1);
    collect_refused(pool, tier_capacity(pool, tier));
    return FILED_REFUSED;
}

static bool put_to_tier(struct bufpool *pool, unsigned number, void *buffer)
{
    struct tier *tier = &pool->tiers.tier[number];
    uint64_t index = tier_index(tier, buffer);

    if (index < tier->first) {
        /* A forked child's parent got it. */
        if (span_adopt(&pool->span[number], (uint32_t)index))
            account_add(&pool->account[number].adopted, 1);
    } else if (!tier_holds(tier, buffer)) {
        pool_misuse_address(pool, "put", buffer);
        return false;
    }
    enum park state = span_look(&pool->span[number], (uint32_t)index);
    if (state != PARKED) {
        pool_misuse(pool, state == PARK_DOUBLE ? MISUSE_DOUBLE_PUT : MISUSE_UNCARVED, "put", buffer, 0);
        return false;
    }
    if ((pool->flags & BUFPOOL_SCRUB_ON_PUT) != 0)
        memset(buffer, 0, tier->capacity);

    struct record *record = record_of(pool);
    enum filed filed;
    if (record != NULL && !record_is_busy(record))
        filed = file_in_bin(pool, record, number, buffer);
    else
        filed = cache_put_direct(pool, number, buffer) ? FILED : FILED_REFUSED;
    if (filed == FILED_REFUSED)
        filed = file_cold(pool, number, (uint32_t)index);
    collector_notice(pool);
    if (filed == FILED_DOUBLE)
        pool_misuse(pool, MISUSE_DOUBLE_PUT, "put", buffer, 0);
    return filed == FILED;
}

static bool put_oversized(struct bufpool *pool, void *buffer)
{
    size_t inside;

    if (oversized_put(&pool->oversized, buffer, &inside) != OVERSIZED_IN_USE)
        pool_misuse_address(pool, "put", buffer);
    else
        account_add(&pool->account[ACCOUNT_NO_TIER].refused_oversized, 1);
    return false;
}

static SLOW_PATH bool put_slow(struct bufpool *pool, void *buffer)
{
    int errno_before = errno;
    bool kept = false;

    if (buffer == NULL)
        return true;
    if (pool == NULL)
        pool = bufpool_default();
    if (pool != NULL && !pool_is_alive(pool)) {
        pool_misuse(pool, MISUSE_DESTROYED, "put", buffer, 0);
    } else if (pool != NULL) {
        uint64_t tier = tiers_of_address(&pool->tiers, buffer);
        if (tier < pool->tiers.count)
            kept = put_to_tier(pool, (unsigned)tier, buffer);
        else if (oversized_has(&pool->oversized, buffer))
            put_oversized(pool, buffer);
        else
            pool_misuse_address(pool, "put", buffer);
    }
    errno = errno_before;
    return kept;
}

bool bufpool_put(bufpool_t *pool, void *buffer)
{
    if (UNLIKELY(pool == NULL))
        return put_slow(pool, buffer);
    uint64_t tier = tiers_of_address(&pool->tiers, buffer);
    struct record *record = cache_record(pool, atomic_load_explicit(&pool->hit_serial, memory_order_relaxed));
    if (UNLIKELY(tier >= pool->tiers.count) || UNLIKELY(!tier_holds(&pool->tiers.tier[tier], buffer)) ||
        UNLIKELY(record == NULL) || UNLIKELY(record_is_busy(record)))
        return put_slow(pool, buffer);

    struct bin *bin = block_bin(pool, cache_enter(record), (unsigned)tier);
    unsigned n = bin_count(bin);
    if (UNLIKELY(n == bin_cap(bin)) || UNLIKELY(bin->buffer[n] == buffer)) {
        cache_leave(record);
        return put_slow(pool, buffer);
    }
    bin->buffer[n + 1] = buffer;
    bin_set_count(bin, n + 1);
    cache_leave(record);
    return true;
}
