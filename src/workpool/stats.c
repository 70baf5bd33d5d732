/*
 * stats - the accounts, copied out. The counts are one moment's; the workers' times are summed by the reader.
 */
#include <errno.h>

#include "pool.h"

static void add_times(workpool_stats_t *stats, const struct times *times)
{
    for (unsigned i = 0; i < WORKPOOL_BUCKETS; i++) {
        stats->wait_histogram[i] += atomic_load_explicit(&times->wait[i], memory_order_relaxed);
        stats->run_histogram[i] += atomic_load_explicit(&times->run[i], memory_order_relaxed);
    }
    stats->wait_ns += atomic_load_explicit(&times->wait_ns, memory_order_relaxed);
    stats->run_ns += atomic_load_explicit(&times->run_ns, memory_order_relaxed);
}

static uint64_t count_sleepers(const struct sleepers *sleepers)
{
    uint64_t count = 0;

    for (const struct sleeper *sleeper = sleepers->first; sleeper != NULL; sleeper = sleeper->next)
        count++;
    return count;
}

int workpool_stats(workpool_t *pool, workpool_stats_t *stats)
{
    if (pool_is_foreign(pool))
        return -ECHILD;
    if (stats == NULL || stats->struct_size < sizeof *stats)
        return -EINVAL;
    size_t struct_size = stats->struct_size;
    pthread_mutex_lock(&pool->lock);
    *stats = (workpool_stats_t){
        .struct_size = struct_size,
        .workers = pool->workers,
        .idle = pool->idle,
        .queued = pool->jobs.queued,
        .running = pool->running,
        .waiters = count_sleepers(&pool->for_room),
        .peak_workers = pool->peak_workers,
        .peak_queued = pool->peak_queued,
        .submits = pool->submits,
        .runs = pool->runs,
        .runs_by_submitters = pool->runs_by_submitters,
        .runs_by_waiters = pool->runs_by_waiters,
        .dropped = pool->dropped_jobs,
        .waits = pool->waits,
        .timeouts = pool->timeouts,
        .refusals = pool->refusals,
        .starts = pool->starts,
        .start_failures = pool->start_failures,
        .expiries = pool->expiries,
    };
    /* Workers are added in front and stay until destroy: from here on the list can be read without the lock.
     */
    const struct worker *worker = pool->all;
    pthread_mutex_unlock(&pool->lock);
    add_times(stats, &pool->others_times);
    for (; worker != NULL; worker = worker->next)
        add_times(stats, &worker->times);
    return 0;
}
