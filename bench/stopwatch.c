#include "stopwatch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CALIBRATION_NS UINT64_C(20000000)
#define EMPTY_STRETCHES 20000u
/* Ticks; an empty stretch that took longer was interrupted. */
#define EMPTY_MOST 4096u
/* How often a duration is seen, of EMPTY_STRETCHES, to be one of the clock's own. */
#define FREQUENT (EMPTY_STRETCHES / 1000)

struct stopwatch stopwatch;

static bool counter_is_steady(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    /* 80000007h, EDX bit 8: invariant TSC. */
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d >> 8 & 1);
#elif defined(__aarch64__)
    return true; /* the architecture says so */
#else
    return false;
#endif
}

struct moment {
    uint64_t ticks, ns;
    uint64_t apart; /* ns that lay between reading the one and the other, at most */
};

/* One moment on both clocks: the closest of a few readings, as we may be interrupted in the middle. */
static struct moment read_both(void)
{
    struct moment best = {.apart = UINT64_MAX};
    for (unsigned i = 0; i < 8; i++) {
        uint64_t before = measure_now(), ticks = stopwatch_now(), apart = measure_now() - before;
        if (apart < best.apart)
            best = (struct moment){ticks, before + apart / 2, apart};
    }
    return best;
}

static double ns_a_tick(void)
{
    struct moment from = read_both();
    measure_sleep_until(from.ns + CALIBRATION_NS);
    struct moment to = read_both();
    return (double)(to.ns - from.ns) / (double)(to.ticks - from.ticks);
}

void stopwatch_calibrate(void)
{
    static unsigned seen[EMPTY_MOST]; /* how often an empty stretch took so many ticks */
    unsigned stretches = 0, last = 0, step = 0;
    double ticks = 0;

    stopwatch.counter = counter_is_steady();
    for (unsigned i = 0; i < EMPTY_STRETCHES; i++) {
        uint64_t from = stopwatch_now(), took = stopwatch_now() - from;
        if (took < EMPTY_MOST)
            seen[took]++;
    }
    /* Durations that the clock can tell apart lie a step from each other. */
    for (unsigned i = 0; i < EMPTY_MOST; i++) {
        stretches += seen[i];
        ticks += (double)i * seen[i];
        if (seen[i] < FREQUENT)
            continue;
        if (last > 0 && (step == 0 || i - last < step))
            step = i - last;
        last = i;
    }
    if (step == 0)
        step = 1;
    stopwatch.steps_a_tick = 1.0 / step;
    stopwatch.ns_a_step = ns_a_tick() * step;
    stopwatch.cost = stretches ? ticks / stretches / step : 0;
}
