/*
 * dump - what of the statistics is written, and what it means.
 */
#include "../family/writer.h"
#include "pool.h"

#define NUMBER(name, is_counter, help, metric, label)                                                        \
    {                                                                                                        \
#name, offsetof(connpool_stats_t, name), is_counter, help, metric, label                             \
    }
#define GAUGE(name, help) NUMBER(name, false, help, NULL, NULL)
#define COUNTER(name, help) NUMBER(name, true, help, NULL, NULL)
#define CLOSED(reason)                                                                                       \
    NUMBER(closed_##reason, true, "Connections closed, by reason.", "closed", "reason=\"" #reason "\"")

static const struct writer_number numbers[] = {
    GAUGE(open, "Connections idle or lent out."),
    GAUGE(idle, "Idle connections."),
    GAUGE(in_use, "Connections lent out."),
    GAUGE(opening, "Connections being opened."),
    GAUGE(waiters, "Acquires that wait."),
    GAUGE(keys, "Keys that have connections."),
    GAUGE(min_idle, "Idle connections that the keeper sees to."),
    GAUGE(max_lifetime_ms, "Age at which connections end; 0: none."),
    COUNTER(acquires, "Leases given."),
    COUNTER(hits, "Leases of a connection that was idle, without a wait."),
    COUNTER(waits, "Acquires that had to wait."),
    COUNTER(timeouts, "Acquires that found none free in their time."),
    COUNTER(refusals, "Acquires refused because too many wait."),
    COUNTER(opens, "Connections opened."),
    COUNTER(open_failures, "Opens that failed."),
    COUNTER(overdue, "Leases reported as overdue."),
    COUNTER(misuses, "Faults of callers reported."),
    CLOSED(idle),
    CLOSED(old),
    CLOSED(unusable),
    CLOSED(reset),
    CLOSED(check),
    CLOSED(gone),
    CLOSED(limit),
    CLOSED(reclaimed),
    CLOSED(evicted),
    CLOSED(end),
};

static const struct writer_histogram histograms[] = {
    {"wait", offsetof(connpool_stats_t, wait_histogram), offsetof(connpool_stats_t, wait_ns),
     "Waits that were served."},
    {"use", offsetof(connpool_stats_t, use_histogram), offsetof(connpool_stats_t, use_ns),
     "From acquire to release; of one use in 16, with a clock of the user's of all."},
};

static const struct writer writer = {"connpool", numbers, sizeof numbers / sizeof numbers[0], histograms,
                                     sizeof histograms / sizeof histograms[0]};

int connpool_dump(connpool_t *pool, FILE *out, enum bufpool_format format)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;

    int error = connpool_stats(pool, &stats);
    return error != 0 ? error : writer_write(&writer, pool->config.name, &stats, out, format);
}
