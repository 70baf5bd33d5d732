#include <bufpool/observe.h>
#include <errno.h>
#include <string.h>

#include "dump.h"
#include "pool.h"
#include "sections.h"
#include "serve.h"
#include "stats.h"

size_t bufpool_tiers(bufpool_t *pool, size_t *sizes, size_t count)
{
    pool = pool_for_call(pool, "tiers");
    if (pool == NULL)
        return 0;
    for (size_t i = 0; i < pool->tiers.count && i < count; i++)
        sizes[i] = pool->tiers.tier[i].size;
    return pool->tiers.count;
}

/* Into a struct that may be a later version's: what we do not know stays as it was. */
static int deliver(bufpool_stats_t *to, const bufpool_stats_t *from)
{
    size_t size = to->struct_size;
    memcpy(to, from, sizeof *from);
    to->struct_size = size;
    return 0;
}

static bool fits(const bufpool_stats_t *stats)
{
    return stats != NULL && stats->struct_size >= sizeof *stats; /* this is the first version */
}

int bufpool_stats(bufpool_t *pool, bufpool_stats_t *stats)
{
    bufpool_stats_t ours = BUFPOOL_STATS_INIT;

    if (!fits(stats))
        return -EINVAL;
    pool = pool_for_call(pool, "stats");
    if (pool == NULL)
        return -errno;
    stats_pool(pool, &ours);
    return deliver(stats, &ours);
}

int bufpool_tier_stats(bufpool_t *pool, size_t tier, bufpool_stats_t *stats)
{
    bufpool_stats_t ours = BUFPOOL_STATS_INIT;

    if (!fits(stats))
        return -EINVAL;
    pool = pool_for_call(pool, "tier_stats");
    if (pool == NULL)
        return -errno;
    if (tier >= pool->tiers.count)
        return -EINVAL;
    stats_tier(pool, (unsigned)tier, &ours);
    return deliver(stats, &ours);
}

int bufpool_dump(bufpool_t *pool, FILE *out, enum bufpool_format format)
{
    pool = pool_for_call(pool, "dump");
    return pool == NULL ? -errno : dump_pool(pool, out, format);
}

int bufpool_dump_all(FILE *out, enum bufpool_format format)
{
    return dump_all(out, format);
}

int bufpool_section_add(const char *name, bufpool_section_fn write, void *arg)
{
    if (name == NULL || write == NULL)
        return -EINVAL;
    int error = sections_add(name, write, arg);
    if (error == 0)
        serve_from_environment(); /* it may be all that this process has to tell */
    return error;
}
