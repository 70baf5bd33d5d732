#include <errno.h>
#include <string.h>

#include "cache.h"
#include "pool.h"

/* ------------------------------------------------------------ what a buffer is */

/* Its capacity, and its tier or TIER_NONE; 0 if it is no buffer anybody may hold, and that is reported. */
static size_t look_up(struct bufpool *pool, const char *call, const void *buffer, unsigned *tier)
{
    uint64_t number = tiers_of_address(&pool->tiers, buffer);
    size_t capacity, inside;

    *tier = TIER_NONE;
    if (!pool_is_alive(pool)) {
        pool_misuse(pool, MISUSE_DESTROYED, call, buffer);
        return 0;
    }
    if (number < pool->tiers.count) {
        struct tier *found = &pool->tiers.tier[number];
        if (tier_holds(found, buffer) || tier_inherited(found, buffer)) {
            *tier = (unsigned)number;
            return found->capacity;
        }
    } else if (oversized_has(&pool->oversized, buffer) &&
               oversized_look(&pool->oversized, buffer, &capacity, &inside) == OVERSIZED_IN_USE) {
        return capacity;
    }
    pool_misuse_address(pool, call, buffer);
    return 0;
}

size_t bufpool_capacity(bufpool_t *pool, const void *buffer)
{
    unsigned tier;

    if (pool == NULL && (pool = bufpool_default()) == NULL)
        return 0;
    return look_up(pool, "capacity", buffer, &tier);
}

/* ------------------------------------------------------------ variants of get */

void *bufpool_get_zeroed(bufpool_t *pool, size_t size)
{
    if (pool == NULL && (pool = bufpool_default()) == NULL)
        return NULL;
    void *buffer = bufpool_get(pool, size);
    unsigned tier;
    /* Also a buffer that was never handed out: its first and last page may have been its neighbour's. */
    if (buffer != NULL)
        memset(buffer, 0, look_up(pool, "get_zeroed", buffer, &tier));
    return buffer;
}

void *bufpool_resize(bufpool_t *pool, void *buffer, size_t size)
{
    unsigned tier;

    if (buffer == NULL)
        return bufpool_get(pool, size);
    if (size == 0) {
        bufpool_put(pool, buffer);
        return NULL;
    }
    if (pool == NULL && (pool = bufpool_default()) == NULL)
        return NULL;
    size_t capacity = look_up(pool, "resize", buffer, &tier);
    if (capacity == 0) {
        errno = EINVAL;
        return NULL;
    }
    if (tiers_find(&pool->tiers, size) == tier && size <= capacity)
        return buffer;

    void *moved = bufpool_get(pool, size);
    if (moved == NULL)
        return NULL;
    unsigned moved_tier;
    memcpy(moved, buffer, min_u64(capacity, look_up(pool, "resize", moved, &moved_tier)));
    bufpool_put(pool, buffer);
    return moved;
}

/* ------------------------------------------------------------ batches */

/* As many as the bin has, without leaving the block in between. */
static size_t take_from_bin(struct bufpool *pool, unsigned tier, void **buffers, size_t count)
{
    struct record *record = cache_find(pool);
    if (!record_is_hit(record, pool))
        return 0;

    struct bin *bin = &cache_enter(record)->bin[tier];
    unsigned n = bin_count(bin);
    unsigned taken = (unsigned)min_u64(n, count);
    for (unsigned i = 0; i < taken; i++)
        buffers[i] = bin->slot[n - i];
    bin_set_count(bin, n - taken);
    count_add(&bin->hits, taken);
    cache_leave(record, pool->key);
    return taken;
}

size_t bufpool_get_batch(bufpool_t *pool, size_t size, void **buffers, size_t count)
{
    pool = pool_for_call(pool, "get_batch");
    if (pool == NULL)
        return 0;
    unsigned tier = tiers_find(&pool->tiers, size);
    size_t got = 0;

    while (got < count) {
        if (tier != TIER_NONE)
            got += take_from_bin(pool, tier, buffers + got, count - got);
        if (got == count)
            break;
        void *buffer = bufpool_get(pool, size); /* refills the bin, or carves */
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

size_t bufpool_put_batch(bufpool_t *pool, void **buffers, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += buffers[i] != NULL && bufpool_put(pool, buffers[i]);
    return kept;
}
