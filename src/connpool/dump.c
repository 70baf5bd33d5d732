/*
 * dump - what of the statistics is written, and what it means.
 */
#include "../family/roll.h"
#include "pool.h"

#define WRITER_STATS connpool_stats_t
#define CLOSED(reason)                                                                                       \
    WRITER_NUMBER(closed_##reason, true, "Connections closed, by reason.", "closed", "reason=\"" #reason "\"")

static const struct writer_number numbers[] = {
    WRITER_GAUGE(open, "Connections idle or lent out."),
    WRITER_GAUGE(idle, "Idle connections."),
    WRITER_GAUGE(in_use, "Connections lent out."),
    WRITER_GAUGE(opening, "Connections being opened."),
    WRITER_GAUGE(waiters, "Acquires that wait."),
    WRITER_GAUGE(keys, "Keys that have connections."),
    WRITER_GAUGE(min_idle, "Idle connections that the keeper sees to."),
    WRITER_GAUGE(max_lifetime_ms, "Age at which connections end; 0: none."),
    WRITER_COUNTER(acquires, "Leases given."),
    WRITER_COUNTER(hits, "Leases of a connection that was idle, without a wait."),
    WRITER_COUNTER(waits, "Acquires that had to wait."),
    WRITER_COUNTER(timeouts, "Acquires that found none free in their time."),
    WRITER_COUNTER(refusals, "Acquires refused because too many wait."),
    WRITER_COUNTER(opens, "Connections opened."),
    WRITER_COUNTER(open_failures, "Opens that failed."),
    WRITER_COUNTER(overdue, "Leases reported as overdue."),
    WRITER_COUNTER(misuses, "Faults of callers reported."),
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
    WRITER_HISTOGRAM(wait, "Waits that were served."),
    WRITER_HISTOGRAM(use, "From acquire to release; of one use in 16, with a clock of the user's of all."),
};

static const struct writer writer = {"connpool", numbers, WRITER_COUNT(numbers), histograms,
                                     WRITER_COUNT(histograms)};

static int stats_of(void *pool, void *stats)
{
    return connpool_stats(pool, stats);
}

struct roll_kind conn_kind = {
    .section = "connpools", .writer = &writer, .stats_size = sizeof(connpool_stats_t), .stats = stats_of};

int connpool_dump(connpool_t *pool, FILE *out, enum bufpool_format format)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;

    int error = connpool_stats(pool, &stats);
    return error != 0 ? error : writer_write(&writer, pool->config.name, &stats, out, format);
}
