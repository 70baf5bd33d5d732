/*
 * simulation - a trace walked through with other tiers: what would be in use, how
 * much of that nobody asked for, and how the pool would fare.
 *
 * In use, waste and oversized are exact for the order of the trace. Carves, misses
 * and what is backed come from a model of the private caches and the depot (caps
 * that double where buffers are fetched back, magazines, max_thread_bytes), in
 * which memory is given back by collections at the trace's own times, and from 32
 * MiB on by what is idle while the pool grows. A replay, whose threads run at
 * their own speed, has others.
 */
#ifndef SIMULATION_H
#define SIMULATION_H

#include "tier_set.h"
#include "trace.h"

struct simulation_terms {
    const struct tier_set *tiers;
    uint64_t max_thread_bytes;
    uint64_t interval_ns; /* of collections; 0: none */
    uint32_t size_least;  /* smaller requests are left out, as a replay leaves them out */
};

struct simulation {
    uint64_t gets; /* resizes to another tier are gets too */
    uint64_t oversized;
    uint64_t peak,
        peak_asked;          /* bytes in use (capacity, of tiers and oversized) at the most; asked for then */
    double mean, mean_asked; /* over events */
    uint64_t backed_peak;    /* in use and idle */
    double backed_mean;      /* over time */
    uint64_t carves, misses; /* a miss: a get of a tier that the private cache has not served */
    uint64_t carves_again;   /* carves of what a collection had released */
    uint64_t idle_peak;      /* bytes */
    uint64_t carved_most;    /* bytes carved again between two collections */
};

void simulate(struct simulation *result, const struct trace *trace, const struct simulation_terms *terms);

#endif /* SIMULATION_H */
