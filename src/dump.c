#include "dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "leak.h"
#include "region.h"
#include "sections.h"
#include "sizes.h"
#include "snapshot.h"

/* Every field that is written, once; the three formats go by this table. */
static const struct field {
    const char *name;
    size_t offset;
    enum { COUNTER, GAUGE, FACT } kind;
    const char *help;
} fields[] = {
#define FIELD(name, kind, help)                                                                              \
    {                                                                                                        \
#name, offsetof(bufpool_stats_t, name), kind, help                                                   \
    }
    FIELD(gets, COUNTER, "Buffers asked for."),
    FIELD(hits_private, COUNTER, "Gets served from the thread's private cache."),
    FIELD(hits_shared, COUNTER, "Gets served from the shard of the thread's own CPU."),
    FIELD(hits_stolen, COUNTER, "Gets served from another shard."),
    FIELD(hits_victim, COUNTER, "Gets served from the victims."),
    FIELD(hits_cold, COUNTER, "Gets served by a cold buffer."),
    FIELD(carves, COUNTER, "Gets served by a buffer that had no pages."),
    FIELD(oversized_gets, COUNTER, "Gets served by the system."),
    FIELD(failures, COUNTER, "Gets that returned NULL."),
    FIELD(puts, COUNTER, "Buffers given back."),
    FIELD(refused_oversized, COUNTER, "Puts refused because the buffer was oversized."),
    FIELD(refused_limit, COUNTER, "Puts refused because of max_cached_bytes."),
    FIELD(misuses, COUNTER, "Faults of callers reported."),
    FIELD(collections, COUNTER, "Collections run."),
    FIELD(purges, COUNTER, "Buffers whose pages went back to the system."),
    FIELD(in_use_bytes, GAUGE, "Borrowed, oversized included."),
    FIELD(oversized_bytes, GAUGE, "Borrowed and oversized."),
    FIELD(private_bytes, GAUGE, "Idle in private caches."),
    FIELD(shared_bytes, GAUGE, "Idle in the depot."),
    FIELD(victim_bytes, GAUGE, "Idle for one collection."),
    FIELD(cold_bytes, GAUGE, "Idle, waiting for their pages to go."),
    FIELD(committed_bytes, GAUGE, "Tiers' buffers that have pages."),
    FIELD(reserved_bytes, GAUGE, "Address space."),
    FIELD(threads, FACT, "Threads that have a private cache."),
    FIELD(tiers, FACT, "Tiers of the pool."),
    FIELD(remote_reclaim, FACT, "1: collections reach other threads' caches."),
#undef FIELD
};

#define FIELDS (sizeof fields / sizeof fields[0])

static uint64_t value_of(const bufpool_stats_t *stats, const struct field *field)
{
    return *(const uint64_t *)(const void *)((const char *)stats + field->offset);
}

/* A pool's name as a JSON string or a Prometheus label: both escape these. */
static void write_quoted(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc(*text, out);
    }
    putc('"', out);
}

/* 12345678 as "11.8M", 16384 as "16K": at most five characters. */
static const char *human(uint64_t bytes, char text[16])
{
    static const char unit[] = "BKMGTPE";
    double value = (double)bytes;
    unsigned u = 0;

    for (; value >= 1024 && unit[u + 1] != '\0'; u++)
        value /= 1024;
    bool is_whole = value == (double)(uint64_t)value;
    snprintf(text, 16, is_whole || value >= 100 ? "%.0f%.*s" : "%.1f%.*s", value, bytes != 0, &unit[u]);
    return text;
}

/* ------------------------------------------------------------ text */

static void write_row(FILE *out, const char *tier, const bufpool_stats_t *s)
{
    char used[16], priv[16], shared[16], victim[16], cold[16], rate[16] = "-";
    uint64_t hits = s->hits_private + s->hits_shared + s->hits_stolen + s->hits_victim + s->hits_cold;

    if (s->gets != 0)
        snprintf(rate, sizeof rate, "%.2f", 100.0 * (double)hits / (double)s->gets);
    fprintf(out, "%8s %9s %8s %8s %8s %8s %13" PRIu64 " %6s %10" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", tier,
            human(s->in_use_bytes, used), human(s->private_bytes, priv), human(s->shared_bytes, shared),
            human(s->victim_bytes, victim), human(s->cold_bytes, cold), s->gets, rate, s->carves,
            s->refused_limit + s->refused_oversized, s->purges);
}

static void write_text(FILE *out, const struct snapshot *pool)
{
    const bufpool_stats_t *total = &pool->total;
    char size[16];

    fprintf(out, "bufpool '%s' #%" PRIu32 ": %" PRIu64 " threads, %" PRIu64 " collections, %s\n", pool->name,
            pool->number, total->threads, total->collections,
            total->remote_reclaim ? "reclaims from sleeping threads" : "cooperative");
    fprintf(out, "%8s %9s %8s %8s %8s %8s %13s %6s %10s %9s %9s\n", "tier", "in use", "private", "shared",
            "victim", "cold", "gets", "hit %", "carves", "refused", "purges");
    for (unsigned i = 0; i < pool->tiers; i++)
        write_row(out, human(pool->size[i], size), &pool->tier[i]);
    write_row(out, "all", total);
    fprintf(out, "oversized: %" PRIu64 " gets, %s in use; failures %" PRIu64 "; misuses %" PRIu64 "\n",
            total->oversized_gets, human(total->oversized_bytes, size), total->failures, total->misuses);
}

/* ------------------------------------------------------------ JSON */

static void write_json_fields(FILE *out, const bufpool_stats_t *stats)
{
    for (size_t i = 0; i < FIELDS; i++)
        fprintf(out, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",", fields[i].name, value_of(stats, &fields[i]));
}

