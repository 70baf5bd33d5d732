/*
 * stats - the accounts, summed up by whoever reads them. No counter is shared
 * between threads on a hit: blocks, magazines and spans are walked instead.
 */
#ifndef STATS_H
#define STATS_H

#include "pool.h"

/* The accounts of one tier, of the pool in all. */
void stats_tier(struct bufpool *pool, unsigned tier, bufpool_stats_t *stats);
void stats_pool(struct bufpool *pool, bufpool_stats_t *stats);

/* All tiers at once, of one walk; `tiers` has pool->tiers.count entries. */
void stats_all(struct bufpool *pool, bufpool_stats_t *tiers, bufpool_stats_t *total);

/* Idle bytes in bins and in shared and victim magazines. */
uint64_t stats_cached_bytes(struct bufpool *pool);

/* Idle buffers of a tier, in whatever place. */
uint64_t stats_idle_count(struct bufpool *pool, unsigned tier);

#endif /* STATS_H */
