/*
 * workloads - one function each; every file says its question at the top.
 *
 * All print their samples on stdout (sample_print) and die on failure.
 */
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include "harness.h"

void pair_run(const struct options *options);
void mix_run(const struct options *options);
void handoff_run(const struct options *options);
void burst_run(const struct options *options);
void replay_run(const struct options *options);

/*
 * What burst and replay --memory print when their threads have gone to sleep,
 * and from when on they only watch: the driver starts the next child then.
 */
#define ASLEEP_MARK "# asleep"

/*
 * Sample the growth since `start` beyond `in_use_mib`: now, and after 1, 2 ...
 * options->asleep_s seconds, or after the last of them only. In burst.c.
 */
void asleep_watch(const struct options *options, const char *workload, const char *variant, uint64_t start,
                  double in_use_mib, bool every_second);

#endif /* WORKLOADS_H */
