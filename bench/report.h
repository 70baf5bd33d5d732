/*
 * report - from the samples of a run to the tables that are read.
 *
 * The rows come from the samples, in the order they were first taken, so a new
 * workload or peer needs nothing here but, perhaps, a target.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>

/*
 * Print on stdout, as text or Markdown, what `folder` holds: machine.txt (where
 * it ran), verify.txt (what was checked) and samples.csv. Returns the exit
 * status; a missed target is no failure.
 */
int report_run(const char *folder, bool markdown);

#endif /* REPORT_H */
