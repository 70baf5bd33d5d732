/*
 * workloads - one function each; every file says its question at the top.
 *
 * All print their samples on stdout (sample_print) and die on failure.
 */
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include "harness.h"

void pair_run(const struct options *options);
void batch_run(const struct options *options);
void mix_run(const struct options *options);
void handoff_run(const struct options *options);
void crowd_run(const struct options *options);
void churn_run(const struct options *options);
void burst_run(const struct options *options);
void breathing_run(const struct options *options);
void falseshare_run(const struct options *options);
void replay_run(const struct options *options);

/*
 * What burst and replay --memory print when their threads have gone to sleep,
 * and from when on they only watch: the driver starts the next child then.
 */
#define ASLEEP_MARK "# asleep"

/*
 * Sample the growth since `start` beyond `in_use_mib`: now and after
 * options->asleep_s seconds; `between`: after 1, 3 and 5 s too. All growth, ten
 * times a second, goes to `curve` (curve.h); -1: none. In burst.c.
 */
void asleep_watch(const struct options *options, const char *workload, const char *variant, uint64_t start,
                  double in_use_mib, bool between, int curve);

#endif /* WORKLOADS_H */