static void write_json(FILE *out, const struct snapshot *pool)
{
    fputs("{\"pool\":", out);
    write_quoted(out, pool->name);
    fprintf(out, ",\"number\":%" PRIu32 ",\"total\":{", pool->number);
    write_json_fields(out, &pool->total);
    fputs("},\"tiers\":[", out);
    for (unsigned i = 0; i < pool->tiers; i++) {
        fprintf(out, "%s{\"size\":%" PRIu64 ",\"capacity\":%" PRIu64 ",", i == 0 ? "" : ",", pool->size[i],
                pool->capacity[i]);
        write_json_fields(out, &pool->tier[i]);
        fputs("}", out);
    }
    fputs("]", out);
    if (pool->sizes != NULL) {
        fputs(",\"sizes\":", out);
        sizes_write(pool->sizes, out);
    }
    fputs("}", out);
}

/* ------------------------------------------------------------ Prometheus */

static void write_sample(FILE *out, const struct field *field, const struct snapshot *pool, const char *tier,
                         uint64_t value)
{
    fprintf(out, "bufpool_%s%s{pool=", field->name, field->kind == COUNTER ? "_total" : "");
    write_quoted(out, pool->name);
    fprintf(out, ",number=\"%" PRIu32 "\"", pool->number);
    if (tier != NULL)
        fprintf(out, ",tier=\"%s\"", tier);
    fprintf(out, "} %" PRIu64 "\n", value);
}

/* Per tier where a tier has the field, so that a sum over the label is the total; what no tier has under
 * tier="none". */
static void write_samples(FILE *out, const struct field *field, const struct snapshot *pool)
{
    uint64_t rest = value_of(&pool->total, field);
    char size[24];

    if (field->kind == FACT) {
        write_sample(out, field, pool, NULL, rest);
        return;
    }
    for (unsigned i = 0; i < pool->tiers; i++) {
        uint64_t value = value_of(&pool->tier[i], field);
        snprintf(size, sizeof size, "%" PRIu64, pool->size[i]);
        write_sample(out, field, pool, size, value);
        rest = subtract_to_zero(rest, value);
    }
    write_sample(out, field, pool, "none", rest);
}

/* All samples of a metric stand together, those of all pools. */
static void write_prometheus(FILE *out, const struct snapshot *pools, size_t count)
{
    for (size_t f = 0; f < FIELDS; f++) {
        const struct field *field = &fields[f];
        const char *suffix = field->kind == COUNTER ? "_total" : "";

        fprintf(out, "# HELP bufpool_%s%s %s\n# TYPE bufpool_%s%s %s\n", field->name, suffix, field->help,
                field->name, suffix, field->kind == COUNTER ? "counter" : "gauge");
        for (size_t i = 0; i < count; i++)
            write_samples(out, field, &pools[i]);
    }
}

/* ------------------------------------------------------------ one pool, all pools */

static int written(FILE *out)
{
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

int dump_pool(struct bufpool *pool, FILE *out, enum bufpool_format format)
{
    struct snapshot snapshot;

    if (out == NULL)
        return -EINVAL;
    snapshot_take(&snapshot, pool);
    switch (format) {
    case BUFPOOL_TEXT:
        write_text(out, &snapshot);
        leak_tell(pool, out);
        break;
    case BUFPOOL_JSON:
        write_json(out, &snapshot);
        putc('\n', out);
        break;
    case BUFPOOL_PROMETHEUS:
        write_prometheus(out, &snapshot, 1);
        break;
    default:
        return -EINVAL;
    }
    return written(out);
}

/* Resident memory of the process; false where /proc does not tell. */
static bool read_rss(uint64_t *bytes)
{
    char text[64];
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, sizeof text - 1);

    if (file >= 0)
        close(file);
    if (got <= 0)
        return false;
    text[got] = '\0';
    char *end;
    strtoull(text, &end, 10); /* its address space */
    *bytes = strtoull(end, NULL, 10) * region_page();
    return *bytes != 0;
}

static void write_text_all(FILE *out, const struct snapshots *pools)
{
    uint64_t rss;
    char size[16];

    fprintf(out, "process %ld: %s resident, %zu pool%s\n", (long)getpid(),
            read_rss(&rss) ? human(rss, size) : "?", pools->count, pools->count == 1 ? "" : "s");
    for (size_t i = 0; i < pools->count; i++) {
        putc('\n', out);
        write_text(out, &pools->list[i]);
    }
}

static void write_json_all(FILE *out, const struct snapshots *pools)
{
    uint64_t rss;

    fprintf(out, "{\"pid\":%ld,\"rss_bytes\":", (long)getpid());
    if (read_rss(&rss))
        fprintf(out, "%" PRIu64, rss);
    else
        fputs("null", out);
    fputs(",\"pools\":[", out);
    for (size_t i = 0; i < pools->count; i++) {
        fputs(i == 0 ? "" : ",", out);
        write_json(out, &pools->list[i]);
    }
    putc(']', out);
}

int dump_all(FILE *out, enum bufpool_format format)
{
    struct snapshots pools;

    if (out == NULL || (format != BUFPOOL_TEXT && format != BUFPOOL_JSON && format != BUFPOOL_PROMETHEUS))
        return -EINVAL;
    int error = snapshots_take(&pools);
    if (error != 0)
        return error;
    if (format == BUFPOOL_TEXT)
        write_text_all(out, &pools);
    else if (format == BUFPOOL_JSON)
        write_json_all(out, &pools);
    else
        write_prometheus(out, pools.list, pools.count);
    snapshots_end(&pools);
    error = sections_write(out, format);
    if (format == BUFPOOL_JSON)
        fputs("}\n", out);
    return error != 0 ? error : written(out);
}
