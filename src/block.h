/*
 * block - the storage of a thread's private cache, and the record that names it.
 *
 * A record says which block its thread uses just now; a collection takes the
 * block away by putting a fresh one in its place (see collect.h). Records and
 * blocks are type-stable: reused, never unmapped while the pool lives.
 *
 * A bin holds up to cap buffers, the newest on top; cap is what
 * max_cached_bytes has granted it. A sealed block has only caps of 0: every put and get of it takes
 * the slow path, so that a parked collector hears of the first one.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <bufpool.h>

#include "depot.h"

/*
 * One tier's part of a block: a stack of buffers. top and hits are written by the
 * owner alone and read by who sums up: relaxed.
 */
struct bin {
    alignas(LINE_SIZE) _Atomic(void **) top; /* the newest; slot when empty */
    void **end;                              /* top may go up to here: slot + cap */
    _Atomic uint64_t hits;                   /* gets served from here */
    /* Elsewhere in the block. slot[0] is NULL for ever: an empty bin's newest, equal to nothing that is put.
     * Buffers are in 1..cap. */
    void **slot;
};

/* What one tier's slow paths have done to a block: single writer, relaxed, summed over all blocks of the
 * pool. */
struct tally {
    _Atomic uint64_t hits_shared, hits_stolen, hits_victim, hits_cold;
    _Atomic uint64_t filled;  /* put into the bin from the depot */
    _Atomic uint64_t flushed; /* moved out of the bin, other than by a get */
    /* puts into the bin = what it holds + hits + flushed - filled */
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
    /* One a tier, and one more that is always empty: what sizes beyond the largest tier find. */
    struct bin bin[];
};

#define BLOCK_NONE ((uint64_t)INDEX_NONE)

enum record_state { RECORD_FREE, RECORD_USED };

/* What record->key is when it is not its pool's; neither is NULL, which a caller may pass for a pool. */
#define KEY_BUSY ((uintptr_t)1) /* the thread is inside its block */
#define KEY_DEAD ((uintptr_t)2) /* no pool, or a destroyed one */

struct record {
    struct link link;
    uint32_t self; /* its index */
    /*
     * Idle, it equals the pool's key: one compare says that the pool is alive,
     * that this is the thread's record of it, and that no signal handler has
     * interrupted it inside. Written by the thread alone (and by destroy).
     * Set back from busy with release [hand-off]: who then reads idle and has been
     * through a membarrier since the swap finds the old block finished.
     */
    _Atomic uintptr_t key;
    /*
     * NULL: dead, nobody's. Changed by CAS from the block to a fresh one (a
     * collection), by exchange to NULL (the thread, leaving).
     */
    _Atomic(struct block *) block;
    _Atomic uint32_t state; /* enum record_state, for the accounts: relaxed */
    _Atomic uint32_t home;  /* shard, by the CPU of its last slow path; read by collections: relaxed */
    /* The rest is the thread's own. */
    uint32_t epoch;           /* collections seen; cooperative mode */
    struct spares spares;     /* empty magazines kept for the next flushes */
    uint16_t caps[TIERS_MAX]; /* what each bin's cap has grown to; halved with each new block */
    uint32_t tape;            /* index + 1, of a pool that is recorded; 0: none yet. See recorder.h */
};

/*
 * A thread's records. A record stays its thread's until the thread ends, also
 * when the pool is destroyed and the handle becomes another pool: so a stale
 * entry here is dead or our own, never another thread's. No entry is NULL: what
 * a thread has none of is `nobody` of thread.c, whose key is no pool's.
 */
struct thread_table {
    struct record *last;  /* of the pool used last: what the next call tries first */
    struct record **slot; /* by pool number, modulo `mask` + 1 */
    uint32_t mask;        /* a power of two less 1 */
    uint8_t leaving;      /* TLS destructors run: how often ours did */
    bool left;            /* the caches are gone and stay so: straight to the depot */
};

/*
 * initial-exec: a load from the thread pointer, no call. 24 bytes of the static
 * TLS block. The name is bufpool/inline.h's, which reads `last`.
 */
extern BUFPOOL_API _Thread_local struct thread_table thread_table __asm__("bufpool_inline_thread")
    __attribute__((tls_model("initial-exec")));

/* A tier's bin by the tier's line: see tiers.h. */
static ALWAYS_INLINE struct bin *block_bin_at(struct block *block, uint64_t line)
{
    return (struct bin *)(void *)((char *)block->bin + line);
}

/*
 * A tier's tally: they lie behind the bins of all `tiers` and the one more. By
 * arithmetic, as who sums up meets blocks that are not laid out yet.
 */
static inline struct tally *block_tally(struct block *block, unsigned tiers, unsigned tier)
{
    return (struct tally *)(void *)&block->bin[tiers + 1] + tier;
}

/* Where the first bin's slots begin, behind the last tally. By arithmetic too. */
static inline void **block_slots(struct block *block, unsigned tiers)
{
    return (void **)(void *)block_tally(block, tiers, tiers);
}

/* For who has the block. */
static inline unsigned bin_count(const struct bin *bin)
{
    return (unsigned)(atomic_load_explicit(&bin->top, memory_order_relaxed) - bin->slot);
}

/* For who sums up, and may see a block that is not laid out yet: `slot` is where it will be. */
static inline unsigned bin_count_at(const struct bin *bin, void *const *slot)
{
    void *const *top = atomic_load_explicit(&bin->top, memory_order_relaxed);
    return top == NULL ? 0 : (unsigned)(top - slot);
}

static inline void bin_set_count(struct bin *bin, unsigned n)
{
    atomic_store_explicit(&bin->top, bin->slot + n, memory_order_relaxed);
}

static inline unsigned bin_cap(const struct bin *bin)
{
    return (unsigned)(bin->end - bin->slot);
}

static inline void bin_set_cap(struct bin *bin, unsigned cap)
{
    bin->end = bin->slot + cap;
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
