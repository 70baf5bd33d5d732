#include "snapshot.h"

#include <errno.h>
#include <string.h>

#include "armour.h"
#include "region.h"
#include "registry.h"
#include "sizes.h"
#include "stats.h"

void snapshot_take(struct snapshot *snapshot, struct bufpool *pool)
{
    memcpy(snapshot->name, pool->name, sizeof snapshot->name);
    snapshot->number = pool->number;
    snapshot->tiers = pool->tiers.count;
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        snapshot->size[i] = pool->tiers.tier[i].size;
        snapshot->capacity[i] = tier_capacity(pool, i);
    }
    stats_all(pool, snapshot->tier, &snapshot->total);
    snapshot->sizes = armour_has(pool, DEBUG_SIZES) ? &pool->armour->sizes : NULL;
}

/* How many pools live, and how many of them have the word `sizes`. */
static size_t living_pools(size_t *with_sizes)
{
    size_t living = 0;

    *with_sizes = 0;
    for (uint32_t i = 0; i < registry_numbers(); i++) {
        struct bufpool *pool = registry_pool(i);
        living += pool != NULL;
        *with_sizes += pool != NULL && armour_has(pool, DEBUG_SIZES);
    }
    return living;
}

int snapshots_take(struct snapshots *snapshots)
{
    *snapshots = (struct snapshots){.list = NULL};
    registry_lock(); /* none is created, none destroyed */
    size_t with_sizes;
    size_t living = living_pools(&with_sizes);
    size_t list_size = round_up(living * sizeof(struct snapshot), alignof(struct sizes));
    if (living != 0) {
        snapshots->mapped_size = round_up(list_size + with_sizes * sizeof(struct sizes), region_page());
        snapshots->list = region_map(snapshots->mapped_size);
    }
    struct sizes *copy = snapshots->list == NULL ? NULL : (void *)((char *)snapshots->list + list_size);
    for (uint32_t i = 0; snapshots->list != NULL && i < registry_numbers(); i++) {
        struct bufpool *pool = registry_pool(i);
        if (pool == NULL)
            continue;
        struct snapshot *snapshot = &snapshots->list[snapshots->count++];
        snapshot_take(snapshot, pool);
        if (snapshot->sizes == NULL)
            continue;
        sizes_copy(copy, snapshot->sizes);
        snapshot->sizes = copy++;
    }
    registry_unlock();
    return snapshots->count == living ? 0 : -ENOMEM;
}

void snapshots_end(struct snapshots *snapshots)
{
    if (snapshots->list != NULL)
        region_release(snapshots->list, snapshots->mapped_size);
    snapshots->list = NULL;
}
