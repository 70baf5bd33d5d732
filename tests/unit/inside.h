/*
 * inside - what struct bufpool holds, for pools made by bufpool_create. The pool
 * is at rest: no other thread is in a call.
 */
#ifndef TEST_INSIDE_H
#define TEST_INSIDE_H

#include "cache.h"

/* The calling thread's; the block is not entered. */
struct record *inside_record(struct bufpool *pool);
struct block *inside_block(struct bufpool *pool);
struct bin *inside_bin(struct bufpool *pool, unsigned tier);

static inline unsigned inside_count(struct bufpool *pool, unsigned tier)
{
    return bin_count(inside_bin(pool, tier));
}

static inline unsigned inside_cap(struct bufpool *pool, unsigned tier)
{
    return bin_cap(inside_bin(pool, tier));
}

/* Bytes of the caps of one block. */
uint64_t inside_caps_bytes(struct bufpool *pool, struct block *block);

/* What max_cached_bytes bounds: all caps of all threads, and what is shared or victim. */
uint64_t inside_cached_bytes(struct bufpool *pool);

/* Buffers of a tier in a place of the depot. */
uint64_t inside_depot(struct bufpool *pool, unsigned tier, enum place place);

#endif /* TEST_INSIDE_H */
