#include "dump.h"

#include <errno.h>
#include <inttypes.h>

#include "leak.h"
#include "stats.h"

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

/* 12345678 as "11.8M": at most five characters. */
static const char *human(uint64_t bytes, char text[16])
{
    static const char unit[] = "BKMGTPE";
    double value = (double)bytes;
    unsigned u = 0;

    for (; value >= 1024 && unit[u + 1] != '\0'; u++)
        value /= 1024;
    snprintf(text, 16, u == 0 ? "%.0f%c" : value < 100 ? "%.1f%c" : "%.0f%c", value, unit[u]);
    return text;
}

static void write_row(FILE *out, const char *tier, const bufpool_stats_t *s)
{
    char used[16], priv[16], shared[16], victim[16], cold[16];
    uint64_t hits = s->hits_private + s->hits_shared + s->hits_stolen + s->hits_victim + s->hits_cold;
    double rate = s->gets == 0 ? 0 : 100.0 * (double)hits / (double)s->gets;

    fprintf(out, "%8s %9s %8s %8s %8s %8s %13" PRIu64 " %6.2f %10" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n",
            tier, human(s->in_use_bytes, used), human(s->private_bytes, priv), human(s->shared_bytes, shared),
            human(s->victim_bytes, victim), human(s->cold_bytes, cold), s->gets, rate, s->carves,
            s->refused_limit + s->refused_oversized, s->purges);
}

static void write_text(struct bufpool *pool, FILE *out, const bufpool_stats_t *tiers,
                       const bufpool_stats_t *total)
{
    char size[16];

    fprintf(out, "bufpool '%s': %" PRIu64 " threads, %" PRIu64 " collections, %s\n", pool->name,
            total->threads, total->collections,
            atomic_load_explicit(&pool->remote, memory_order_relaxed) ? "reclaims from sleeping threads"
                                                                      : "cooperative");
    fprintf(out, "%8s %9s %8s %8s %8s %8s %13s %6s %10s %9s %9s\n", "tier", "in use", "private", "shared",
            "victim", "cold", "gets", "hit %", "carves", "refused", "purges");
    for (unsigned i = 0; i < pool->tiers.count; i++)
        write_row(out, human(pool->tiers.tier[i].size, size), &tiers[i]);
    write_row(out, "all", total);
    fprintf(out, "oversized: %" PRIu64 " gets, %s in use; failures %" PRIu64 "; misuses %" PRIu64 "\n",
            total->oversized_gets, human(total->oversized_bytes, size), total->failures, total->misuses);
}

static void write_json_fields(FILE *out, const bufpool_stats_t *stats)
{
    for (size_t i = 0; i < FIELDS; i++)
        fprintf(out, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",", fields[i].name, value_of(stats, &fields[i]));
}

static void write_json(struct bufpool *pool, FILE *out, const bufpool_stats_t *tiers,
                       const bufpool_stats_t *total)
{
    fputs("{\"pool\":", out);
    write_quoted(out, pool->name);
    fputs(",\"total\":{", out);
    write_json_fields(out, total);
    fputs("},\"tiers\":[", out);
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        fprintf(out, "%s{\"size\":%" PRIu64 ",\"capacity\":%" PRIu64 ",", i == 0 ? "" : ",",
                pool->tiers.tier[i].size, tier_capacity(pool, i));
        write_json_fields(out, &tiers[i]);
        fputs("}", out);
    }
    fputs("]}\n", out);
}

/* Per tier where a tier has the field, so that a sum over the label is the total; what no tier has under
 * tier="none". */
static void write_prometheus(struct bufpool *pool, FILE *out, const bufpool_stats_t *tiers,
                             const bufpool_stats_t *total)
{
    for (size_t f = 0; f < FIELDS; f++) {
        const struct field *field = &fields[f];
        const char *suffix = field->kind == COUNTER ? "_total" : "";
        uint64_t rest = value_of(total, field);

        fprintf(out, "# HELP bufpool_%s%s %s\n# TYPE bufpool_%s%s %s\n", field->name, suffix, field->help,
                field->name, suffix, field->kind == COUNTER ? "counter" : "gauge");
        if (field->kind == FACT) {
            fprintf(out, "bufpool_%s{pool=", field->name);
            write_quoted(out, pool->name);
            fprintf(out, "} %" PRIu64 "\n", rest);
            continue;
        }
        for (unsigned i = 0; i <= pool->tiers.count; i++) {
            fprintf(out, "bufpool_%s%s{pool=", field->name, suffix);
            write_quoted(out, pool->name);
            if (i == pool->tiers.count) {
                fprintf(out, ",tier=\"none\"} %" PRIu64 "\n", rest);
                continue;
            }
            fprintf(out, ",tier=\"%" PRIu64 "\"} %" PRIu64 "\n", pool->tiers.tier[i].size,
                    value_of(&tiers[i], field));
            rest = subtract_to_zero(rest, value_of(&tiers[i], field));
        }
    }
}

int dump_write(struct bufpool *pool, FILE *out, enum bufpool_format format)
{
    bufpool_stats_t tiers[TIERS_MAX];
    bufpool_stats_t total;

    if (out == NULL)
        return -EINVAL;
    stats_all(pool, tiers, &total);
    switch (format) {
    case BUFPOOL_TEXT:
        write_text(pool, out, tiers, &total);
        leak_tell(pool, out);
        break;
    case BUFPOOL_JSON:
        write_json(pool, out, tiers, &total);
        break;
    case BUFPOOL_PROMETHEUS:
        write_prometheus(pool, out, tiers, &total);
        break;
    default:
        return -EINVAL;
    }
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
