#include "mempool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "measure.h"
#include "peer.h"

_Static_assert(MEMPOOL_SIZE_LEAST << (MEMPOOL_CLASSES - 1) == MEMPOOL_SIZE_MOST, "one class a power of two");

/* DPDK flushes a cache when it holds half as much again as its size. */
#define CACHE_FILL_MOST(cache) ((cache) + (cache) / 2)

/*
 * Address space of all mempools together. Where many threads would need more,
 * their caches are halved until it is enough, as one would who deploys it.
 */
#define SPACE_MOST ((size_t)4 << 30)
#define CACHE_LEAST 32u

/* What DPDK puts around an object: a header of a line, and padding that spreads objects over channels. */
#define OBJECT_OVERHEAD 256

static pthread_key_t thread_exit_key;

/*
 * DPDK gives the thread that starts it one of its 128 numbers. Here that thread
 * may only watch the others, so its number goes to the first that works.
 */
static atomic_bool main_number_taken;

static void leave_thread(void *unused)
{
    (void)unused;
    if (rte_lcore_id() == rte_get_main_lcore()) {
        RTE_PER_LCORE(_lcore_id) = LCORE_ID_ANY;
        /* release [main-number]: what this thread did to the caches of that number. */
        atomic_store_explicit(&main_number_taken, false, memory_order_release);
    } else {
        rte_thread_unregister();
    }
}

unsigned mempools_enter_thread(void)
{
    /* acquire [main-number] */
    if (!atomic_exchange_explicit(&main_number_taken, true, memory_order_acquire))
        RTE_PER_LCORE(_lcore_id) = rte_get_main_lcore();
    else if (rte_thread_register() != 0)
        die("DPDK takes no more threads: %s", rte_strerror(rte_errno));
    /* Any value but NULL has leave_thread called. */
    pthread_setspecific(thread_exit_key, &thread_exit_key);
    return rte_lcore_id();
}

static void start_dpdk(size_t megabytes)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        die("sched_getaffinity failed");
    int cpu = 0;
    while (!CPU_ISSET(cpu, &allowed))
        cpu++;

    char memory[24], threads[24];
    snprintf(memory, sizeof(memory), "%zu", megabytes);
    snprintf(threads, sizeof(threads), "--lcores=0@%d", cpu);
    const char *arguments[] = {"bufpool-bench",
                               "--no-huge",
                               "--no-shconf",
                               "--no-telemetry",
                               "--no-pci",
                               "--iova-mode=va",
                               "--log-level=error",
                               threads,
                               "-m",
                               memory};
    /* It reorders the array and writes into no string. */
    if (rte_eal_init((int)(sizeof(arguments) / sizeof(arguments[0])), (char **)arguments) < 0)
        die("DPDK does not start: %s", rte_strerror(rte_errno));
    /* It has pinned this thread, and with it those started later. */
    if (sched_setaffinity(0, sizeof(allowed), &allowed) != 0)
        die("sched_setaffinity failed");
    pthread_key_create(&thread_exit_key, leave_thread);
}

/* Buffers of one class: those in use, and a full cache for every thread. */
static size_t class_count(const struct peer_load *load, unsigned cache)
{
    return load->live + (size_t)load->threads * CACHE_FILL_MOST(cache);
}

static size_t space_needed(const struct peer_load *load, unsigned first, unsigned last, unsigned cache)
{
    size_t bytes = 0;
    for (unsigned number = first; number <= last; number++)
        bytes += class_count(load, cache) * ((MEMPOOL_SIZE_LEAST << number) + OBJECT_OVERHEAD);
    return bytes;
}

/* In memory of the kind every peer has: private, anonymous, resident where it is touched. */
static struct rte_mempool *class_open(unsigned number, size_t count, unsigned cache, const char *ring)
{
    char name[RTE_MEMPOOL_NAMESIZE];
    snprintf(name, sizeof(name), "class%u", number);
    struct rte_mempool *mempool =
        rte_mempool_create_empty(name, (unsigned)count, (unsigned)(MEMPOOL_SIZE_LEAST << number), cache, 0,
                                 SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
    if (!mempool || rte_mempool_set_ops_byname(mempool, ring, NULL) != 0)
        die("no mempool of %zu buffers of class %u: %s", count, number, rte_strerror(rte_errno));
    size_t chunk_least, alignment;
    ssize_t bytes = rte_mempool_ops_calc_mem_size(mempool, (uint32_t)count, 0, &chunk_least, &alignment);
    if (bytes < 0)
        die("DPDK cannot tell the size of mempool class %u", number);
    size_t mapped = ((size_t)bytes + alignment + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    int populated =
        rte_mempool_populate_virt(mempool, harness_map(mapped, false), mapped, PAGE_SIZE, NULL, NULL);
    if (populated < (int)count)
        die("mempool class %u holds %d buffers of %zu", number, populated, count);
    return mempool;
}

struct mempools *mempools_open(const struct peer_load *load)
{
    static struct mempools mempools;
    unsigned first = mempool_class(load->size_least), last = mempool_class(load->size_most);
    unsigned cache = RTE_MEMPOOL_CACHE_MAX_SIZE;
    while (cache > CACHE_LEAST && space_needed(load, first, last, cache) > SPACE_MOST)
        cache /= 2;
    size_t count = class_count(load, cache);
    /* What DPDK advises where threads can be preempted: in its default ring all wait for one that is. */
    const char *ring = load->threads > measure_cpus() ? "ring_mt_rts" : "ring_mp_mc";

    /* DPDK's own heap: of each class the caches of 128 threads (1.6 MiB) and a ring of up to 2 x count. */
    start_dpdk(32 + (last - first + 1) * (4 + count * 2 * sizeof(void *) / (1 << 20)));
    for (unsigned number = first; number <= last; number++)
        mempools.of_class[number] = class_open(number, count, cache, ring);
    RTE_PER_LCORE(_lcore_id) = LCORE_ID_ANY;
    return &mempools;
}
