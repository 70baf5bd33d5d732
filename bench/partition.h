/*
 * partition - n sizes, ascending, cut into k runs, so that what the runs cost
 * together is least: a run is a tier, and all of it is served by buffers of its
 * largest size.
 *
 * Dynamic programming: the best k runs of the first j sizes are the best k - 1 of
 * the first i and the run i..j, for the i where that is least. k x n x n / 2 steps.
 */
#ifndef PARTITION_H
#define PARTITION_H

#include <stdint.h>

#define PARTITION_RUNS_MOST 64u

/* What it costs that one run has the sizes from..to, both inclusive. */
typedef uint64_t (*partition_cost)(const void *context, unsigned from, unsigned to);

struct partition {
    uint64_t cost;
    unsigned runs;
    unsigned last[PARTITION_RUNS_MOST]; /* the largest size of each run, by number; the last is n - 1 */
};

/*
 * best[k - 1] is the best partition into exactly k runs, for k from 1 to `most`
 * or n, whichever is less; returns how many there are. Of two that cost the same,
 * the one whose earlier runs are longer.
 */
unsigned partition_best(struct partition *best, unsigned most, unsigned n, partition_cost cost,
                        const void *context);

/*
 * How many runs are worth having: as many as cost least, when each is charged
 * `price` for being there. The number of best[] whose it is.
 */
unsigned partition_choose(const struct partition *best, unsigned count, uint64_t price);

#endif /* PARTITION_H */
