/*
 * mempool - DPDK's rte_mempool as a peer: the pool that networking code links
 * when malloc is too slow.
 *
 * One mempool for each power of two of sizes, as a program with buffers of many
 * sizes would have; get looks up the smallest that fits, put asks the buffer
 * (rte_mempool_from_obj). DPDK's functions are inlined and linked statically, as
 * DPDK is meant to be used; every thread has DPDK's own cache, of the largest size
 * it allows. In a binary of its own, bufpool-bench-dpdk: in the other neither the
 * peer nor a line of DPDK exists.
 *
 * What would fool it: a mempool that is too small, where threads' caches starve
 * each other (each has room for what is live and for every cache filled to the
 * brim); threads that DPDK does not know, which have no cache (they are made
 * known at their first call); huge pages, which no other peer has (--no-huge).
 */
#ifndef MEMPOOL_H
#define MEMPOOL_H

#include <stddef.h>

/* The classes: powers of two. */
#define MEMPOOL_SIZE_LEAST ((size_t)512)
#define MEMPOOL_SIZE_MOST ((size_t)1 << 20)

#ifdef BENCH_MEMPOOL

#include <rte_mempool.h>

#include "harness.h"

#define MEMPOOL_CLASSES 12

struct mempools {
    struct rte_mempool *of_class[MEMPOOL_CLASSES]; /* NULL: a size that was not announced */
};

struct peer_load;

/* Start DPDK and make the mempools that the load needs. Once a process. */
struct mempools *mempools_open(const struct peer_load *load);

/*
 * Make the calling thread known to DPDK until it exits; returns its number. Dies
 * beyond the 128 threads that DPDK can know: one without a cache goes to the
 * ring each time, and spins there for as long as another that was preempted in
 * the ring does not run. Some 70 such threads on two CPUs made no progress in
 * minutes.
 */
unsigned mempools_enter_thread(void) __attribute__((cold));

/* 512 and below: 0; up to 1024: 1; ... `size` is not 0. */
static ALWAYS_INLINE unsigned mempool_class(size_t size)
{
    return 63u - (unsigned)__builtin_clzll((size - 1) | (MEMPOOL_SIZE_LEAST - 1)) - 8u;
}

/* rte_mempool_get and _put look up the thread's number too, and test it for the same bound. */
static ALWAYS_INLINE unsigned mempool_thread(void)
{
    unsigned thread = rte_lcore_id();
    return LIKELY(thread < RTE_MAX_LCORE) ? thread : mempools_enter_thread();
}

/* NULL when the mempool has run dry. */
static ALWAYS_INLINE void *mempool_get(const struct mempools *mempools, size_t size)
{
    struct rte_mempool *mempool = mempools->of_class[mempool_class(size)];
    void *buffer;
    if (UNLIKELY(rte_mempool_generic_get(mempool, &buffer, 1,
                                         rte_mempool_default_cache(mempool, mempool_thread())) < 0))
        return NULL;
    return buffer;
}

static ALWAYS_INLINE void mempool_put(void *buffer)
{
    struct rte_mempool *mempool = rte_mempool_from_obj(buffer);
    rte_mempool_generic_put(mempool, &buffer, 1, rte_mempool_default_cache(mempool, mempool_thread()));
}

#endif /* BENCH_MEMPOOL */
#endif /* MEMPOOL_H */
