/*
 * bufpool/stats.h - the accounts of a pool: what was asked for, where it was
 * found, and where the bytes are. Comes with <bufpool.h>.
 */
#ifndef BUFPOOL_STATS_H
#define BUFPOOL_STATS_H

#include <stdio.h>

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The accounts of a pool or of one tier of it. Start from BUFPOOL_STATS_INIT.
 *
 * gets = hits_private + hits_shared + hits_stolen + hits_victim + hits_cold
 *        + carves + oversized_gets + failures
 * committed_bytes = in use (tiers only) + private + shared + victim + cold
 *
 * In traffic each value may be off by the operations in flight and never wraps
 * below zero; at rest all are exact. In one tier's accounts oversized gets are
 * those that its own used-up address space caused.
 */
typedef struct bufpool_stats {
    size_t struct_size; /* set by BUFPOOL_STATS_INIT */

    /* counters, since create (or since fork, in a child) */
    uint64_t gets;              /* buffers asked for; oversized and failed included */
    uint64_t hits_private;      /* found in the thread's own private cache */
    uint64_t hits_shared;       /* found in the shard of the thread's own CPU */
    uint64_t hits_stolen;       /* found in another shard */
    uint64_t hits_victim;       /* found among the victims */
    uint64_t hits_cold;         /* found cold */
    uint64_t carves;            /* served by a buffer that had no pages */
    uint64_t oversized_gets;    /* served by the system */
    uint64_t failures;          /* returned NULL */
    uint64_t puts;              /* buffers given back, kept or refused */
    uint64_t refused_oversized; /* puts refused because the buffer was oversized */
    uint64_t refused_limit;     /* puts refused because of max_cached_bytes */
    uint64_t misuses;           /* faults reported; of a pool, not of a tier */
    uint64_t collections;       /* collections and trims run; of a pool, not of a tier */
    uint64_t purges;            /* buffers whose pages went back */

    /* gauges, bytes of capacity */
    uint64_t in_use_bytes;    /* borrowed now, oversized included */
    uint64_t oversized_bytes; /* that part of in_use_bytes alone */
    uint64_t private_bytes;   /* idle, in private caches */
    uint64_t shared_bytes;    /* idle, in the depot */
    uint64_t victim_bytes;    /* idle for one collection */
    uint64_t cold_bytes;      /* idle, waiting for their pages to go */
    uint64_t committed_bytes; /* tiers' buffers that have pages */
    uint64_t reserved_bytes;  /* address space */

    /* facts */
    uint64_t threads;        /* threads that have a private cache; of a pool */
    uint64_t tiers;          /* tiers of the pool; 1 in one tier's accounts */
    uint64_t remote_reclaim; /* 1: collections reach other threads' caches; 0: cooperative, as it was made
                                or since the system first refused a barrier */
} bufpool_stats_t;

/* Empty accounts, as a brace initialiser for C11 and C++17. */
#define BUFPOOL_STATS_INIT                                                                                   \
    {                                                                                                        \
        sizeof(bufpool_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
            0                                                                                                \
    }

/* How accounts are written. */
enum bufpool_format {
    BUFPOOL_TEXT,      /* a table for people */
    BUFPOOL_JSON,      /* one object */
    BUFPOOL_PROMETHEUS /* text format 0.0.4 */
};

/*
 * bufpool_tiers - the number of tiers; fills their nominal sizes, ascending, up
 * to `count` of them. `sizes` may be NULL with a count of 0.
 */
BUFPOOL_API size_t bufpool_tiers(bufpool_t *pool, size_t *sizes, size_t count);

/*
 * bufpool_stats, bufpool_tier_stats - the accounts of the pool, of one tier
 * (0 is the smallest). 0; -EINVAL for a NULL or too small struct or for a tier
 * beyond the last. Lock-free; costs a walk over all private caches and
 * magazines, so it is for once a second, not for every request.
 */
BUFPOOL_API int bufpool_stats(bufpool_t *pool, bufpool_stats_t *stats);
BUFPOOL_API int bufpool_tier_stats(bufpool_t *pool, size_t tier, bufpool_stats_t *stats);

/*
 * bufpool_dump - write the accounts, per tier and in all.
 *
 * 0; -EINVAL for an unknown format or a NULL stream; -EIO when writing failed.
 */
BUFPOOL_API int bufpool_dump(bufpool_t *pool, FILE *out, enum bufpool_format format);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_STATS_H */
