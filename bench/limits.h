/*
 * limits - what the limits of a pool should be, and why, in a sentence each.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include "demand.h"
#include "simulation.h"

struct limit {
    uint64_t value;
    uint64_t standard; /* the default */
    char why[320];
};

enum limit_name { MAX_THREAD_BYTES, COLLECT_INTERVAL_MS, MIN_CACHED_BYTES, MAX_CACHED_BYTES, LIMITS };

/* As bufpool_config_t calls it. */
const char *limit_field(enum limit_name name);

void limits_of_trace(struct limit limits[LIMITS], const struct trace *trace, const struct demand *demand,
                     const struct tier_set *tiers);

/* Of a dump, which has no history: less can be said. */
void limits_of_stats(struct limit limits[LIMITS], const struct demand *demand, uint64_t cost);

#endif /* LIMITS_H */
