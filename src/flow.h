/*
 * flow - get and put without their hits, for the other files of this layer; all
 * of it is in pool.c.
 */
#ifndef FLOW_H
#define FLOW_H

#include "pool.h"

/* bufpool_get and bufpool_put where no hit is to be had; `site` is where the program called from. */
SLOW_PATH void *get_slow(struct bufpool *pool, size_t size, const void *site);
SLOW_PATH bool put_slow(struct bufpool *pool, void *buffer, const void *site);

/* A buffer of a tier, or of none (TIER_NONE: oversized), counted as a get. */
void *flow_get(struct bufpool *pool, struct record *record, unsigned tier, size_t size);

/* Keep a buffer whose address has been looked at: what put returns. A double put seen here is reported. */
bool flow_file(struct bufpool *pool, struct record *record, unsigned tier, void *buffer);

/* Refuse it as if max_cached_bytes were reached. */
bool flow_refuse(struct bufpool *pool, unsigned tier, void *buffer);

#endif /* FLOW_H */
