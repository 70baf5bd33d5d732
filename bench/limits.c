#include "limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "harness.h"

#define MIBYTES ((uint64_t)1 << 20)
#define MS UINT64_C(1000000)

/* A larger private cache must spare this share of the gets a way to the depot. */
#define MISSES_ONE_IN 200u
/* Memory that is given back is missed when this share of the gets has to take it again. */
#define AGAIN_ONE_IN 1000u
/* Of an interval nothing can be said by a trace that is shorter than so many. */
#define INTERVALS_LEAST 3u

const char *limit_field(enum limit_name name)
{
    static const char *const fields[LIMITS] = {"max_thread_bytes", "collect_interval_ms", "min_cached_bytes",
                                               "max_cached_bytes"};
    return fields[name];
}

static void begin(struct limit limits[LIMITS])
{
    const bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    limits[MAX_THREAD_BYTES] = (struct limit){.standard = config.max_thread_bytes};
    limits[MAX_CACHED_BYTES] = (struct limit){.standard = config.max_cached_bytes};
    limits[MIN_CACHED_BYTES] = (struct limit){.standard = config.min_cached_bytes};
    limits[COLLECT_INTERVAL_MS] = (struct limit){.standard = config.collect_interval_ms};
    for (unsigned i = 0; i < LIMITS; i++)
        limits[i].value = limits[i].standard;
}

static void because(struct limit *limit, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void because(struct limit *limit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(limit->why, sizeof(limit->why), format, arguments);
    va_end(arguments);
}

static uint64_t whole_mib(uint64_t bytes)
{
    return (bytes + MIBYTES - 1) / MIBYTES * MIBYTES;
}

static double percent(uint64_t part, uint64_t all)
{
    return all ? 100.0 * (double)part / (double)all : 0;
}

/*
 * The smallest private cache beyond which a larger one no longer pays; larger than
 * the default only as long as those of all threads are less than the load itself.
 */
static void find_thread_bytes(struct limit *limit, const struct trace *trace, uint64_t load,
                              struct simulation_terms terms)
{
    enum { TRIES = 6 }; /* 512 KiB ... 16 MiB */
    struct simulation result[TRIES];
    unsigned chosen = 0, tries = 0;

    for (uint64_t bytes = MIBYTES / 2; tries < TRIES; bytes *= 2) {
        if (bytes > limit->standard && bytes * trace->threads > load)
            break;
        terms.max_thread_bytes = bytes;
        simulate(&result[tries++], trace, &terms);
    }
    uint64_t bound = result[tries - 1].misses + result[0].gets / MISSES_ONE_IN;
    while (chosen + 1 < tries && result[chosen].misses > bound)
        chosen++;
    limit->value = MIBYTES / 2 << chosen;
    double with = percent(result[chosen].misses, result[0].gets);
    double half = percent(result[chosen > 0 ? chosen - 1 : 0].misses, result[0].gets);
    double twice = percent(result[chosen + 1 < tries ? chosen + 1 : chosen].misses, result[0].gets);
    const char *missed = "of the gets find nothing in their thread's cache";
    if (chosen == 0)
        because(limit, "%.2f %% %s; with twice as much it would be %.2f %%.", with, missed, twice);
    else if (chosen + 1 < tries)
        because(limit, "%.2f %% %s; with half as much it would be %.2f %%, with twice as much %.2f %%.", with,
                missed, half, twice);
    else
        because(limit,
                "%.2f %% %s; with half as much it would be %.2f %%, and more is not looked at: the caches of "
                "%" PRIu32 " threads could hold more than was ever in use.",
                with, missed, half, trace->threads);
}

/* Collections at another interval: would too much be wanted again? */
static bool wanted_again(const struct simulation *result)
{
    return result->carves_again * AGAIN_ONE_IN > result->gets;
}

/* The default, unless another interval has a tenth less backed, or the default releases what is soon wanted.
 */
static void find_interval(struct limit limits[LIMITS], const struct trace *trace,
                          struct simulation_terms terms)
{
    static const uint32_t tries[] = {1000, 500, 250, 2000, 5000};
    uint64_t length_ns = trace->events[trace->count - 1].ns;
    struct simulation best = {.gets = 0};
    struct limit *interval = &limits[COLLECT_INTERVAL_MS], *kept = &limits[MIN_CACHED_BYTES];

    if (length_ns < tries[0] * MS * INTERVALS_LEAST) {
        because(interval,
                "the trace lasts %.1f s, too short to tell anything of intervals of a second: the default.",
                (double)length_ns * 1e-9);
        because(kept, "for the same reason the default: nothing is known of bursts that come back.");
        return;
    }
    for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        struct simulation one;
        if (tries[i] * MS * INTERVALS_LEAST > length_ns)
            continue;
        terms.interval_ns = tries[i] * MS;
        simulate(&one, trace, &terms);
        bool spares = wanted_again(&best) && one.carves_again < best.carves_again;
        if (best.gets == 0 || spares || (!wanted_again(&one) && one.backed_mean < 0.9 * best.backed_mean)) {
            best = one;
            interval->value = tries[i];
        }
    }
    because(interval,
            "with it %" PRIu64 " of %" PRIu64
            " gets take again what a collection has released, and %.1f MiB are backed on the mean.",
            best.carves_again, best.gets, best.backed_mean / MIB);
    if (wanted_again(&best)) {
        kept->value = whole_mib(best.carved_most);
        because(kept,
                "up to %.1f MiB are taken again between two collections: to keep them spares their pages the "
                "way home "
                "and back.",
                (double)best.carved_most / MIB);
    } else {
        because(kept, "what collections release is not missed.");
    }
}

void limits_of_trace(struct limit limits[LIMITS], const struct trace *trace, const struct demand *demand,
                     const struct tier_set *tiers)
{
    struct simulation_terms terms = {.tiers = tiers};
    struct simulation result;

    begin(limits);
    find_thread_bytes(&limits[MAX_THREAD_BYTES], trace, demand->asked_peak, terms);
    terms.max_thread_bytes = limits[MAX_THREAD_BYTES].value;
    find_interval(limits, trace, terms);
    terms.interval_ns = limits[COLLECT_INTERVAL_MS].value * MS;
    simulate(&result, trace, &terms);
    limits[MAX_CACHED_BYTES].value = whole_mib(result.idle_peak + result.idle_peak / 4);
    because(&limits[MAX_CACHED_BYTES],
            "at most %.1f MiB are idle at once; with a quarter more nothing is refused here, and what a "
            "worse burst leaves "
            "behind is bounded.",
            (double)result.idle_peak / MIB);
}

void limits_of_stats(struct limit limits[LIMITS], const struct demand *demand, uint64_t cost)
{
    double missed = percent(demand->private_misses, demand->asked_gets);

    begin(limits);
    if (missed > 2.0) {
        limits[MAX_THREAD_BYTES].value *= 2;
        because(&limits[MAX_THREAD_BYTES],
                "%.2f %% of the gets find nothing in their thread's cache: twice the default is "
                "worth a try.",
                missed);
    } else {
        because(&limits[MAX_THREAD_BYTES],
                "%.2f %% of the gets find nothing in their thread's cache: the default will do.", missed);
    }
    limits[MAX_CACHED_BYTES].value = whole_mib(cost + cost / 4);
    because(&limits[MAX_CACHED_BYTES],
            "what is in use at the peak, %.1f MiB, can be idle behind it; with a quarter more "
            "nothing is refused.",
            (double)cost / MIB);
    because(&limits[MIN_CACHED_BYTES],
            "a dump does not tell what comes back when: record a trace (BUFPOOL_TRACE) for that.");
}
