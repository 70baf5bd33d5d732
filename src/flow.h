/*
 * flow - get and put where no hit is to be had. Up to "the same, for a caller
 * of ours" it is in pool.c, beside the hits; resize and usable in borrow.c.
 */
#ifndef FLOW_H
#define FLOW_H

#include "contents.h"

/* bufpool_get and bufpool_put where no hit is to be had. */
SLOW_PATH void *get_slow(struct bufpool *pool, size_t size, const void *site);
SLOW_PATH bool put_slow(struct bufpool *pool, void *buffer, const void *site);

/* The same, for who has more to say. */
void *get_requested(struct bufpool *pool, struct request *request);
bool put_with_fate(struct bufpool *pool, void *buffer, const void *site, enum fate fate);

/* The same with their hits, for a caller of ours: `site` is what a pool with words remembers. */
static inline void *flow_get_for(struct bufpool *pool, size_t size, const void *site)
{
    return UNLIKELY(pool->armour != NULL) ? get_slow(pool, size, site) : bufpool_get(pool, size);
}

static inline bool flow_put_for(struct bufpool *pool, void *buffer, const void *site)
{
    return UNLIKELY(pool->armour != NULL) ? put_slow(pool, buffer, site) : bufpool_put(pool, buffer);
}

/* bufpool_resize of a buffer, to a size that is not 0. */
void *flow_resize(struct bufpool *pool, void *buffer, size_t size, const void *site);

/* How many bytes its holder may use. False if it is no buffer that anybody may hold, and that is reported. */
bool flow_usable(struct bufpool *pool, const char *call, const void *buffer, size_t *usable,
                 const void *site);

/* Was a get of this size refused for want of address space, its tier's and the oversized ones'? */
bool flow_is_full(struct bufpool *pool, size_t size);

/* Out of the thread's bin, which is filled from shared, victim and cold magazines; NULL: they have none. */
void *flow_get_from_bin(struct bufpool *pool, struct record *record, unsigned tier);

/* A buffer of a tier, or of none (TIER_NONE: oversized), counted as a get. */
void *flow_get(struct bufpool *pool, struct record *record, unsigned tier, struct request *request);

/* Keep a buffer whose address has been looked at: what put returns. A double put seen here is reported. */
bool flow_file(struct bufpool *pool, struct record *record, unsigned tier, void *buffer);

/* Refuse it as if max_cached_bytes were reached. */
bool flow_refuse(struct bufpool *pool, unsigned tier, void *buffer, enum fate fate);

#endif /* FLOW_H */
