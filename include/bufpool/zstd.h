/*
 * bufpool/zstd.h - zstd's contexts on a pool.
 *
 *     ZSTD_CCtx *context = ZSTD_createCCtx_advanced(bufpool_zstd_mem(pool));
 *     ...
 *     ZSTD_freeCCtx(context);
 *
 * When: each context or dictionary, where it is made, by the functions of zstd.h
 * whose name ends in _advanced. Contexts made otherwise stay with the C library.
 *
 * Catches: all that zstd asks for a context: itself (5 KiB; to decompress 94), its
 * tables and window in one piece once it knows level and length, and again as it
 * grows; with ZSTD_c_nbWorkers also what its threads use.
 *
 * Share in the pool: 100 % of buffers and of bytes where the largest tier holds
 * the tables; else what is small, for streams of level 3 on a default pool, with
 * its max_size of 1 MiB, 50 % of buffers and 2 % of bytes. The least that holds everything of zstd 1.5.4 (the
 * test checks it, and that half of it does not):
 *
 *     level               1, 2      3     4   5, 6   7, 8      9
 *     message of 64 KiB  512 K    1 M   2 M    2 M    2 M    2 M
 *     stream               2 M    4 M   8 M    8 M   16 M   32 M    64 M with nbWorkers = 2, level 3
 *
 * The buffers take 1.5 times what is asked for in such messages, 1.4 times in
 * streams of level 3: powers of two. A stream to decompress asks for its window,
 * which the sender chose: ZSTD_d_windowLogMax is what limits it.
 *
 * Not for: ZSTD_compress() and its like, which make a context of their own; a
 * program that keeps a context for each thread and resets it, as zstd's manual
 * advises: there is nothing to gain but the memory that goes home.
 */
#ifndef BUFPOOL_ZSTD_H
#define BUFPOOL_ZSTD_H

/* The functions that take a ZSTD_customMem are declared only so; zstd.h may have been included before. */
#ifndef ZSTD_STATIC_LINKING_ONLY
#define ZSTD_STATIC_LINKING_ONLY
#endif
#include <zstd.h>

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What zstd calls; `opaque` is the pool. */
static inline void *bufpool_zstd_alloc(void *opaque, size_t size)
{
    return bufpool_get((bufpool_t *)opaque, size);
}

static inline void bufpool_zstd_free(void *opaque, void *address)
{
    (void)bufpool_put((bufpool_t *)opaque, address);
}

/*
 * bufpool_zstd_mem - what to hand to ZSTD_createCCtx_advanced and its like.
 *
 * A NULL pool is the default pool, also in what zstd calls. The pool must outlive
 * what is made with it. Contexts may be freed on another thread, and zstd's own
 * worker threads (ZSTD_c_nbWorkers) may use the pool: it has no owner.
 *
 * Cannot fail; where the pool is out of memory, creating returns NULL, or
 * compressing an error of ZSTD_error_memory_allocation.
 */
static inline ZSTD_customMem bufpool_zstd_mem(bufpool_t *pool)
{
    ZSTD_customMem mem;

    mem.customAlloc = bufpool_zstd_alloc;
    mem.customFree = bufpool_zstd_free;
    mem.opaque = pool;
    return mem;
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_ZSTD_H */
