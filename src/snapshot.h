/*
 * snapshot - the accounts of a pool, or of all pools of the process, copied out:
 * they can be written at leisure, whatever becomes of the pools meanwhile.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "pool.h"

struct snapshot {
    char name[POOL_NAME_MAX];
    uint32_t number; /* unlike its name, no other living pool's */
    unsigned tiers;
    uint64_t size[TIERS_MAX], capacity[TIERS_MAX];
    bufpool_stats_t tier[TIERS_MAX];
    bufpool_stats_t total;
    const struct sizes *sizes; /* of a pool with that word; else NULL */
};

/* Of a pool that the caller keeps alive, also as long as `sizes` is looked at. */
void snapshot_take(struct snapshot *snapshot, struct bufpool *pool);

struct snapshots {
    struct snapshot *list; /* by number */
    size_t count;
    size_t mapped_size;
};

/*
 * Of all living pools. 0, or -ENOMEM. Holds the registry's lock, so that no
 * pool dies under it, and takes a mapping; snapshots_end gives that back.
 */
int snapshots_take(struct snapshots *snapshots);
void snapshots_end(struct snapshots *snapshots);

#endif /* SNAPSHOT_H */
