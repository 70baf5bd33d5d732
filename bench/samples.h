/*
 * samples - read the CSV that the children wrote; medians with min and max.
 *
 * One line a sample: workload,case,peer,metric,unit,round,value, after a heading.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "harness.h"

struct sample {
    char workload[24];
    char variant[48]; /* the case */
    char peer[24];
    char metric[48];
    char unit[8];
    double value;
};

struct samples {
    size_t count, capacity;
    struct sample *sample;
};

struct summary {
    size_t count; /* 0: nothing was measured, and the rest is 0 */
    double median, least, most;
};

/* Dies with file and line where it is not what a child writes. */
void samples_load(struct samples *samples, const char *path);
void samples_free(struct samples *samples);

/* Of the samples with the workload, case and metric of `row`, by `peer`. */
struct summary samples_summarise(const struct samples *samples, const struct sample *row, const char *peer);

/* Do two samples belong to the same row of a table: same workload, case and metric? */
bool samples_same_row(const struct sample *a, const struct sample *b);

#endif /* SAMPLES_H */
