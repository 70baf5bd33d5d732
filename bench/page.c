#include "page.h"

#include <inttypes.h>
#include <string.h>

/* 12345678 as "11.8M", with `unit` the steps: at most five characters. */
static const char *human(double value, double step, const char *unit, char text[16])
{
    for (; value >= step && unit[1] != '\0'; unit++)
        value /= step;
    const char *format = value >= 99.95 || value == (double)(uint64_t)value ? "%.0f%.*s" : "%.1f%.*s";
    snprintf(text, 16, format, value, *unit != ' ' && value != 0, unit);
    return text;
}

static const char *bytes(uint64_t value, char text[16])
{
    return human((double)value, 1024, "BKMGTPE", text);
}

static const char *rate(uint64_t now, uint64_t before, double seconds, char text[16])
{
    return human((double)(now - before) / seconds, 1000, " kMGT", text);
}

static void write_row(FILE *out, const char *name, const struct watched_row *now,
                      const struct watched_row *before, double seconds)
{
    char used[16], priv[16], shared[16], victim[16], cold[16];
    char hit[16] = "-", gets[16] = "-", refused[16] = "-";
    bool counts_on = before != NULL && now->gets >= before->gets && now->hits >= before->hits &&
                     now->refused >= before->refused && seconds > 0;
    uint64_t asked = now->gets - (counts_on ? before->gets : 0);
    uint64_t found = now->hits - (counts_on ? before->hits : 0);

    if (asked != 0)
        snprintf(hit, sizeof hit, "%.2f", 100.0 * (double)found / (double)asked);
    if (counts_on) {
        rate(now->gets, before->gets, seconds, gets);
        rate(now->refused, before->refused, seconds, refused);
    }
    fprintf(out, "%7s %8s %8s %8s %8s %8s %7s %8s %10s\n", name, bytes(now->in_use, used),
            bytes(now->in_private, priv), bytes(now->in_shared, shared), bytes(now->in_victim, victim),
            bytes(now->in_cold, cold), hit, gets, refused);
}

static bool was_ever_used(const struct watched_row *row)
{
    return row->gets != 0 ||
           (row->in_use | row->in_private | row->in_shared | row->in_victim | row->in_cold) != 0;
}

static void write_pool(FILE *out, const struct watched_pool *now, const struct watched_pool *before,
                       double seconds)
{
    char text[16];
    size_t unused = 0;

    fprintf(out, "\n%s #%" PRIu64 ": %" PRIu64 " threads, %" PRIu64 " collections, %s oversized%s\n",
            now->name, now->number, now->threads, now->collections, bytes(now->oversized, text),
            now->remote ? "" : ", cooperative");
    fprintf(out, "%7s %8s %8s %8s %8s %8s %7s %8s %10s\n", "tier", "in use", "private", "shared", "victim",
            "cold", "hit %", "gets/s", "refused/s");
    for (size_t i = 0; i < now->tiers; i++) {
        if (was_ever_used(&now->tier[i]))
            write_row(out, bytes(now->tier[i].size, text), &now->tier[i],
                      before == NULL ? NULL : &before->tier[i], seconds);
        else
            unused++;
    }
    write_row(out, "all", &now->total, before == NULL ? NULL : &before->total, seconds);
    if (unused != 0)
        fprintf(out, "%7s %zu tier%s never used\n", "", unused, unused == 1 ? "" : "s");
}

static void write_head(FILE *out, const struct watched *now)
{
    char file[64], name[64] = "", resident[16] = "?", used[16], idle[16];
    uint64_t in_use = 0, backed = 0;

    snprintf(file, sizeof file, "/proc/%" PRIu64 "/comm", now->pid);
    FILE *comm = fopen(file, "r");
    if (comm != NULL && fgets(name, sizeof name, comm) != NULL)
        name[strcspn(name, "\n")] = '\0';
    if (comm != NULL)
        fclose(comm);
    for (char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = '?';
    for (size_t i = 0; i < now->pools; i++) {
        const struct watched_row *row = &now->pool[i].total;
        in_use += row->in_use;
        backed += row->in_private + row->in_shared + row->in_victim + row->in_cold;
    }
    if (now->has_resident)
        bytes(now->resident, resident);
    fprintf(out, "process %" PRIu64 "%s%s: %s resident, %s in use, %s idle, %zu pool%s\n", now->pid,
            *name != '\0' ? " " : "", name, resident, bytes(in_use, used), bytes(backed, idle), now->pools,
            now->pools == 1 ? "" : "s");
}

void page_write(FILE *out, const struct watched *now, const struct watched *before, uint64_t pool)
{
    double seconds = before == NULL ? 0 : (double)(now->at_ns - before->at_ns) / 1e9;

    write_head(out, now);
    for (size_t i = 0; i < now->pools; i++) {
        const struct watched_pool *shown = &now->pool[i];
        if (pool == PAGE_ALL || shown->number == pool)
            write_pool(out, shown, before == NULL ? NULL : watched_pool_like(before, shown), seconds);
    }
}
