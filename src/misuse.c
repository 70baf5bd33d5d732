#include "pool.h"

#include <errno.h>
#include <string.h>

#include "armour.h"
#include "probe.h"
#include "registry.h"

struct bufpool *pool_for_call(struct bufpool *pool, const char *call)
{
    if (pool == NULL)
        return bufpool_default();
    if (pool_is_alive(pool))
        return pool;
    pool_misuse(pool, MISUSE_DESTROYED, call, pool);
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

void pool_misuse_at(struct bufpool *pool, enum misuse rule, struct misuse_site *site)
{
    const struct bufpool *other = rule == MISUSE_OTHER_POOL ? owner_of(pool, site->address) : NULL;
    uint64_t tier = tiers_of_address(&pool->tiers, site->address);

    site->pool = pool->name;
    site->other = other != NULL ? other->name : "?";
    if (tier < pool->tiers.count) {
        site->tier_size = pool->tiers.tier[tier].size;
        site->index = tier_index(&pool->tiers.tier[tier], site->address);
    } else if (oversized_has(&pool->oversized, site->address)) {
        site->oversized = true;
        size_t inside = rule == MISUSE_INTERIOR ? site->offset : 0;
        site->index = oversized_index(&pool->oversized, (const char *)site->address - inside);
    }
    const struct shadow *shadow = armour_has(pool, DEBUG_TAG) ? armour_shadow(pool, site->address) : NULL;
    if (shadow != NULL) {
        site->got_at = atomic_load_explicit(&shadow->got_at, memory_order_relaxed);
        site->put_at = atomic_load_explicit(&shadow->put_at, memory_order_relaxed);
    }
    account_add(&pool->misuses, 1);
    probe_misuse(misuse_name(rule), site);
    misuse_report(rule, site);
}

void pool_misuse(struct bufpool *pool, enum misuse rule, const char *call, const void *address)
{
    struct misuse_site site = {.call = call, .address = address};
    pool_misuse_at(pool, rule, &site);
}

static void misuse_interior(struct bufpool *pool, const char *call, const void *address, size_t offset)
{
    struct misuse_site site = {.call = call, .address = address, .offset = offset};
    pool_misuse_at(pool, MISUSE_INTERIOR, &site);
}

static void misuse_in_tier(struct bufpool *pool, unsigned number, const char *call, const void *address)
{
    struct tier *tier = &pool->tiers.tier[number];
    uint64_t offset = (uintptr_t)address - tier->base;
    uint64_t committed =
        tier->first * tier->stride + atomic_load_explicit(&tier->committed, memory_order_relaxed);

    if (offset % LINE_SIZE != 0)
        pool_misuse(pool, MISUSE_MISALIGNED, call, address);
    else if (offset >= committed || offset % tier->stride == 0)
        pool_misuse(pool, MISUSE_UNCARVED, call, address);
    else
        misuse_interior(pool, call, address, offset % tier->stride);
}

static void misuse_in_oversized(struct bufpool *pool, const char *call, const void *address)
{
    size_t capacity, inside;

    switch (oversized_look(&pool->oversized, address, &capacity, &inside)) {
    case OVERSIZED_MISALIGNED:
        pool_misuse(pool, MISUSE_MISALIGNED, call, address);
        break;
    case OVERSIZED_INTERIOR:
        misuse_interior(pool, call, address, inside);
        break;
    case OVERSIZED_FREE:
        if (!oversized_was_got(&pool->oversized, address)) {
            pool_misuse(pool, MISUSE_UNCARVED, call, address);
            break;
        }
        /* fallthrough */
    case OVERSIZED_IN_USE: /* got by somebody since */
        pool_misuse(pool, strcmp(call, "put") == 0 ? MISUSE_DOUBLE_PUT : MISUSE_AFTER_PUT, call, address);
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
        pool_misuse(pool, MISUSE_OTHER_POOL, call, address);
    else
        pool_misuse(pool, MISUSE_FOREIGN, call, address);
}

void pool_report_late(struct bufpool *pool)
{
    /* relaxed: the address is all there is to it. */
    void *buffer = atomic_exchange_explicit(&pool->late_double_put, NULL, memory_order_relaxed);
    if (buffer != NULL)
        pool_misuse(pool, MISUSE_LATE_DOUBLE_PUT, "put", buffer);
}
