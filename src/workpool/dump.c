/*
 * dump - what of the statistics is written, and what it means.
 */
#include "family/roll.h"
#include "pool.h"

#define WRITER_STATS workpool_stats_t

static const struct writer_number numbers[] = {
    WRITER_GAUGE(workers, "Threads."),
    WRITER_GAUGE(idle, "Threads without a job."),
    WRITER_GAUGE(queued, "Jobs that wait for a worker."),
    WRITER_GAUGE(running, "Jobs being run."),
    WRITER_GAUGE(waiters, "Submits that wait for room."),
    WRITER_GAUGE(peak_workers, "Most threads at once."),
    WRITER_GAUGE(peak_queued, "Most queued jobs at once."),
    WRITER_COUNTER(submits, "Jobs taken."),
    WRITER_COUNTER(runs, "Jobs that have ended."),
    WRITER_COUNTER(runs_by_submitters, "Jobs run by their submitters, the queue being full."),
    WRITER_COUNTER(runs_by_waiters, "Jobs run by jobs that waited for them."),
    WRITER_COUNTER(dropped, "Jobs dropped by stop."),
    WRITER_COUNTER(waits, "Submits that waited for room."),
    WRITER_COUNTER(timeouts, "Submits that waited in vain."),
    WRITER_COUNTER(refusals, "Submits refused, the queue being full."),
    WRITER_COUNTER(starts, "Threads started."),
    WRITER_COUNTER(start_failures, "Threads that could not be started."),
    WRITER_COUNTER(expiries, "Threads that ended for being idle."),
};

static const struct writer_histogram histograms[] = {
    WRITER_HISTOGRAM(wait, "From a submit to its job's begin."),
    WRITER_HISTOGRAM(run, "From a job's begin to its end."),
};

static const struct writer writer = {"workpool", numbers, WRITER_COUNT(numbers), histograms,
                                     WRITER_COUNT(histograms)};

static int stats_of(void *pool, void *stats)
{
    return workpool_stats(pool, stats);
}

struct roll_kind workpool_kind = {
    .section = "workpools", .writer = &writer, .stats_size = sizeof(workpool_stats_t), .stats = stats_of};

int workpool_dump(workpool_t *pool, FILE *out, enum bufpool_format format)
{
    workpool_stats_t stats = WORKPOOL_STATS_INIT;

    int error = workpool_stats(pool, &stats);
    return error != 0 ? error : writer_write(&writer, pool->name, &stats, out, format);
}
