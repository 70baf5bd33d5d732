/*
 * blocks - the blocks of a pool: made, laid out, emptied, given back. By who
 * owns the block at that moment; see block.h for what one is made of.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "pool.h"

/* How large blocks are, from the shapes of the caches. Allocates nothing. */
void blocks_init(struct bufpool *pool);

/* Move all that a block holds to a place of the depot, by its owner, whom no record names. It is sealed then.
 */
void block_empty(struct bufpool *pool, struct block *block, enum place place, unsigned shard);

/*
 * The same by the thread that is inside it, where no user code may run: in a
 * keeping pool what finds no magazine stays.
 */
void block_shed(struct bufpool *pool, struct block *block, enum place place, unsigned shard);

/* Take the block `limbo` out from behind `block`: the caller's now. NULL: none, or somebody else took it. */
struct block *block_take_limbo(struct bufpool *pool, struct block *block, uint64_t limbo);

/* Empty a block that is the caller's, and be done with it. The block in limbo behind it, the caller's then
 * too; or NULL. */
struct block *block_empty_and_drop(struct bufpool *pool, struct block *block, enum place place,
                                   unsigned shard);

/* Take and empty all that hangs behind `block` in limbo: for the thread whose block it is. */
void block_empty_limbo(struct bufpool *pool, struct block *block, enum place place, unsigned shard);

/* A fresh, sealed, empty block, or NULL; and its end. */
struct block *block_new(struct bufpool *pool);
void block_drop(struct bufpool *pool, struct block *block);

/* A buffer that is held becomes cold: in a keeping pool its contents end, by user code. */
enum park buffer_cool(struct bufpool *pool, unsigned tier, void *buffer);

/* The same; one that is free already is left to pool_report_late. */
void buffer_park(struct bufpool *pool, unsigned tier, void *buffer);

/*
 * Buffers 1..count of a bin, its oldest, to a place of the depot in `magazine`,
 * which is empty; cold where that is NULL.
 */
void bin_move_oldest(struct bufpool *pool, struct bin *bin, unsigned tier, unsigned count, enum place place,
                     unsigned shard, struct magazine *magazine);

#endif /* BLOCKS_H */
