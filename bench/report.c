#include "report.h"

#include <stdio.h>
#include <string.h>

#include "roles.h"
#include "sections.h"
#include "table.h"
#include "targets.h"

/* A rival ahead by less is level: the noise between two equals; of memory, half a MiB. */
#define LEVEL 0.97
#define LEVEL_MIB 0.5

/* Below that, a growth of nothing, a ratio says nothing. */
#define RATIO_LEAST 0.1

static void print_heading(const struct section *section, bool markdown)
{
    printf("\n%s%s: %s\n\n", markdown ? "### " : "", section->workload, section->what);
}

static void heading_cells(struct table *table, const struct section *section, const char *last)
{
    table_cell(table, "%s", section->workload);
    for (unsigned c = 0; c < section->columns; c++)
        table_cell(table, "%s", role_peer(section->column[c]));
    table_cell(table, "%s", last);
}

/* Facts that begin with `start`, or all when it is NULL. */
static void print_facts(const struct samples *samples, const char *start, const char *before)
{
    for (size_t i = 0; i < samples->facts; i++)
        if (!start || strncmp(samples->fact[i], start, strlen(start)) == 0)
            printf("%s%s\n", before, samples->fact[i]);
}

/* ------------------------------------------------------------ medians */

/* How the pool stands against the best of the others. */
struct standing {
    const char *rival; /* NULL: nobody to compare with */
    bool lost;         /* by more than the noise */
    double ratio;      /* above 1: ahead; 0: says nothing */
};

static struct standing standing_in(const struct samples *samples, unsigned r)
{
    const struct row *row = &samples->row[r];
    struct best rival = role_best(samples, r, ROLE_RIVAL);
    struct summary ours = samples_summary(samples, r, "bufpool");
    /* "start (itself)", "timer (taken off)": about the measuring, not the peers. */
    if (!ours.count || !rival.peer || strchr(row->metric, '('))
        return (struct standing){0};
    double we = ours.median, they = rival.summary.median;
    bool more = row_more_is_better(row);
    struct standing standing = {.rival = rival.peer};
    if (we >= RATIO_LEAST && they >= RATIO_LEAST)
        standing.ratio = more ? we / they : they / we;
    if (strcmp(row->unit, "MiB") == 0)
        standing.lost = we > they + LEVEL_MIB;
    else
        standing.lost = we >= RATIO_LEAST && (more ? we < LEVEL * they : they < LEVEL * we);
    return standing;
}

/* The median; in Markdown with its ratio to ours, and bold where it is the one that beats us. */
static void median_cell(struct table *table, const struct samples *samples, unsigned r, const char *peer,
                        struct standing standing, bool markdown)
{
    struct summary summary = samples_summary(samples, r, peer);
    struct summary ours = samples_summary(samples, r, "bufpool");
    const char *bold = markdown && standing.lost && strcmp(peer, standing.rival) == 0 ? "**" : "";
    char text[32], ratio[32];
    if (summary.dry)
        table_cell(table, "runs dry");
    else if (!summary.count)
        table_cell(table, "%s", "");
    else if (markdown && strcmp(peer, "bufpool") != 0 && ours.median >= RATIO_LEAST &&
             summary.median >= RATIO_LEAST)
        table_cell(table, "%s%s%s (%s)", bold, value_text(text, summary.median), bold,
                   ratio_text(ratio, summary.median / ours.median));
    else
        table_cell(table, "%s%s%s", bold, value_text(text, summary.median), bold);
}

static void standing_cell(struct table *table, struct standing standing)
{
    const char *lost = standing.lost ? ", LOST" : "";
    char text[32];
    if (!standing.rival)
        table_cell(table, "%s", "");
    else if (standing.ratio > 0)
        table_cell(table, "%s x %s%s", ratio_text(text, standing.ratio), standing.rival, lost);
    else
        table_cell(table, "%s%s", standing.rival, lost);
}

static void print_medians(const struct section *section, void *context)
{
    bool markdown = *(bool *)context;
    struct table table = {.columns = section->columns + 2, .left = 1};
    char label[160];
    print_heading(section, markdown);
    heading_cells(&table, section, "to the best other");
    for (unsigned i = 0; i < section->rows; i++) {
        unsigned r = section->row[i];
        struct standing standing = standing_in(section->samples, r);
        table_cell(&table, "%s", label_text(label, &section->samples->row[r]));
        for (unsigned c = 0; c < section->columns; c++)
            median_cell(&table, section->samples, r, role_peer(section->column[c]), standing, markdown);
        standing_cell(&table, standing);
    }
    table_print(&table, markdown);
    print_facts(section->samples, "skipped: ", markdown ? "\n" : "");
}

/* ------------------------------------------------------------ least to most */

