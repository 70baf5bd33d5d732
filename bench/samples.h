/*
 * samples - read the CSV that a run wrote; medians with least and most.
 *
 * "# " lines are facts about the run (machine, kernel, packages, commit), then
 * comes a heading, then one line a sample:
 * workload,case,peer,metric,unit,round,value. Facts may stand anywhere. The
 * value of a peer that had no buffer left is "runs dry".
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "harness.h"

/* What was measured, in the order of the first samples. */
struct row {
    char workload[24];
    char variant[48]; /* the case */
    char metric[48];
    char unit[16];
};

struct summary {
    size_t count; /* 0: nothing was measured, and the rest is 0 */
    double median, least, most;
    bool dry; /* ran out of buffers, at least once: nothing else counts */
};

/* One peer in one row. */
struct cell {
    unsigned row;
    char peer[24];
    struct summary summary;
    double *value; /* ascending */
    size_t capacity;
};

struct samples {
    struct row *row;
    unsigned rows, rows_capacity;
    struct cell *cell;
    size_t cells, cells_capacity;
    char **fact;
    size_t facts, facts_capacity;
};

/* Dies with file and line where it is not what a run writes. */
void samples_load(struct samples *samples, const char *path);
void samples_free(struct samples *samples);

/* What `peer` did in a row; a count of 0 when it was not measured there. */
struct summary samples_summary(const struct samples *samples, unsigned row, const char *peer);

/* The row of that workload, case and metric; `rows` when there is none. */
unsigned samples_row(const struct samples *samples, const char *workload, const char *variant,
                     const char *metric);

/* Is a greater value the better one? */
bool row_more_is_better(const struct row *row);

#endif /* SAMPLES_H */
