/*
 * sections - the samples workload by workload: which rows and columns a table
 * has, and how its cells are written.
 */
#ifndef SECTIONS_H
#define SECTIONS_H

#include "samples.h"

#define SECTION_COLUMNS_MAX 32

/* One workload. Rows are indexes of samples->row, columns of role_peer. */
struct section {
    const struct samples *samples;
    const char *workload, *what;
    unsigned *row; /* those of one case together */
    unsigned rows;
    unsigned column[SECTION_COLUMNS_MAX]; /* peers measured there */
    unsigned columns;
};

/* Calls `print` for each workload that was measured. Dies when one has no title, or a peer no role. */
void sections_each(const struct samples *samples, void (*print)(const struct section *section, void *context),
                   void *context);

/* "99.5", "0.12", "1234": returns `text`. */
const char *value_text(char text[32], double value);

/* Three digits that count. Returns `text`. */
const char *ratio_text(char text[32], double ratio);

/* "4K 1 thread, ns"; the metric too, where it is not simply the workload's own. Returns `label`. */
const char *label_text(char label[160], const struct row *row);

#endif /* SECTIONS_H */