static void print_spreads(const struct section *section, void *context)
{
    bool markdown = *(bool *)context;
    struct table table = {.columns = section->columns + 2, .left = 1};
    char label[160], least[32], most[32];
    print_heading(section, markdown);
    heading_cells(&table, section, "samples");
    for (unsigned i = 0; i < section->rows; i++) {
        size_t fewest = SIZE_MAX;
        table_cell(&table, "%s", label_text(label, &section->samples->row[section->row[i]]));
        for (unsigned c = 0; c < section->columns; c++) {
            struct summary summary =
                samples_summary(section->samples, section->row[i], role_peer(section->column[c]));
            if (summary.count)
                table_cell(&table, "%s to %s", value_text(least, summary.least),
                           value_text(most, summary.most));
            else
                table_cell(&table, "%s", "");
            if (summary.count && summary.count < fewest)
                fewest = summary.count;
        }
        table_cell(&table, "%zu", fewest == SIZE_MAX ? 0 : fewest);
    }
    table_print(&table, markdown);
}

/* ------------------------------------------------------------ targets */

struct verdicts {
    struct table table;
    bool markdown;
    unsigned met, judged;
};

/* One row against one target, if that is about it. */
static void add_verdict(struct verdicts *verdicts, const struct samples *samples, unsigned row, size_t target)
{
    struct verdict verdict = target_judge(samples, row, target);
    bool met = verdict.outcome == OUTCOME_MET, known = verdict.outcome != OUTCOME_UNKNOWN;
    char label[160];
    if (verdict.outcome == OUTCOME_NO_TARGET)
        return;
    verdicts->judged += known;
    verdicts->met += met;
    table_cell(&verdicts->table, "%s %s", samples->row[row].workload, label_text(label, &samples->row[row]));
    table_cell(&verdicts->table, "%s", verdict.target);
    table_cell(&verdicts->table, "%s", verdict.is);
    table_cell(&verdicts->table, "%s", !known ? "-" : met ? "yes" : verdicts->markdown ? "**NO**" : "NO");
}

static void add_verdicts(const struct section *section, void *context)
{
    for (unsigned i = 0; i < section->rows; i++)
        for (size_t t = 0; t < targets_count(); t++)
            add_verdict(context, section->samples, section->row[i], t);
}

static void print_targets(const struct samples *samples, bool markdown)
{
    static const char *const heading[] = {"what", "target", "is", "met"};
    struct verdicts verdicts = {.table = {.columns = 4, .left = 2}, .markdown = markdown};
    for (size_t i = 0; i < 4; i++)
        table_cell(&verdicts.table, "%s", heading[i]);
    sections_each(samples, add_verdicts, &verdicts);
    printf("\n%sTargets\n\n", markdown ? "## " : "");
    table_print(&verdicts.table, markdown);
    printf("\n%u of %u targets met.\n", verdicts.met, verdicts.judged);
}

/* ------------------------------------------------------------ all of it */

static void print_csv(const struct samples *samples)
{
    puts("workload,case,peer,metric,unit,samples,median,least,most");
    for (unsigned r = 0; r < samples->rows; r++)
        for (size_t c = 0; role_peer(c); c++) {
            const struct row *row = &samples->row[r];
            struct summary summary = samples_summary(samples, r, role_peer(c));
            if (summary.dry)
                printf("%s,%s,%s,%s,%s,0,runs dry,,\n", row->workload, row->variant, role_peer(c),
                       row->metric, row->unit);
            else if (summary.count)
                printf("%s,%s,%s,%s,%s,%zu,%.6g,%.6g,%.6g\n", row->workload, row->variant, role_peer(c),
                       row->metric, row->unit, summary.count, summary.median, summary.least, summary.most);
        }
}

static void print_text(const struct samples *samples)
{
    bool markdown = false;
    puts("\nWhere\n");
    print_facts(samples, NULL, "  ");
    sections_each(samples, print_medians, &markdown);
    print_targets(samples, markdown);
}

static void print_markdown(const struct samples *samples)
{
    bool markdown = true;
    puts("# bench/run\n\n## Where\n");
    print_facts(samples, NULL, "- ");
    print_targets(samples, markdown);
    puts("\n## Medians\n\nIn brackets the ratio to bufpool's. What beats bufpool is bold, and its row says "
         "LOST.");
    sections_each(samples, print_medians, &markdown);
    puts("\n## Least to most");
    sections_each(samples, print_spreads, &markdown);
}

int report_run(const char *folder, enum report_format format)
{
    char path[4096];
    struct samples samples;
    snprintf(path, sizeof(path), "%s/samples.csv", folder);
    samples_load(&samples, path);
    switch (format) {
    case REPORT_TEXT:
        print_text(&samples);
        break;
    case REPORT_MARKDOWN:
        print_markdown(&samples);
        break;
    case REPORT_MEDIANS:
        print_csv(&samples);
        break;
    }
    samples_free(&samples);
    return 0;
}
