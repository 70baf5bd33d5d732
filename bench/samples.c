#include "samples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADING "workload,case,peer,metric,unit,round,value"
#define FIELDS 7

static void copy_field(char *to, size_t capacity, const char *from, const char *path, unsigned line)
{
    if (strlen(from) >= capacity)
        die("%s, line %u: \"%s\" is too long", path, line, from);
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

static void add(struct samples *samples, char *field[FIELDS], const char *path, unsigned line)
{
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity ? samples->capacity * 2 : 256;
        samples->sample = realloc(samples->sample, samples->capacity * sizeof(*samples->sample));
        if (!samples->sample)
            die("%s: no memory", path);
    }
    struct sample *sample = &samples->sample[samples->count++];
    copy_field(sample->workload, sizeof(sample->workload), field[0], path, line);
    copy_field(sample->variant, sizeof(sample->variant), field[1], path, line);
    copy_field(sample->peer, sizeof(sample->peer), field[2], path, line);
    copy_field(sample->metric, sizeof(sample->metric), field[3], path, line);
    copy_field(sample->unit, sizeof(sample->unit), field[4], path, line);
    char *end;
    sample->value = strtod(field[6], &end);
    if (end == field[6] || *end)
        die("%s, line %u: \"%s\" is no number", path, line, field[6]);
}

void samples_load(struct samples *samples, const char *path)
{
    *samples = (struct samples){0};
    FILE *file = fopen(path, "re");
    if (!file)
        die("%s: %s", path, strerror(errno));
    char text[512];
    for (unsigned line = 1; fgets(text, sizeof(text), file); line++) {
        char *field[FIELDS];
        text[strcspn(text, "\n")] = '\0';
        if (line == 1 && strcmp(text, HEADING) == 0)
            continue;
        if (line == 1 || split(text, field) != FIELDS)
            die("%s, line %u: not \"" HEADING "\"", path, line);
        add(samples, field, path, line);
    }
    fclose(file);
}

void samples_free(struct samples *samples)
{
    free(samples->sample);
    *samples = (struct samples){0};
}

bool samples_same_row(const struct sample *a, const struct sample *b)
{
    return strcmp(a->workload, b->workload) == 0 && strcmp(a->variant, b->variant) == 0 &&
           strcmp(a->metric, b->metric) == 0;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

struct summary samples_summarise(const struct samples *samples, const struct sample *row, const char *peer)
{
    struct summary summary = {0};
    double *values = calloc(samples->count + 1, sizeof(*values));
    if (!values)
        die("no memory for %zu samples", samples->count);
    for (size_t i = 0; i < samples->count; i++)
        if (samples_same_row(&samples->sample[i], row) && strcmp(samples->sample[i].peer, peer) == 0)
            values[summary.count++] = samples->sample[i].value;
    if (summary.count) {
        qsort(values, summary.count, sizeof(*values), by_value);
        size_t half = summary.count / 2;
        summary.median = summary.count % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
        summary.least = values[0];
        summary.most = values[summary.count - 1];
    }
    free(values);
    return summary;
}
