#include "sections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles.h"

static const struct title {
    const char *workload, *what;
} titles[] = {
    {"pair", "get one, put it"},
    {"batch", "get N, put N; of one buffer"},
    {"mix", "256 held, a random one replaced; of one replacement"},
    {"handoff", "one thread gets, another puts; wall time of one buffer"},
    {"churn", "threads pass on their buffers and exit; of one replacement"},
    {"crowd", "many threads on few CPUs, each with its mix"},
    {"burst", "2,000 x 16K on each of 8 threads, all put, all asleep; MiB above the start"},
    {"breathing", "the burst again and again; of one buffer"},
    {"falseshare", "two threads write to their own buffers"},
    {"replay", "traces of real servers; of one event; MiB above the start"},
    {"scale", "more threads, more pools, more live buffers; of one operation"},
};
#define TITLES (sizeof(titles) / sizeof(titles[0]))

const char *value_text(char text[32], double value)
{
    double size = value < 0 ? -value : value;
    snprintf(text, 32, "%.*f",
             size >= 99.95                   ? 0
             : size >= 0.995 || size < 0.005 ? 1
                                             : 2,
             size < 0.005 ? 0 : value);
    return text;
}

const char *ratio_text(char text[32], double ratio)
{
    snprintf(text, 32, "%.*f", ratio >= 99.95 ? 0 : ratio >= 9.995 ? 1 : 2, ratio);
    return text;
}

const char *label_text(char label[160], const struct row *row)
{
    static const char *const own[] = {"pair", "buffer", "replacement", "event", "time"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(row->metric, own[i]) == 0) {
            snprintf(label, 160, "%s, %s", row->variant, row->unit);
            return label;
        }
    snprintf(label, 160, "%s: %s, %s", row->variant, row->metric, row->unit);
    return label;
}

/* ------------------------------------------------------------ rows and columns */

/* Case by case, in the order they were first measured. */
static void find_rows(struct section *section)
{
    const struct samples *samples = section->samples;
    for (unsigned first = 0; first < samples->rows; first++) {
        const struct row *row = &samples->row[first];
        unsigned i = 0;
        while (i < section->rows && strcmp(samples->row[section->row[i]].variant, row->variant) != 0)
            i++;
        if (strcmp(row->workload, section->workload) != 0 || i < section->rows)
            continue;
        for (i = first; i < samples->rows; i++)
            if (strcmp(samples->row[i].workload, section->workload) == 0 &&
                strcmp(samples->row[i].variant, row->variant) == 0)
                section->row[section->rows++] = i;
    }
}

static bool measured(const struct section *section, const char *peer)
{
    for (unsigned r = 0; r < section->rows; r++) {
        struct summary summary = samples_summary(section->samples, section->row[r], peer);
        if (summary.count || summary.dry)
            return true;
    }
    return false;
}

static void find_columns(struct section *section)
{
    for (unsigned c = 0; role_peer(c) && section->columns < SECTION_COLUMNS_MAX; c++)
        if (measured(section, role_peer(c)))
            section->column[section->columns++] = c;
}

/* What was forgotten would be missing from the tables, and nobody would see it. */
static void check_known(const struct samples *samples)
{
    for (unsigned i = 0; i < samples->rows; i++) {
        size_t t = 0;
        while (t < TITLES && strcmp(titles[t].workload, samples->row[i].workload) != 0)
            t++;
        if (t == TITLES)
            die("sections.c has no title for the workload \"%s\"", samples->row[i].workload);
    }
    for (size_t i = 0; i < samples->cells; i++) {
        size_t p = 0;
        while (role_peer(p) && strcmp(role_peer(p), samples->cell[i].peer) != 0)
            p++;
        if (!role_peer(p))
            die("roles.c has no role for the peer \"%s\"", samples->cell[i].peer);
    }
}

void sections_each(const struct samples *samples, void (*print)(const struct section *section, void *context),
                   void *context)
{
    check_known(samples);
    unsigned *rows = calloc(samples->rows + 1, sizeof(*rows));
    if (!rows)
        die("no memory for %u rows", samples->rows);
    for (size_t i = 0; i < TITLES; i++) {
        struct section section = {
            .samples = samples, .workload = titles[i].workload, .what = titles[i].what, .row = rows};
        find_rows(&section);
        find_columns(&section);
        if (section.rows)
            print(&section, context);
    }
    free(rows);
}
