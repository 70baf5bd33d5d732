/*
 * What a miss costs: not to be seen from outside, so this one looks at the depot itself.
 */
#include <stdatomic.h>

#include "pool.h"
#include "properties.h"
#include "team.h"
#include "witness.h"

static bool fill_shards(unsigned number, void *shared)
{
    void *buffers[600];
    size_t size = (size_t)512 << number % 6;

    get_many(shared, size, buffers, 600);
    put_many(shared, buffers, 600);
    return true;
}

/*
 * CONFORMANCE 21: a miss probes those shards whose bit says they may have something, so at most all of them
 * once; and when the pool is empty, no bit is left that would make the next miss look. Fails where the bit is
 * not cleared by who finds the shard empty (every miss scans for ever), and the other way round where a bit
 * is lost (then not all that is idle is found, see ends_well).
 */
bool prop_an_empty_depot_is_recognised_without_a_scan(void)
{
    bufpool_t *pool = plain_pool();
    static void *buffers[16 * 600];

    REQUIRE(team_run(16, fill_shards, pool));
    for (size_t size = 512; size <= 16 * KIB; size *= 2) {
        size_t tier = tier_of(pool, size);
        bufpool_stats_t idle = tier_stats_of(pool, tier);
        size_t count = idle_bytes(&idle) / capacity_of_size(size);

        /* The last one comes of a miss. */
        get_many(pool, size, buffers, count + 1);
        REQUIRE(tier_stats_of(pool, tier).carves == idle.carves + 1);
        REQUIRE(atomic_load(&pool->depot.tier[tier].shared.nonempty) == 0);
        REQUIRE(atomic_load(&pool->depot.tier[tier].victim.nonempty) == 0);
        put_many(pool, buffers, count + 1);
    }
    return ends_well(pool);
}
