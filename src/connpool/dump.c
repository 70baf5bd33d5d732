#include "pool.h"

#include <errno.h>
#include <inttypes.h>

/* Every figure that is written, once; the three formats go by this table. */
static const struct field {
    const char *name;
    size_t offset;
    enum { COUNTER, GAUGE, CLOSE } kind; /* CLOSE: a reason's counter */
    const char *help;                    /* of a CLOSE: the reason */
} fields[] = {
#define FIELD(name, kind, help)                                                                              \
    {                                                                                                        \
#name, offsetof(connpool_stats_t, name), kind, help                                                  \
    }
    FIELD(open, GAUGE, "Connections idle or lent out."),
    FIELD(idle, GAUGE, "Idle connections."),
    FIELD(in_use, GAUGE, "Connections lent out."),
    FIELD(opening, GAUGE, "Connections being opened."),
    FIELD(waiters, GAUGE, "Acquires that wait."),
    FIELD(keys, GAUGE, "Keys that have connections."),
    FIELD(min_idle, GAUGE, "Idle connections that the keeper sees to."),
    FIELD(max_lifetime_ms, GAUGE, "Age at which connections end; 0: none."),
    FIELD(acquires, COUNTER, "Leases given."),
    FIELD(hits, COUNTER, "Leases of a connection that was idle, without a wait."),
    FIELD(waits, COUNTER, "Acquires that had to wait."),
    FIELD(timeouts, COUNTER, "Acquires that found none free in their time."),
    FIELD(refusals, COUNTER, "Acquires refused because too many wait."),
    FIELD(opens, COUNTER, "Connections opened."),
    FIELD(open_failures, COUNTER, "Opens that failed."),
    FIELD(overdue, COUNTER, "Leases reported as overdue."),
    FIELD(misuses, COUNTER, "Faults of callers reported."),
    FIELD(closed_idle, CLOSE, "idle"),
    FIELD(closed_old, CLOSE, "old"),
    FIELD(closed_unusable, CLOSE, "unusable"),
    FIELD(closed_reset, CLOSE, "reset"),
    FIELD(closed_check, CLOSE, "check"),
    FIELD(closed_gone, CLOSE, "gone"),
    FIELD(closed_limit, CLOSE, "limit"),
    FIELD(closed_reclaimed, CLOSE, "reclaimed"),
    FIELD(closed_evicted, CLOSE, "evicted"),
    FIELD(closed_end, CLOSE, "end"),
#undef FIELD
};

#define FIELDS (sizeof fields / sizeof fields[0])

static uint64_t value_of(const connpool_stats_t *stats, const struct field *field)
{
    return *(const uint64_t *)(const void *)((const char *)stats + field->offset);
}

/* A name as a JSON string or a Prometheus label. Both escape quotes and backslashes; control characters,
 * which they write differently, become spaces. */
static void write_quoted(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    putc('"', out);
}

/* ------------------------------------------------------------ text */

/* The time that a share of the uses or waits stayed below, in words: the upper end of its bucket. */
static void write_quantile(FILE *out, const uint64_t *histogram, uint64_t total, unsigned percent)
{
    uint64_t below = 0;
    unsigned i = 0;

    for (; i < CONNPOOL_BUCKETS - 1; i++)
        if ((below += histogram[i]) * 100 >= total * percent)
            break;
    double us = (double)((uint64_t)1 << i);
    if (us >= 1e6)
        fprintf(out, " %9.3g s", us / 1e6);
    else if (us >= 1e3)
        fprintf(out, " %8.3g ms", us / 1e3);
    else
        fprintf(out, " %8.3g us", us);
}

static void write_times(FILE *out, const char *what, const uint64_t *histogram)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < CONNPOOL_BUCKETS; i++)
        total += histogram[i];
    fprintf(out, "%8s %12" PRIu64, what, total);
    if (total == 0) {
        fprintf(out, " %11s %11s %11s\n", "-", "-", "-");
        return;
    }
    write_quantile(out, histogram, total, 50);
    write_quantile(out, histogram, total, 99);
    write_quantile(out, histogram, total, 100);
    putc('\n', out);
}

static void write_text(FILE *out, const char *name, const connpool_stats_t *s)
{
    fprintf(out,
            "connpool '%s': %" PRIu64 " open (%" PRIu64 " idle, %" PRIu64 " in use), %" PRIu64
            " opening, %" PRIu64 " waiting, %" PRIu64 " keys\n",
            name, s->open, s->idle, s->in_use, s->opening, s->waiters, s->keys);
    fprintf(out, "%12s %12s %12s %10s %10s %10s %8s %8s\n", "acquires", "hits", "waits", "timeouts",
            "refusals", "opens", "failed", "misuses");
    fprintf(out,
            "%12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8" PRIu64
            " %8" PRIu64 "\n",
            s->acquires, s->hits, s->waits, s->timeouts, s->refusals, s->opens, s->open_failures, s->misuses);
    fputs("closed:", out);
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].kind == CLOSE)
            fprintf(out, " %s %" PRIu64, fields[i].help, value_of(s, &fields[i]));
    fprintf(out, "; overdue %" PRIu64 "\n", s->overdue);
    fprintf(out, "%8s %12s %11s %11s %11s\n", "times", "measured", "half below", "99% below", "all below");
    write_times(out, "waits", s->wait_histogram);
    write_times(out, "uses", s->use_histogram);
}

