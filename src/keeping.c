#include <bufpool/contents.h>
#include <errno.h>

#include "cache.h"
#include "flow.h"

/* A hit on a pool that keeps contents; NULL where it is none. For any `pool`. */
static void *take_kept(struct bufpool *pool, size_t size)
{
    void *buffer = NULL;

    if (pool == NULL || !pool->contents.kept)
        return NULL;
    unsigned tier = tiers_find(&pool->tiers, size);
    if (tier != TIER_NONE)
        cache_take(pool, tier, &buffer, 1);
    return buffer;
}

void *bufpool_get_kept(bufpool_t *pool, size_t size, bool *kept)
{
    void *hit = take_kept(pool, size);
    if (hit != NULL) {
        *kept = true;
        return hit;
    }
    struct request request = {.size = size, .site = __builtin_return_address(0)};

    void *buffer = get_requested(pool, &request);
    if (buffer != NULL)
        *kept = request.kept;
    return buffer;
}

void *bufpool_get_idle(bufpool_t *pool, size_t size)
{
    void *hit = take_kept(pool, size);
    if (hit != NULL)
        return hit;
    struct request request = {.size = size, .site = __builtin_return_address(0), .only_kept = true};
    return get_requested(pool, &request);
}

void bufpool_discard(bufpool_t *pool, void *buffer, bool release)
{
    put_with_fate(pool, buffer, __builtin_return_address(0), release ? FATE_RELEASED : FATE_BARE);
}
