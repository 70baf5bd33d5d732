/*
 * places - where everything is that a pool at rest has, found by walking its
 * structures; that each thing is in one place.
 */
#ifndef PLACES_H
#define PLACES_H

#include "ledger.h"
#include "pool.h"

struct places_tier {
    uint64_t in_bins, shared, victim, cold; /* buffers */
    uint64_t backed;                        /* that have pages */
    uint64_t cached_bytes;                  /* granted: caps, and magazines that are shared or victims */
};

struct places {
    struct places_tier tier[LEDGER_TIERS];
    uint64_t oversized_bytes;
};

/* `held` is what users have, by tier. A fault is told to the explorer. */
void places_find(struct bufpool *pool, const uint64_t *held, struct places *places);

#endif /* PLACES_H */