/* ------------------------------------------------------------ JSON */

static void write_json_histogram(FILE *out, const char *name, const uint64_t *histogram)
{
    fprintf(out, ",\"%s\":[", name);
    for (unsigned i = 0; i < CONNPOOL_BUCKETS; i++)
        fprintf(out, "%s%" PRIu64, i == 0 ? "" : ",", histogram[i]);
    fputs("]", out);
}

static void write_json(FILE *out, const char *name, const connpool_stats_t *stats)
{
    fputs("{\"connpool\":", out);
    write_quoted(out, name);
    for (size_t i = 0; i < FIELDS; i++)
        fprintf(out, ",\"%s\":%" PRIu64, fields[i].name, value_of(stats, &fields[i]));
    write_json_histogram(out, "wait_histogram", stats->wait_histogram);
    write_json_histogram(out, "use_histogram", stats->use_histogram);
    fputs("}\n", out);
}

/* ------------------------------------------------------------ Prometheus */

static void write_sample(FILE *out, const char *pool, const char *metric, const char *label,
                         const char *value_of_label, uint64_t value)
{
    fprintf(out, "connpool_%s{pool=", metric);
    write_quoted(out, pool);
    if (label != NULL)
        fprintf(out, ",%s=\"%s\"", label, value_of_label);
    fprintf(out, "} %" PRIu64 "\n", value);
}

static void write_head(FILE *out, const char *metric, const char *type, const char *help)
{
    fprintf(out, "# HELP connpool_%s %s\n# TYPE connpool_%s %s\n", metric, help, metric, type);
}

/* Buckets up to where all are; the sum is not known, so each counts as three quarters of its bucket's end. */
static void write_histogram(FILE *out, const char *pool, const char *metric, const char *help,
                            const uint64_t *histogram)
{
    uint64_t below = 0;
    double sum_us = 0;
    char name[64], end[32];

    write_head(out, metric, "histogram", help);
    snprintf(name, sizeof name, "%s_bucket", metric);
    for (unsigned i = 0; i < CONNPOOL_BUCKETS; i++) {
        double us = (double)((uint64_t)1 << i);
        below += histogram[i];
        sum_us += (double)histogram[i] * us * 0.75;
        if (i == CONNPOOL_BUCKETS - 1)
            snprintf(end, sizeof end, "+Inf");
        else
            snprintf(end, sizeof end, "%.6f", us / 1e6);
        write_sample(out, pool, name, "le", end, below);
    }
    fprintf(out, "connpool_%s_sum{pool=", metric);
    write_quoted(out, pool);
    fprintf(out, "} %.6f\n", sum_us / 1e6);
    snprintf(name, sizeof name, "%s_count", metric);
    write_sample(out, pool, name, NULL, NULL, below);
}

static void write_prometheus(FILE *out, const char *pool, const connpool_stats_t *stats)
{
    for (size_t i = 0; i < FIELDS; i++) {
        char metric[64];
        if (fields[i].kind == CLOSE)
            continue;
        snprintf(metric, sizeof metric, "%s%s", fields[i].name, fields[i].kind == COUNTER ? "_total" : "");
        write_head(out, metric, fields[i].kind == COUNTER ? "counter" : "gauge", fields[i].help);
        write_sample(out, pool, metric, NULL, NULL, value_of(stats, &fields[i]));
    }
    write_head(out, "closed_total", "counter", "Connections closed, by reason.");
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].kind == CLOSE)
            write_sample(out, pool, "closed_total", "reason", fields[i].help, value_of(stats, &fields[i]));
    write_histogram(out, pool, "wait_seconds", "Waits that were served.", stats->wait_histogram);
    write_histogram(out, pool, "use_seconds", "From acquire to release.", stats->use_histogram);
}

int connpool_dump(connpool_t *pool, FILE *out, enum bufpool_format format)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;

    if (out == NULL)
        return -EINVAL;
    int error = connpool_stats(pool, &stats);
    if (error != 0)
        return error;
    switch (format) {
    case BUFPOOL_TEXT:
        write_text(out, pool->config.name, &stats);
        break;
    case BUFPOOL_JSON:
        write_json(out, pool->config.name, &stats);
        break;
    case BUFPOOL_PROMETHEUS:
        write_prometheus(out, pool->config.name, &stats);
        break;
    default:
        return -EINVAL;
    }
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
