#include <errno.h>
#include <string.h>

#include "armour.h"
#include "cache.h"
#include "flow.h"
#include "pool.h"

/* Where the program called us from. */
#define SITE __builtin_return_address(0)

/* ------------------------------------------------------------ what a buffer is */

/* A buffer that somebody may hold. */
struct seen {
    unsigned tier;   /* or TIER_NONE */
    size_t capacity; /* what its place has */
    size_t usable;   /* what its holder may use of that */
};

/* False if it is no buffer that anybody may hold, and that is reported. */
static bool look_up(struct bufpool *pool, const char *call, const void *buffer, const void *site,
                    struct seen *seen)
{
    uint64_t number = tiers_of_address(&pool->tiers, buffer);
    size_t capacity, inside;

    bool found = false;

    *seen = (struct seen){.tier = TIER_NONE};
    if (!pool_is_alive(pool)) {
        pool_misuse(pool, MISUSE_DESTROYED, call, buffer);
        return false;
    }
    if (number < pool->tiers.count) {
        struct tier *tier = &pool->tiers.tier[number];
        found = tier_holds(tier, buffer) || tier_inherited(tier, buffer);
        seen->tier = (unsigned)number;
        seen->capacity = tier->capacity;
    } else if (oversized_has(&pool->oversized, buffer) &&
               oversized_look(&pool->oversized, buffer, &capacity, &inside) == OVERSIZED_IN_USE) {
        found = true;
        seen->capacity = capacity;
    }
    if (!found) {
        pool_misuse_address(pool, call, buffer);
        return false;
    }
    seen->usable = seen->capacity;
    return LIKELY(pool->armour == NULL) || armour_may_use(pool, call, buffer, &seen->usable, site);
}

bool flow_usable(struct bufpool *pool, const char *call, const void *buffer, size_t *usable, const void *site)
{
    struct seen seen;

    if (!look_up(pool, call, buffer, site, &seen))
        return false;
    *usable = seen.usable;
    return true;
}

size_t bufpool_capacity(bufpool_t *pool, const void *buffer)
{
    size_t usable;

    if (pool == NULL && (pool = bufpool_default()) == NULL)
        return 0;
    return flow_usable(pool, "capacity", buffer, &usable, SITE) ? usable : 0;
}

/* ------------------------------------------------------------ variants of get */

void *bufpool_get_zeroed(bufpool_t *pool, size_t size)
{
    if (pool == NULL && (pool = bufpool_default()) == NULL)
        return NULL;
    void *buffer = flow_get_for(pool, size, SITE);
    struct seen seen;
    /* Also a buffer that was never handed out: its first and last page may have been its neighbour's. */
    if (buffer != NULL && look_up(pool, "get_zeroed", buffer, SITE, &seen))
        memset(buffer, 0, seen.usable);
    return buffer;
}

void *flow_resize(struct bufpool *pool, void *buffer, size_t size, const void *site)
{
    struct seen seen, seen_moved;

    if (!look_up(pool, "resize", buffer, site, &seen)) {
        errno = EINVAL;
        return NULL;
    }
    if (tiers_find(&pool->tiers, size) == seen.tier && size <= seen.capacity &&
        (LIKELY(pool->armour == NULL) || armour_may_stay(pool, seen.capacity, size))) {
        if (LIKELY(pool->armour == NULL) || armour_resize(pool, buffer, seen.capacity, size, site))
            return buffer;
        errno = EINVAL;
        return NULL;
    }
    void *moved = flow_get_for(pool, size, site);
    if (moved == NULL || !look_up(pool, "resize", moved, site, &seen_moved))
        return NULL;
    memcpy(moved, buffer, min_u64(seen.usable, seen_moved.usable));
    if (UNLIKELY(pool->armour != NULL))
        recorder_resized(pool, buffer, moved, size);
    flow_put_for(pool, buffer, site);
    return moved;
}

void *bufpool_resize(bufpool_t *pool, void *buffer, size_t size)
{
    if (pool == NULL && (pool = bufpool_default()) == NULL)
        return NULL;
    if (buffer == NULL)
        return flow_get_for(pool, size, SITE);
    if (size == 0) {
        flow_put_for(pool, buffer, SITE);
        return NULL;
    }
    return flow_resize(pool, buffer, size, SITE);
}

/* ------------------------------------------------------------ batches */

size_t bufpool_get_batch(bufpool_t *pool, size_t size, void **buffers, size_t count)
{
    pool = pool_for_call(pool, "get_batch");
    if (pool == NULL)
        return 0;
    unsigned tier = tiers_find(&pool->tiers, size);
    size_t got = 0;

    while (got < count) {
        if (tier != TIER_NONE)
            got += cache_take(pool, tier, buffers + got, count - got);
        if (got == count)
            break;
        void *buffer = flow_get_for(pool, size, SITE); /* refills the bin, or carves */
        if (buffer == NULL) {
            /* It has counted one; the others were asked for too. */
            unsigned account = tier == TIER_NONE ? ACCOUNT_NO_TIER : tier;
            account_add(&pool->account[account].failures, count - got - 1);
            break;
        }
        buffers[got++] = buffer;
    }
    return got;
}

static size_t put_batch_for(struct bufpool *pool, void **buffers, size_t count, const void *site)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += buffers[i] != NULL && put_slow(pool, buffers[i], site);
    return kept;
}

size_t bufpool_put_batch(bufpool_t *pool, void **buffers, size_t count)
{
    if (pool != NULL && UNLIKELY(pool->armour != NULL))
        return put_batch_for(pool, buffers, count, SITE);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += buffers[i] != NULL && bufpool_put(pool, buffers[i]);
    return kept;
}
