/*
 * measure - the clock, the CPUs, and the process's resident memory.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdalign.h>
#include <stdatomic.h>

#include "peer.h"

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t measure_now(void);

/* Sleep until that moment of measure_now. */
void measure_sleep_until(uint64_t moment);

struct measured {
    uint64_t ns;
    uint64_t count;
};

/*
 * Run `loop`, `chunk` operations at a time, for at least `milliseconds`. The
 * clock is read once a chunk: choose it so that a chunk takes some 10 us or more.
 */
struct measured measure_loop(peer_loop loop, void *context, uint64_t chunk, unsigned milliseconds);

/* What one thread has done so far: it alone writes it, on a line of its own. */
struct measure_count {
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t operations;
};

/* Of the thread that owns it. */
static inline void measure_count_add(struct measure_count *count, uint64_t operations)
{
    /* relaxed: the sum is all that is asked for. */
    atomic_store_explicit(&count->operations,
                          atomic_load_explicit(&count->operations, memory_order_relaxed) + operations,
                          memory_order_relaxed);
}

/*
 * Sleep for `milliseconds`, and tell what `members` running threads have done
 * together meanwhile: `ns` is the time between the two looks, not of the threads.
 * For more threads than CPUs, whose own clocks would tell when they were given a
 * CPU: of 128 on two, few get one in every 200 ms.
 */
struct measured measure_counts(const struct measure_count counts[], unsigned members, unsigned milliseconds);

/* CPUs that this process may use. */
unsigned measure_cpus(void);

/*
 * Pin the calling thread to the CPU of that member of a pair: 0 to the last CPU
 * we may use (interrupts like the first), 1 to one on another core if there is
 * one. Threads that the caller starts later inherit it.
 */
void measure_pin(unsigned member);

/*
 * Bytes of this process that are resident now. Exact: smaps_rollup walks the
 * page tables, where statm may be off by tens of pages a CPU. Costs some 100 us
 * for 50 MiB, so it is never called in a timed stretch.
 */
uint64_t measure_resident(void);

/* measure_resident() - start, in MiB; may be below zero. */
double measure_growth_mib(uint64_t start);

#endif /* MEASURE_H */
