#include "pool.h"

#include <errno.h>
#include <string.h>

#include "armour.h"
#include "cache.h"
#include "collector.h"
#include "contents.h"
#include "default.h"
#include "flow.h"
#include "probe.h"
#include "thread.h"

/* ------------------------------------------------------------ get */

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
    void *buffer = tier < pool->tiers.count ? flow_get_from_bin(pool, record, tier) : NULL;

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
