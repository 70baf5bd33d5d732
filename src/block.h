/*
 * block - the storage of a thread's private cache, and the record that names it.
 *
 * A record says which block its thread uses just now; a collection takes the
 * block away by putting a fresh one in its place (see collect.h). Records and
 * blocks are type-stable: reused, never unmapped while the pool lives.
 *
 * A bin holds n buffers, the newest last; cap is what max_cached_bytes has
 * granted it. A sealed block has only caps of 0: every put and get of it takes
 * the slow path, so that a parked collector hears of the first one.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include "depot.h"

/* One tier's part of a block. n, cap and hits are written by the owner alone and read by who sums up:
 * relaxed. */
struct bin {
    _Atomic uint16_t n;
    _Atomic uint16_t cap;
    _Atomic uint64_t hits; /* gets served from here */
    /* buffer[0] is NULL for ever: the newest of an empty bin, equal to nothing that is put. 1..n are held. */
    void *buffer[];
};

/* What one tier's slow paths have done to a block: single writer, relaxed, summed over all blocks of the
 * pool. */
struct tally {
    _Atomic uint64_t hits_shared, hits_stolen, hits_victim, hits_cold;
    _Atomic uint64_t filled;  /* put into the bin from the depot */
    _Atomic uint64_t flushed; /* moved out of the bin, other than by a get */
    /* puts into the bin = n + hits + flushed - filled */
    bool flushed_since_refill; /* the bin is too small for what goes back and forth */
};

struct block {
    struct link link;
    uint32_t self; /* its index */
    /* No put has raised a cap yet. Cleared by the owner, read by a collection: seq_cst [sealed]. */
    _Atomic bool sealed;
    /* A collection has it in hand: what it holds counts as cold. relaxed. */
    _Atomic bool claimed;
    uint64_t granted; /* bytes of all caps; the owner's */
    /*
     * The block that this one replaced and that nobody has emptied yet (limbo),
     * as { tag, index }, or BLOCK_NONE. The tag is unique to the swap. Who sets
     * it to BLOCK_NONE by CAS owns the other block.
     */
    _Atomic uint64_t previous;
    struct tally tally[];
};

#define BLOCK_NONE ((uint64_t)INDEX_NONE)

enum record_state { RECORD_FREE, RECORD_USED };

struct record {
    struct link link;
    uint32_t self; /* its index */
    /*
     * 1 while its thread is inside the block. Set and cleared by the thread
     * alone. Cleared with release [hand-off]: who then reads 0 and has been
     * through a membarrier since the swap finds the old block finished.
     */
    alignas(DESTRUCTIVE_SIZE) _Atomic uint32_t busy;
    _Atomic uint32_t state; /* enum record_state, for the accounts: relaxed */
    /*
     * NULL: dead, nobody's. Changed by CAS from the block to a fresh one (a
     * collection), by exchange to NULL (the thread, leaving).
     */
    _Atomic(struct block *) block;
    /* The rest is the thread's own, but for home. */
    _Atomic uint32_t home;    /* shard, by the CPU of its last slow path; read by collections: relaxed */
    uint32_t epoch;           /* collections seen; cooperative mode */
    struct magazine *spare;   /* an empty magazine kept for the next flush */
    uint16_t caps[TIERS_MAX]; /* what each bin's cap has grown to; halved with each new block */
};

/* A thread's view of the pools, indexed by pool number. */
struct thread_slot {
    struct record *record;
    uint64_t serial; /* of the pool whose record that is: a destroyed pool's differs */
};

struct thread_table {
    struct thread_slot *slot;
    uint32_t count;
    uint8_t leaving; /* TLS destructors run: how often ours did */
    bool left;       /* the caches are gone and stay so: straight to the depot */
};

/* initial-exec: one load from the thread pointer, no call. 24 bytes of the static TLS block. */
extern _Thread_local struct thread_table thread_table __attribute__((tls_model("initial-exec")));

static inline unsigned bin_count(const struct bin *bin)
{
    return atomic_load_explicit(&bin->n, memory_order_relaxed);
}

static inline void bin_set_count(struct bin *bin, unsigned n)
{
    atomic_store_explicit(&bin->n, (uint16_t)n, memory_order_relaxed);
}

static inline unsigned bin_cap(const struct bin *bin)
{
    return atomic_load_explicit(&bin->cap, memory_order_relaxed);
}

/* Add to a counter that has one writer. */
static inline void count_add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value,
                          memory_order_relaxed);
}

static inline uint64_t count_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif /* BLOCK_H */
