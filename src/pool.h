/*
 * pool - what a bufpool_t is made of. Who changes which part is said with the
 * part; everything without a word about it is written at create and read by all.
 */
#ifndef POOL_H
#define POOL_H

#include <bufpool.h>
#include <bufpool/contents.h>

#include "block.h"
#include "check.h"
#include "oversized.h"
#include "report.h"
#include "span.h"

#define POOL_NAME_MAX 32u

/* How a tier's buffers are cached. */
struct cache_shape {
    uint32_t magazine;  /* buffers a magazine */
    uint32_t cap_start; /* a bin's first cap */
    uint32_t cap_max;
    uint32_t cap_crowd; /* the same of a thread that only gets or only puts, with more threads than CPUs */
};

/* What is counted away from any thread's block; relaxed, on slow paths only. */
struct account {
    _Atomic uint64_t hits_shared, hits_stolen, hits_victim; /* by threads that have no cache */
    _Atomic uint64_t hits_cold;
    _Atomic uint64_t carves;
    _Atomic uint64_t oversized_gets;
    _Atomic uint64_t failures;
    _Atomic uint64_t puts; /* that no bin saw, less those of a bin that were none: modulo 2^64 */
    _Atomic uint64_t refused_oversized;
    _Atomic uint64_t refused_limit;
    _Atomic uint64_t adopted; /* puts of buffers that a forked child's parent got */
};

struct collection {
    /*
     * { token:32, steps:32 }: 0 when nobody collects; the holder counts its
     * steps, so that others see whether it moves.
     */
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t holder;
    _Atomic uint64_t looked;        /* what the last caller that found it held saw */
    _Atomic uint32_t tokens;        /* given out */
    _Atomic uint32_t epoch;         /* collections begun */
    _Atomic uint64_t swaps;         /* tags given out */
    _Atomic uint64_t finished;      /* collections run to their end */
    _Atomic uint64_t refused_bytes; /* cold by refusal since the last purge */
    _Atomic uint64_t grown_bytes;   /* carved, and not yet paid for by what is idle: see growth_carved */
    _Atomic uint64_t paid_bytes;    /* released for growth since the last collection */
};

/* What becomes of a buffer's bytes while it is idle: see bufpool/contents.h. */
struct contents {
    bool kept;                  /* until it becomes cold */
    bufpool_release_fn release; /* called then; NULL: nothing to do */
    void *arg;
};

struct bufpool {
    /*
     * What no hit reads stands in the first line: pools begin on a page, as buffers
     * do that callers write to, and a load whose low 12 address bits are those of a
     * store just made waits for it.
     */
    char name[POOL_NAME_MAX];
    char *reserved; /* the tiers' spans, then their books */
    size_t reserved_size;
    uint32_t collect_interval_ms;
    uint32_t number; /* in the registry, and in each thread's slots */

    struct tiers tiers;

    /* What its records' keys are when idle: the pool's address; one more where no call may be a hit, as with
     * debug words. */
    uintptr_t key;
    _Atomic bool alive; /* not yet destroyed: seq_cst [alive], see collector.c */
    /* Collections reach other threads' blocks; not, once a barrier was refused. relaxed: a mode, carries
     * nothing. */
    _Atomic bool remote;
    uint32_t flags;
    size_t page;
    uint64_t min_cached_bytes;
    uint64_t max_thread_bytes;

    struct cache_shape shape[TIERS_MAX];
    struct table records, blocks;
    struct stack records_free, blocks_free;
    struct budget backed; /* max_bytes */
    struct budget cached; /* max_cached_bytes: caps, and magazines that are shared or victims */
    struct depot depot;
    struct oversized oversized;
    struct span span[TIERS_MAX];
    struct account account[TIERS_MAX + 1]; /* the last: no tier */
    _Atomic uint64_t misuses;
    /* A buffer that was found free twice where no report can be made; the last one. relaxed. */
    _Atomic(void *) late_double_put;

    struct collection collection;
    /* Nothing to collect and nobody who could fill a bin unseen: the collector sleeps. seq_cst [quiet]. */
    alignas(DESTRUCTIVE_SIZE) _Atomic bool quiet;
    uint64_t due_ms; /* the collector's */
    /* Records in use. relaxed: a number that sizes bins; written as threads come and go. */
    _Atomic uint32_t threads;

    struct collector *collector;
    struct contents contents;
    struct armour *armour; /* NULL: no debug words */

    struct bufpool *next_free; /* registry's */
};

#define ACCOUNT_NO_TIER TIERS_MAX

static inline void account_add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static inline bool pool_is_alive(const struct bufpool *pool)
{
    return atomic_load_explicit(&pool->alive, memory_order_seq_cst);
}

/*
 * The pool a call means: the default one for NULL. NULL with errno set where
 * that cannot be created, and for a destroyed pool, which is reported.
 */
struct bufpool *pool_for_call(struct bufpool *pool, const char *call);

/* Count a caller's fault and report it; `address` may lie in a tier. Never inside a block. */
SLOW_PATH void pool_misuse(struct bufpool *pool, enum misuse rule, const char *call, const void *address);

/* The same where there is more to say: rule, call, address and what else the rule tells are in `site`. */
SLOW_PATH void pool_misuse_at(struct bufpool *pool, enum misuse rule, struct misuse_site *site);

/* Find out what is wrong with an address that is no buffer of the pool, and report it. */
SLOW_PATH void pool_misuse_address(struct bufpool *pool, const char *call, const void *address);

/* Report what late_double_put says. Called where user code may run. */
void pool_report_late(struct bufpool *pool);

static inline uint64_t tier_capacity(const struct bufpool *pool, unsigned tier)
{
    return pool->tiers.tier[tier].capacity;
}

#endif /* POOL_H */
