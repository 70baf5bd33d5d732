/*
 * stopwatch - how long did one operation take, of some 10 ns?
 *
 * The CPU's own counter: the TSC where it is invariant (the same rate whatever
 * the core does; CPUID says so), CNTVCT on aarch64. Elsewhere CLOCK_MONOTONIC.
 * Fenced on both sides, so that nothing before or after the stretch is in it,
 * and nothing of it outside. That costs 10 to 30 ns a reading: its mean is
 * measured at the start, and whoever reports takes it off.
 *
 * What would fool it: a counter that stops or changes its rate (checked); one
 * that moves in steps. Of recent AMD cores the TSC does, by 10 ns. The step is
 * measured too and is the unit of what is recorded (see histogram_at).
 */
#ifndef STOPWATCH_H
#define STOPWATCH_H

#include "measure.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

struct stopwatch {
    bool counter;        /* the CPU's; else CLOCK_MONOTONIC, and a tick is a ns */
    double steps_a_tick; /* at most 1 */
    double ns_a_step;
    double cost; /* steps that a stretch with nothing in it takes, on the mean */
};

/* Read by every thread, written by stopwatch_calibrate. */
extern struct stopwatch stopwatch __attribute__((visibility("hidden")));

/* Once, by the only thread, before the first reading. Takes some 25 ms. */
void stopwatch_calibrate(void);

/* Ticks. */
static ALWAYS_INLINE uint64_t stopwatch_now(void)
{
#if defined(__x86_64__)
    if (LIKELY(stopwatch.counter)) {
        _mm_lfence();
        uint64_t ticks = __rdtsc();
        _mm_lfence();
        return ticks;
    }
#elif defined(__aarch64__)
    if (LIKELY(stopwatch.counter)) {
        uint64_t ticks;
        __asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(ticks)::"memory");
        return ticks;
    }
#endif
    return measure_now();
}

/* Steps between two readings. Below 0, as two cores' counters may differ by a little, counts as 0. */
static ALWAYS_INLINE uint64_t stopwatch_steps(uint64_t from, uint64_t to)
{
    return to <= from ? 0 : (uint64_t)((double)(int64_t)(to - from) * stopwatch.steps_a_tick + 0.5);
}

/* Nanoseconds of so many steps, less what the readings cost; at least 0. */
static inline double stopwatch_ns(double steps)
{
    return steps <= stopwatch.cost ? 0 : (steps - stopwatch.cost) * stopwatch.ns_a_step;
}

#endif /* STOPWATCH_H */
