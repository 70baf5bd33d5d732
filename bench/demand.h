/*
 * demand - what was asked for, by size: from a trace or from a dump's `sizes`.
 *
 * Sizes are rounded up to what a tier can hold exactly, and neighbours are put
 * together, under the largest of them, where there are more than a few hundred. Of each it is known how often
 * it was asked for, and how many buffers of it were in use at a number of moments:
 * of a trace evenly spaced ones and the one when most bytes were in use, of a dump
 * that one alone.
 */
#ifndef DEMAND_H
#define DEMAND_H

#include "tier_set.h"
#include "trace.h"

#define DEMAND_SIZES_MOST 512u
#define DEMAND_MOMENTS_MOST 513u

struct demand {
    char name[64];
    bool is_trace;
    unsigned count;                   /* sizes */
    uint64_t size[DEMAND_SIZES_MOST]; /* bytes a buffer must hold, ascending, multiples of 64 */
    uint64_t gets[DEMAND_SIZES_MOST]; /* and resizes, as they may be gets with other tiers */
    unsigned moments;                 /* the first is the peak */
    uint32_t *below;                  /* [moment * (count + 1) + i]: in use of sizes 0 .. i - 1 */
    uint64_t asked_gets, asked_peak;  /* in all; bytes asked for at the peak */
    uint64_t buffers_peak;            /* in use at that moment */
    uint64_t largest;                 /* bytes, the largest that was asked for */
    uint32_t threads;                 /* 0: unknown */
    double seconds;                   /* 0: unknown */
    struct tier_set present;          /* count 0: unknown */
    uint64_t max_thread_bytes, collect_interval_ms; /* the pool's; 0: unknown */
    uint64_t private_misses;                        /* a dump's gets that were no hit in the private cache */
};

void demand_of_trace(struct demand *demand, const struct trace *trace);

/* `text` is what bufpool_dump wrote as JSON, or several such; `pool` names one of several, or is NULL. Dies.
 */
void demand_of_stats(struct demand *demand, const char *path, const char *text, const char *pool);

void demand_free(struct demand *demand);

/* In use at a moment, of the sizes from..to, both inclusive. */
static inline uint32_t demand_in_use(const struct demand *demand, unsigned moment, unsigned from, unsigned to)
{
    const uint32_t *below = demand->below + (size_t)moment * (demand->count + 1);
    return below[to + 1] - below[from];
}

#endif /* DEMAND_H */
