/*
 * cache - a thread's private cache of one pool: the way into its block, and the
 * slow paths behind a hit, which move buffers between a bin and the depot.
 *
 * The rule of the hand-off (collect.h): everything that touches a block runs
 * between cache_enter and cache_leave and does not keep the block beyond. No
 * user code runs in between.
 */
#ifndef CACHE_H
#define CACHE_H

#include "pool.h"

/* Bytes and offsets of a pool's blocks, from its tiers and max_thread_bytes. Sets shape. */
void cache_init(struct bufpool *pool);
void cache_end(struct bufpool *pool);
void cache_after_fork(struct bufpool *pool);

/* Everything private becomes victims, where nobody is inside a block and nobody comes or goes. */
void cache_empty_all(struct bufpool *pool);

/* A signal handler that interrupted this thread inside its block must keep out of it. */
static inline bool record_is_busy(const struct record *record)
{
    return atomic_load_explicit(&record->key, memory_order_relaxed) == KEY_BUSY; /* the thread's own */
}

/* This thread's record of the pool, if it has one, or any other. */
static ALWAYS_INLINE struct record *cache_find(const struct bufpool *pool)
{
    return thread_table.slot[pool->number & thread_table.mask];
}

/* Is it this pool's, alive, and not entered? For any `pool`, NULL too. */
static ALWAYS_INLINE bool record_is_hit(const struct record *record, const struct bufpool *pool)
{
    /* relaxed: the thread's own. */
    return atomic_load_explicit(&record->key, memory_order_relaxed) == (uintptr_t)pool;
}

/* The thread used another pool last: its record of this one, which is the last one then. False where no hit
 * is to be had. */
static ALWAYS_INLINE bool cache_turn_to(const struct bufpool *pool, struct record **record)
{
    if (pool == NULL)
        return false;
    *record = cache_find(pool);
    if (!record_is_hit(*record, pool))
        return false;
    thread_table.last = *record;
    return true;
}

/* This thread's record of the pool it used last: look at its key. */
static ALWAYS_INLINE struct record *cache_last(void)
{
    return thread_table.last;
}

static ALWAYS_INLINE struct block *cache_enter(struct record *record)
{
    /* relaxed [hand-off]: the membarrier of a swap stands between this store and the load below, wherever it
     * falls. */
    atomic_store_explicit(&record->key, KEY_BUSY, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* the compiler keeps the order; the CPU need not */
    /* acquire [hand-off]: a fresh block comes with its contents. */
    return atomic_load_explicit(&record->block, memory_order_acquire);
}

/* `key` is the pool's, which the record had before. */
static ALWAYS_INLINE void cache_leave(struct record *record, uintptr_t key)
{
    /* release [hand-off]: who sees the record idle finds the block finished. */
    atomic_store_explicit(&record->key, key, memory_order_release);
}

/* The bin of `tier` is empty: fill it from shared, victims or cold magazines. One buffer, or NULL. Entered.
 */
void *cache_refill(struct bufpool *pool, struct record *record, struct block *block, unsigned tier);

/*
 * The bin of `tier` is full: raise its cap or move its older half to the depot.
 * False where max_cached_bytes allows neither; needs no memory. Entered.
 */
bool cache_make_room(struct bufpool *pool, struct record *record, struct block *block, unsigned tier);

/* After a collection somewhere that this block has not followed: hand over what it holds. Entered. */
void cache_hand_over(struct bufpool *pool, struct record *record, struct block *block);

/* Every slow path's first step: in cooperative mode it does what a collection would. Entered. */
static inline void cache_follow_epoch(struct bufpool *pool, struct record *record, struct block *block)
{
    if (UNLIKELY(!atomic_load_explicit(&pool->remote, memory_order_relaxed)))
        cache_hand_over(pool, record, block);
}

/* Hits, `count` at most, as many as the thread's bin has: without leaving the block in between. How many. */
size_t cache_take(struct bufpool *pool, unsigned tier, void **buffers, size_t count);

/* Without a block: one buffer out of the depot, or into it. */
void *cache_get_direct(struct bufpool *pool, unsigned tier);

enum filed {
    FILED,
    FILED_REFUSED, /* no room below max_cached_bytes */
    FILED_DOUBLE   /* it is the newest there already */
};
enum filed cache_put_direct(struct bufpool *pool, unsigned tier, void *buffer);

#endif /* CACHE_H */
