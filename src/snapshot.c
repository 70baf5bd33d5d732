#include "snapshot.h"

#include <errno.h>
#include <string.h>

#include "region.h"
#include "registry.h"
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
}

static size_t living_pools(void)
{
    size_t living = 0;
    for (uint32_t i = 0; i < registry_numbers(); i++)
        living += registry_pool(i) != NULL;
    return living;
}

int snapshots_take(struct snapshots *snapshots)
{
    *snapshots = (struct snapshots){.list = NULL};
    registry_lock(); /* none is created, none destroyed */
    size_t living = living_pools();
    if (living != 0) {
        snapshots->mapped_size = round_up(living * sizeof(struct snapshot), region_page());
        snapshots->list = region_map(snapshots->mapped_size);
    }
    for (uint32_t i = 0; snapshots->list != NULL && i < registry_numbers(); i++) {
        struct bufpool *pool = registry_pool(i);
        if (pool != NULL)
            snapshot_take(&snapshots->list[snapshots->count++], pool);
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
