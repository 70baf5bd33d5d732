#include "pool.h"

#include <errno.h>
#include <string.h>

/* relaxed throughout: figures of this moment or a little before; at rest they are exact. */
static uint64_t read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* What the words say. */
static void count_slots(const struct connpool *pool, connpool_stats_t *stats)
{
    size_t high = conn_high(pool);

    for (size_t i = 0; i < high; i++) {
        uint64_t word = read(&pool->slots[i].word);
        stats->acquires += read(&pool->slots[i].uses);
        stats->in_use += conn_word_is_in_use(word);
        stats->idle += conn_state_of(word) == CONN_IDLE || conn_state_of(word) == CONN_KEPT;
        stats->opening += conn_state_of(word) == CONN_OPENING;
    }
    stats->open = stats->idle + stats->in_use;
}

static void count_keys(const struct connpool *pool, connpool_stats_t *stats)
{
    uint32_t high = atomic_load_explicit(&pool->shelves_high, memory_order_relaxed);

    for (uint32_t i = 0; i < high; i++)
        stats->keys += atomic_load_explicit(&pool->shelves[i].open, memory_order_relaxed) != 0;
}

static void read_counters(const struct connpool *pool, connpool_stats_t *stats)
{
    uint64_t misses = read(&pool->misses);

    stats->hits = stats->acquires > misses ? stats->acquires - misses : 0;
    stats->waits = read(&pool->waits);
    stats->timeouts = read(&pool->timeouts);
    stats->refusals = read(&pool->refusals);
    stats->opens = read(&pool->opens);
    stats->open_failures = read(&pool->open_failures);
    stats->closed_idle = read(&pool->closes[CONN_BY_IDLE]);
    stats->closed_old = read(&pool->closes[CONN_BY_AGE]);
    stats->closed_unusable = read(&pool->closes[CONN_BY_MARK]);
    stats->closed_reset = read(&pool->closes[CONN_BY_RESET]);
    stats->closed_check = read(&pool->closes[CONN_BY_CHECK]);
    stats->closed_gone = read(&pool->closes[CONN_BY_PEER]);
    stats->closed_limit = read(&pool->closes[CONN_BY_LIMIT]);
    stats->closed_reclaimed = read(&pool->closes[CONN_BY_RECLAIM]);
    stats->closed_evicted = read(&pool->closes[CONN_BY_EVICTION]);
    stats->closed_end = read(&pool->closes[CONN_BY_END]);
    stats->overdue = read(&pool->overdue);
    stats->misuses = read(&pool->misuses);
    stats->waiters = read(&pool->attention) / CONN_WAITER;
    stats->min_idle = read(&pool->min_idle);
    uint64_t lifetime = read(&pool->lifetime_ms);
    stats->max_lifetime_ms = lifetime != UINT64_MAX ? lifetime : 0;
}

static void read_histograms(const struct connpool *pool, connpool_stats_t *stats)
{
    for (unsigned i = 0; i < CONNPOOL_BUCKETS; i++)
        stats->wait_histogram[i] = read(&pool->wait_histogram[i]);
    stats->wait_ns = read(&pool->wait_us) * 1000;
    for (uint32_t shard = 0; shard <= pool->shard_mask; shard++) {
        for (unsigned i = 0; i < CONNPOOL_BUCKETS; i++)
            stats->use_histogram[i] += read(&pool->shards[shard].use_histogram[i]);
        stats->use_ns += read(&pool->shards[shard].use_us) * 1000;
    }
}

int connpool_stats(connpool_t *pool, connpool_stats_t *stats)
{
    if (conn_is_inherited(pool))
        return -ECHILD;
    if (stats == NULL || stats->struct_size < sizeof *stats)
        return -EINVAL;
    size_t size = stats->struct_size;
    memset(stats, 0, size);
    stats->struct_size = size;
    count_slots(pool, stats);
    count_keys(pool, stats);
    read_counters(pool, stats);
    read_histograms(pool, stats);
    return 0;
}
