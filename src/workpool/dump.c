/*
 * dump - what of the statistics is written, and what it means.
 */
#include "family/writer.h"
#include "pool.h"

static const struct writer_number numbers[] = {
#define GAUGE(name, help)                                                                                    \
    {                                                                                                        \
#name, offsetof(workpool_stats_t, name), false, help, NULL, NULL                                     \
    }
#define COUNTER(name, help)                                                                                  \
    {                                                                                                        \
#name, offsetof(workpool_stats_t, name), true, help, NULL, NULL                                      \
    }
    GAUGE(workers, "Threads."),
    GAUGE(idle, "Threads without a job."),
    GAUGE(queued, "Jobs that wait for a worker."),
    GAUGE(running, "Jobs being run."),
    GAUGE(waiters, "Submits that wait for room."),
    GAUGE(peak_workers, "Most threads at once."),
    GAUGE(peak_queued, "Most queued jobs at once."),
    COUNTER(submits, "Jobs taken."),
    COUNTER(runs, "Jobs that have ended."),
    COUNTER(runs_by_submitters, "Jobs run by their submitters, the queue being full."),
    COUNTER(runs_by_waiters, "Jobs run by jobs that waited for them."),
    COUNTER(dropped, "Jobs dropped by stop."),
    COUNTER(waits, "Submits that waited for room."),
    COUNTER(timeouts, "Submits that waited in vain."),
    COUNTER(refusals, "Submits refused, the queue being full."),
    COUNTER(starts, "Threads started."),
    COUNTER(start_failures, "Threads that could not be started."),
    COUNTER(expiries, "Threads that ended for being idle."),
#undef GAUGE
#undef COUNTER
};

static const struct writer_histogram histograms[] = {
    {"wait", offsetof(workpool_stats_t, wait_histogram), offsetof(workpool_stats_t, wait_ns),
     "From a submit to its job's begin."},
    {"run", offsetof(workpool_stats_t, run_histogram), offsetof(workpool_stats_t, run_ns),
     "From a job's begin to its end."},
};

static const struct writer writer = {"workpool", numbers, sizeof numbers / sizeof numbers[0], histograms,
                                     sizeof histograms / sizeof histograms[0]};

int workpool_dump(workpool_t *pool, FILE *out, enum bufpool_format format)
{
    workpool_stats_t stats = WORKPOOL_STATS_INIT;

    int error = workpool_stats(pool, &stats);
    return error != 0 ? error : writer_write(&writer, pool->name, &stats, out, format);
}
