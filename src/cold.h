/*
 * cold - what nobody needed for two collections: kept as magazines, newest on top,
 * up to min_cached_bytes; parked in its span beyond that; and from there its pages
 * go home.
 */
#ifndef COLD_H
#define COLD_H

#include "cycle.h"

/* What is in this magazine no longer counts as cached. */
void cold_leave_cached(struct bufpool *pool, unsigned tier, const struct magazine *magazine);

/* A magazine just popped, or a new empty one, of what is idle leaves the cached generations: its buffers are
 * parked. */
void cold_park(struct bufpool *pool, unsigned tier, struct magazine *magazine);

/* The end of a cycle: of what is cold the newest `keep` bytes, less what is cached, stay; the rest goes home.
 */
void cold_release(struct cycle *cycle, uint64_t keep);

/* Purge up to `limit` bytes of what is parked, the largest tiers first. */
void cold_purge_parked(struct cycle *cycle, uint64_t limit);

uint64_t cold_parked_bytes(struct bufpool *pool);

/* span_purge, seen from outside: every purge comes through here. */
uint64_t cold_purge(struct bufpool *pool, unsigned tier, uint64_t limit);

/* A refused buffer of `bytes` has become cold: purge a batch when there is one. */
void cold_refused(struct bufpool *pool, uint64_t bytes);

#endif /* COLD_H */
