/*
 * report - from the samples of a run to the tables that are read.
 *
 * The rows come from the samples: a new workload needs its title in sections.c, a
 * new peer its line in roles.c.
 */
#ifndef REPORT_H
#define REPORT_H

#include "harness.h"

enum report_format {
    REPORT_TEXT,     /* facts, medians, targets */
    REPORT_MARKDOWN, /* these with ratios, and least to most */
    REPORT_MEDIANS   /* CSV for the plots: workload,case,peer,metric,unit,samples,median,least,most */
};

/*
 * Print on stdout what `folder`/samples.csv holds. Returns the exit status; a
 * missed target is no failure.
 */
int report_run(const char *folder, enum report_format format);

#endif /* REPORT_H */
