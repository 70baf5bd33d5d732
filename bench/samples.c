#include "samples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADING "workload,case,peer,metric,unit,round,value"
#define RUNS_DRY "runs dry"

enum { WORKLOAD, VARIANT, PEER, METRIC, UNIT, ROUND, VALUE, FIELDS };

/* Where a line comes from, for the message when it is wrong. */
struct place {
    const char *path;
    unsigned line;
};

/* Room for one more element of `size`; returns the array, moved or not. */
static void *grown(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? *capacity * 2 : 16;
    array = realloc(array, *capacity * size);
    if (!array)
        die("no memory for the samples");
    return array;
}

static void copy_field(char *to, size_t capacity, const char *from, struct place place)
{
    if (strlen(from) >= capacity)
        die("%s, line %u: \"%s\" is too long", place.path, place.line, from);
    strcpy(to, from);
}

/* Cuts `text` at its commas; returns how many fields there are, more than FIELDS included. */
static unsigned split(char *text, char *field[FIELDS])
{
    unsigned count = 0;
    for (char *rest = text, *one; (one = strsep(&rest, ",")) != NULL; count++)
        if (count < FIELDS)
            field[count] = one;
    return count;
}

/* ------------------------------------------------------------ rows and cells */

unsigned samples_row(const struct samples *samples, const char *workload, const char *variant,
                     const char *metric)
{
    unsigned i = 0;
    while (i < samples->rows &&
           (strcmp(samples->row[i].variant, variant) != 0 || strcmp(samples->row[i].metric, metric) != 0 ||
            strcmp(samples->row[i].workload, workload) != 0))
        i++;
    return i;
}

static unsigned row_add(struct samples *samples, char *field[FIELDS], struct place place)
{
    size_t capacity = samples->rows_capacity;
    samples->row = grown(samples->row, samples->rows, &capacity, sizeof(*samples->row));
    samples->rows_capacity = (unsigned)capacity;
    struct row *row = &samples->row[samples->rows];
    copy_field(row->workload, sizeof(row->workload), field[WORKLOAD], place);
    copy_field(row->variant, sizeof(row->variant), field[VARIANT], place);
    copy_field(row->metric, sizeof(row->metric), field[METRIC], place);
    copy_field(row->unit, sizeof(row->unit), field[UNIT], place);
    return samples->rows++;
}

static struct cell *cell_of(struct samples *samples, unsigned row, const char *peer, struct place place)
{
    for (size_t i = 0; i < samples->cells; i++)
        if (samples->cell[i].row == row && strcmp(samples->cell[i].peer, peer) == 0)
            return &samples->cell[i];
    samples->cell = grown(samples->cell, samples->cells, &samples->cells_capacity, sizeof(*samples->cell));
    struct cell *cell = &samples->cell[samples->cells++];
    *cell = (struct cell){.row = row};
    copy_field(cell->peer, sizeof(cell->peer), peer, place);
    return cell;
}

static void sample_add(struct samples *samples, char *field[FIELDS], struct place place)
{
    unsigned row = samples_row(samples, field[WORKLOAD], field[VARIANT], field[METRIC]);
    if (row == samples->rows)
        row = row_add(samples, field, place);
    else if (strcmp(samples->row[row].unit, field[UNIT]) != 0)
        die("%s, line %u: now in %s, before in %s", place.path, place.line, field[UNIT],
            samples->row[row].unit);
    struct cell *cell = cell_of(samples, row, field[PEER], place);
    if (strcmp(field[VALUE], RUNS_DRY) == 0) {
        cell->summary.dry = true;
        return;
    }
    char *end;
    double value = strtod(field[VALUE], &end);
    if (end == field[VALUE] || *end)
        die("%s, line %u: \"%s\" is no number", place.path, place.line, field[VALUE]);
    cell->value = grown(cell->value, cell->summary.count, &cell->capacity, sizeof(*cell->value));
    cell->value[cell->summary.count++] = value;
}

/* ------------------------------------------------------------ the file */

static void fact_add(struct samples *samples, const char *text)
{
    samples->fact = grown(samples->fact, samples->facts, &samples->facts_capacity, sizeof(*samples->fact));
    char *fact = strdup(text);
    if (!fact)
        die("no memory for the samples");
    samples->fact[samples->facts++] = fact;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void cell_summarise(struct cell *cell)
{
    struct summary *summary = &cell->summary;
    if (!summary->count)
        return;
    qsort(cell->value, summary->count, sizeof(*cell->value), by_value);
    size_t half = summary->count / 2;
    summary->median =
        summary->count % 2 ? cell->value[half] : (cell->value[half - 1] + cell->value[half]) / 2;
    summary->least = cell->value[0];
    summary->most = cell->value[summary->count - 1];
}

void samples_load(struct samples *samples, const char *path)
{
    *samples = (struct samples){0};
    FILE *file = fopen(path, "re");
    if (!file)
        die("%s: %s", path, strerror(errno));
    char text[1024];
    bool headed = false;
    for (struct place place = {path, 1}; fgets(text, sizeof(text), file); place.line++) {
        char *field[FIELDS];
        text[strcspn(text, "\n")] = '\0';
        if (strncmp(text, "# ", 2) == 0)
            fact_add(samples, text + 2);
        else if (!headed && strcmp(text, HEADING) == 0)
            headed = true;
        else if (!headed || split(text, field) != FIELDS)
            die("%s, line %u: not \"" HEADING "\"", path, place.line);
        else
            sample_add(samples, field, place);
    }
    fclose(file);
    for (size_t i = 0; i < samples->cells; i++)
        cell_summarise(&samples->cell[i]);
}

void samples_free(struct samples *samples)
{
    for (size_t i = 0; i < samples->cells; i++)
        free(samples->cell[i].value);
    for (size_t i = 0; i < samples->facts; i++)
        free(samples->fact[i]);
    free(samples->cell);
    free(samples->fact);
    free(samples->row);
    *samples = (struct samples){0};
}

struct summary samples_summary(const struct samples *samples, unsigned row, const char *peer)
{
    for (size_t i = 0; i < samples->cells; i++)
        if (samples->cell[i].row == row && strcmp(samples->cell[i].peer, peer) == 0)
            return samples->cell[i].summary;
    return (struct summary){0};
}

bool row_more_is_better(const struct row *row)
{
    return strcmp(row->unit, "Mpairs/s") == 0;
}
