#include "books.h"

#include "pools.h"
#include "property.h"

connpool_t *connpool_from(const connpool_config_t *config)
{
    connpool_t *pool = NULL;
    MUST(connpool_create(&pool, config) == 0);
    return pool;
}

connpool_stats_t conn_stats(connpool_t *pool)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;
    MUST(connpool_stats(pool, &stats) == 0);
    return stats;
}

uint64_t conn_closes(const connpool_stats_t *stats)
{
    return stats->closed_idle + stats->closed_old + stats->closed_unusable + stats->closed_reset +
           stats->closed_check + stats->closed_gone + stats->closed_limit + stats->closed_reclaimed +
           stats->closed_evicted + stats->closed_end;
}

bool conn_adds_up(connpool_t *pool)
{
    connpool_stats_t stats = conn_stats(pool);

    REQUIRE(stats.open == stats.idle + stats.in_use);
    REQUIRE(stats.opens - conn_closes(&stats) == stats.open);
    REQUIRE(stats.hits <= stats.acquires);
    return true;
}
