#include "report.h"

#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "samples.h"
#include "targets.h"

/* ------------------------------------------------------------ cells */

/* Characters, not bytes: a UTF-8 continuation byte takes no column. */
static int columns_of(const char *text)
{
    int columns = 0;
    for (; *text; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static void cell_left(bool markdown, int width, const char *text)
{
    int pad = width - columns_of(text);
    printf("%s%s%*s", markdown ? "| " : "", text, pad > 0 ? pad : 0, "");
}

static void cell_right(bool markdown, int width, const char *text)
{
    int pad = width - columns_of(text);
    printf("%s%*s%s", markdown ? " | " : " ", pad > 0 ? pad : 0, "", text);
}

static void row_end(bool markdown)
{
    puts(markdown ? " |" : "");
}

static void value_text(char text[32], double value)
{
    snprintf(text, 32, value >= 100 ? "%.0f" : "%.1f", value);
}

/* ------------------------------------------------------------ tables */

#define COLUMNS_MAX 16
#define ROWS_MAX 512
#define VALUE_WIDTH 6 /* at least; a column is as wide as its peer's name */
#define RATIO_WIDTH 10
#define SPREAD_WIDTH 16
#define TARGET_WIDTH 14
#define IS_WIDTH 7
#define MET_WIDTH 4

/* The samples of one unit: its rows in the order they were first measured, its columns in the peers'. */
struct table {
    const struct samples *samples;
    const char *unit;
    const char *title;
    bool markdown;
    const char *peer[COLUMNS_MAX];
    unsigned peers;
    const struct sample *row[ROWS_MAX]; /* any sample of it; rows of one case stand together */
    unsigned rows;
    int label_width;
};

/* Peers a table divides by bufpool's figure. */
static const char *const ratio_peers[] = {"glibc", "jemalloc"};
#define RATIO_PEERS (sizeof(ratio_peers) / sizeof(ratio_peers[0]))

static void find_peers(struct table *table)
{
    const struct samples *samples = table->samples;
    for (size_t p = 0; peer_at(p) && table->peers < COLUMNS_MAX; p++) {
        const char *name = peer_at(p)->name;
        size_t i = 0;
        while (i < samples->count && (strcmp(samples->sample[i].peer, name) != 0 ||
                                      strcmp(samples->sample[i].unit, table->unit) != 0))
            i++;
        if (i < samples->count)
            table->peer[table->peers++] = name;
    }
}

static bool same_case(const struct sample *a, const struct sample *b)
{
    return strcmp(a->workload, b->workload) == 0 && strcmp(a->variant, b->variant) == 0;
}

/* Behind the last row of its case, which need not be the last of all. */
static void add_row(struct table *table, const struct sample *sample)
{
    unsigned place = table->rows;
    for (unsigned i = 0; i < table->rows; i++) {
        if (samples_same_row(table->row[i], sample))
            return;
        if (same_case(table->row[i], sample))
            place = i + 1;
    }
    if (table->rows == ROWS_MAX)
        die("more than %d rows", ROWS_MAX);
    memmove(&table->row[place + 1], &table->row[place], (table->rows - place) * sizeof(table->row[0]));
    table->row[place] = sample;
    table->rows++;
}

/* "pair 4K 1 thread"; of memory, which has more than one figure a case, "burst all put: peak". */
static const char *row_label(char label[128], const struct sample *row)
{
    if (strcmp(row->unit, "ns") == 0)
        snprintf(label, 128, "%s %s", row->workload, row->variant);
    else
        snprintf(label, 128, "%s %s: %s", row->workload, row->variant, row->metric);
    return label;
}

static void find_rows(struct table *table)
{
    for (size_t i = 0; i < table->samples->count; i++)
        if (strcmp(table->samples->sample[i].unit, table->unit) == 0)
            add_row(table, &table->samples->sample[i]);
    for (unsigned r = 0; r < table->rows; r++) {
        char label[128];
        int columns = columns_of(row_label(label, table->row[r]));
        table->label_width = columns > table->label_width ? columns : table->label_width;
    }
}

/* The line under the heading: Markdown wants it, people like it. */
static void rule(const struct table *table, unsigned right, int width)
{
    if (table->markdown) {
        printf("|---");
        for (unsigned i = 0; i < right; i++)
            printf("|---:");
        puts("|");
        return;
    }
    for (int i = 0; i < width; i++)
        putchar('-');
    putchar('\n');
}

static void heading(const struct table *table, const char *what)
{
    printf(table->markdown ? "\n### %s%s\n\n" : "\n%s%s\n\n", table->title, what);
}

static void print_spread(const struct table *table)
{
    size_t fewest = SIZE_MAX, most = 0;
    heading(table, "; least to most");
    cell_left(table->markdown, table->label_width, "");
    for (unsigned i = 0; i < table->peers; i++)
        cell_right(table->markdown, SPREAD_WIDTH, table->peer[i]);
    row_end(table->markdown);
    rule(table, table->peers, table->label_width + (int)table->peers * (SPREAD_WIDTH + 1));
    for (unsigned r = 0; r < table->rows; r++) {
        const struct sample *row = table->row[r];
        char label[128];
        cell_left(table->markdown, table->label_width, row_label(label, row));
        for (unsigned i = 0; i < table->peers; i++) {
            struct summary summary = samples_summarise(table->samples, row, table->peer[i]);
            char least[32], greatest[32], text[80] = "";
            value_text(least, summary.least);
            value_text(greatest, summary.most);
            if (summary.count) {
                snprintf(text, sizeof(text), "%s to %s", least, greatest);
                fewest = summary.count < fewest ? summary.count : fewest;
                most = summary.count > most ? summary.count : most;
            }
            cell_right(table->markdown, SPREAD_WIDTH, text);
        }
        row_end(table->markdown);
    }
    printf("%sSamples each: %zu", table->markdown ? "\n" : "", fewest);
    if (fewest != most)
        printf(" to %zu", most);
    puts(".");
}

static void print_ratios(const struct table *table, const struct sample *row, struct summary ours)
{
    for (size_t i = 0; i < RATIO_PEERS; i++) {
        struct summary theirs = samples_summarise(table->samples, row, ratio_peers[i]);
        char text[32] = "";
        /* A growth of nothing, or below, has no ratio. */
        if (ours.count && theirs.count && ours.median >= 0.1 && theirs.median >= 0.1)
            snprintf(text, sizeof(text), "%.2f", theirs.median / ours.median);
        cell_right(table->markdown, RATIO_WIDTH, text);
    }
}

/* Adds to how many targets there are and how many are met. */
static void print_target(const struct table *table, const struct sample *row, unsigned *met, unsigned *all)
{
    struct verdict verdict = target_judge(table->samples, row);
    char is[32] = "";
    if (verdict.known) {
        snprintf(is, sizeof(is), "%.2f", verdict.value);
        *met += verdict.met;
        ++*all;
    }
    cell_right(table->markdown, TARGET_WIDTH, verdict.text);
    cell_right(table->markdown, IS_WIDTH, is);
    cell_right(table->markdown, MET_WIDTH, verdict.known ? verdict.met ? "yes" : "NO" : "");
}

static int value_width(const struct table *table, unsigned peer)
{
    int columns = columns_of(table->peer[peer]);
    return columns > VALUE_WIDTH ? columns : VALUE_WIDTH;
}

static void print_medians(const struct table *table, unsigned *met, unsigned *all)
{
    int width =
        table->label_width + (int)RATIO_PEERS * (RATIO_WIDTH + 1) + TARGET_WIDTH + IS_WIDTH + MET_WIDTH + 3;
    heading(table, "; medians");
    cell_left(table->markdown, table->label_width, "");
    for (unsigned i = 0; i < table->peers; i++) {
        cell_right(table->markdown, value_width(table, i), table->peer[i]);
        width += value_width(table, i) + 1;
    }
    for (size_t i = 0; i < RATIO_PEERS; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%s/ours", ratio_peers[i][0] == 'j' ? "jem." : ratio_peers[i]);
        cell_right(table->markdown, RATIO_WIDTH, text);
    }
    cell_right(table->markdown, TARGET_WIDTH, "target");
    cell_right(table->markdown, IS_WIDTH, "is");
    cell_right(table->markdown, MET_WIDTH, "met");
    row_end(table->markdown);
    rule(table, table->peers + RATIO_PEERS + 3, width);
    for (unsigned r = 0; r < table->rows; r++) {
        const struct sample *row = table->row[r];
        char label[128];
        cell_left(table->markdown, table->label_width, row_label(label, row));
        for (unsigned i = 0; i < table->peers; i++) {
            struct summary summary = samples_summarise(table->samples, row, table->peer[i]);
            char text[32] = "";
            if (summary.count)
                value_text(text, summary.median);
            cell_right(table->markdown, value_width(table, i), text);
        }
        print_ratios(table, row, samples_summarise(table->samples, row, "bufpool"));
        print_target(table, row, met, all);
        row_end(table->markdown);
    }
}

/* Each line of a file, as a list item in Markdown. A file that is not there has nothing to say. */
static void print_lines(const char *folder, const char *file, const char *title, bool markdown)
{
    char path[4096], line[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    FILE *in = fopen(path, "re");
    if (!in)
        return;
    printf(markdown ? "\n### %s\n\n" : "\n%s\n\n", title);
    while (fgets(line, sizeof(line), in)) {
        line[strcspn(line, "\n")] = '\0';
        printf("%s%s\n", markdown ? "- " : "  ", line);
    }
    fclose(in);
}

int report_run(const char *folder, bool markdown)
{
    char path[4096];
    struct samples samples;
    snprintf(path, sizeof(path), "%s/samples.csv", folder);
    samples_load(&samples, path);
    static struct table tables[] = {
        {.unit = "MiB", .title = "Memory, MiB resident above the start"},
        {.unit = "ns",
         .title = "Time, ns (pair: get and put; mix: a replacement; handoff: a buffer; replay: an event)"},
    };
    size_t count = sizeof(tables) / sizeof(tables[0]);
    unsigned met = 0, all = 0;

    if (markdown)
        puts("# bench/run");
    for (size_t i = 0; i < count; i++) {
        tables[i].samples = &samples;
        tables[i].markdown = markdown;
        find_peers(&tables[i]);
        find_rows(&tables[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (tables[i].peers)
            print_spread(&tables[i]);
    print_lines(folder, "machine.txt", "Where", markdown);
    print_lines(folder, "verify.txt", "Checked", markdown);
    for (size_t i = 0; i < count; i++)
        if (tables[i].peers)
            print_medians(&tables[i], &met, &all);
    if (all)
        printf("\n%u of %u targets met.\n", met, all);
    samples_free(&samples);
    return 0;
}
