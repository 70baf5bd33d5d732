#include "pool.h"

#include <errno.h>

#include "registry.h"

struct bufpool *pool_for_call(struct bufpool *pool, const char *call)
{
    if (pool == NULL)
        return bufpool_default();
    if (pool_is_alive(pool))
        return pool;
    pool_misuse(pool, MISUSE_DESTROYED, call, pool, 0);
    errno = EINVAL;
    return NULL;
}

/* The other living pool an address belongs to, or NULL. */
static const struct bufpool *owner_of(const struct bufpool *not_this, const void *address)
{
    uint32_t numbers = registry_numbers();
    for (uint32_t i = 0; i < numbers; i++) {
        const struct bufpool *pool = registry_pool(i);
        if (pool != NULL && pool != not_this &&
            (tiers_of_address(&pool->tiers, address) < pool->tiers.count ||
             oversized_has(&pool->oversized, address)))
            return pool;
    }
    return NULL;
}

void pool_misuse(struct bufpool *pool, enum misuse rule, const char *call, const void *address,
                 size_t interior_bytes)
{
    const struct bufpool *other = rule == MISUSE_OTHER_POOL ? owner_of(pool, address) : NULL;
    struct misuse_site site = {.call = call,
                               .pool = pool->name,
                               .other = other != NULL ? other->name : "?",
                               .address = address,
                               .interior_bytes = interior_bytes};

    uint64_t tier = tiers_of_address(&pool->tiers, address);
    if (tier < pool->tiers.count)
        site.tier_size = pool->tiers.tier[tier].size;
    account_add(&pool->misuses, 1);
    misuse_report(rule, &site);
}

static void misuse_in_tier(struct bufpool *pool, unsigned number, const char *call, const void *address)
{
    struct tier *tier = &pool->tiers.tier[number];
    uint64_t offset = (uintptr_t)address - tier->base;
    uint64_t committed =
        tier->first * tier->stride + atomic_load_explicit(&tier->committed, memory_order_relaxed);

    if (offset % LINE_SIZE != 0)
        pool_misuse(pool, MISUSE_MISALIGNED, call, address, 0);
    else if (offset >= committed || offset % tier->stride == 0)
        pool_misuse(pool, MISUSE_UNCARVED, call, address, 0);
    else
        pool_misuse(pool, MISUSE_INTERIOR, call, address, offset % tier->stride);
}

static void misuse_in_oversized(struct bufpool *pool, const char *call, const void *address)
{
    size_t capacity, inside;

    switch (oversized_look(&pool->oversized, address, &capacity, &inside)) {
    case OVERSIZED_MISALIGNED:
        pool_misuse(pool, MISUSE_MISALIGNED, call, address, 0);
        break;
    case OVERSIZED_INTERIOR:
        pool_misuse(pool, MISUSE_INTERIOR, call, address, inside);
        break;
    case OVERSIZED_FREE:
    case OVERSIZED_IN_USE: /* got by somebody since */
        pool_misuse(pool, MISUSE_DOUBLE_PUT, call, address, 0);
        break;
    }
}

void pool_misuse_address(struct bufpool *pool, const char *call, const void *address)
{
    uint64_t tier = tiers_of_address(&pool->tiers, address);

    if (tier < pool->tiers.count)
        misuse_in_tier(pool, (unsigned)tier, call, address);
    else if (oversized_has(&pool->oversized, address))
        misuse_in_oversized(pool, call, address);
    else if (owner_of(pool, address) != NULL)
        pool_misuse(pool, MISUSE_OTHER_POOL, call, address, 0);
    else
        pool_misuse(pool, MISUSE_FOREIGN, call, address, 0);
}

void pool_report_late(struct bufpool *pool)
{
    /* relaxed: the address is all there is to it. */
    void *buffer = atomic_exchange_explicit(&pool->late_double_put, NULL, memory_order_relaxed);
    if (buffer != NULL)
        pool_misuse(pool, MISUSE_LATE_DOUBLE_PUT, "put", buffer, 0);
}
