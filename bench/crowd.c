/*
 * crowd - what becomes of a working set's cost when there are far more threads
 * than CPUs: 8, 32, 128 of them, unpinned, each replacing buffers of its own?
 *
 * Reports pairs (a put, a get) a second of all threads together, in millions.
 * With --latency instead how long ONE get and ONE put take: percentiles over
 * all threads; what reading the clock costs is taken off, and told. Coarse
 * clocks: see histogram_at. p99.99 and max are there to be seen, but they
 * measure the scheduler: a thread that loses its CPU in the middle of an
 * operation is that late.
 *
 * Coordinated omission: this is a closed loop. A thread that is held up starts
 * no other operation meanwhile, so one stall counts once, not once for each
 * operation that it kept from starting. For a service with arrivals of their
 * own that would flatter; here it is the question: a get is called by a thread
 * that does nothing else until it returns, and what such a call costs is asked,
 * of all calls, one by one.
 *
 * What would fool it: threads that take their own time, of which only those
 * that were given a CPU count (measure_counts looks from outside); warm-up in
 * the sample; a histogram that throws a peer's memory out of the cache (it
 * touches a few lines, of every peer the same ones).
 */
#include "workloads.h"

#include <math.h>
#include <stdio.h>

#include "crew.h"
#include "curve.h"
#include "histogram.h"
#include "measure.h"
#include "stopwatch.h"
#include "working_set.h"

/* A us or more. At either end of the sample a thread has on the mean half a chunk that is not counted yet. */
#define CHUNK 128
/* Replacements of a thread before the warm-up of all begins: four times over its slots. */
#define SETTLING (4 * WORKING_SET_SLOTS)

/* What one thread writes. */
struct caller {
    struct working_set *set;
    struct histogram get, put; /* in steps of the stopwatch */
};

struct crowd {
    const struct options *options;
    void *self;
    alignas(DESTRUCTIVE_SIZE)
        atomic_bool recording; /* set when the warm-up is over: timed from here on, with --latency */
    atomic_bool stop;          /* set when the sample is taken */
    struct measure_count count[CREW_MEMBERS_MAX];
    struct caller *caller[CREW_MEMBERS_MAX];
    struct measured measured;
};

PEER_LOOPS(working_set_fill)
PEER_LOOPS(working_set_replace)
PEER_LOOPS(working_set_empty)

/* As working_set_replace, each of the two calls timed. */
static ALWAYS_INLINE void replace_timed(enum peer_kind kind, void *context, uint64_t count)
{
    struct caller *caller = context;
    struct working_set *set = caller->set;
    for (; count > 0; count--) {
        size_t size;
        void **slot = working_set_choose(set, &set->random, &size);
        void *old = *slot;
        uint64_t start = stopwatch_now();
        peer_put(kind, set->self, old);
        uint64_t put = stopwatch_now();
        void *buffer = peer_get(kind, set->self, size);
        uint64_t got = stopwatch_now();
        peer_touch_word(buffer);
        *slot = buffer;
        histogram_record(&caller->put, stopwatch_steps(start, put));
        histogram_record(&caller->get, stopwatch_steps(put, got));
    }
}
PEER_LOOPS(replace_timed)

/* relaxed, here and where they are set: the flags carry nothing but themselves. */
static bool is_set(atomic_bool *flag)
{
    return atomic_load_explicit(flag, memory_order_relaxed);
}

/* Member 0: sleeps, and looks on. */
static void watch(struct crew *crew, struct crowd *crowd)
{
    const struct options *options = crowd->options;
    crew_meet(crew); /* all settled */
    measure_sleep_until(measure_now() + options->warmup_ms * UINT64_C(1000000));
    atomic_store_explicit(&crowd->recording, true, memory_order_relaxed);
    crowd->measured = measure_counts(crowd->count, options->threads, options->sample_ms);
    atomic_store_explicit(&crowd->stop, true, memory_order_relaxed);
}

static void member(struct crew *crew, unsigned number, void *context)
{
    struct crowd *crowd = context;
    const struct options *options = crowd->options;
    enum peer_kind kind = options->peer->kind;
    if (number == 0) {
        watch(crew, crowd);
        return;
    }
    peer_loop replace = working_set_replace_of(kind);
    struct caller *caller = harness_map(sizeof(*caller), true);
    crowd->caller[number - 1] = caller;
    caller->set = working_set_make(options, crowd->self, number);
    working_set_fill_of(kind)(caller->set, WORKING_SET_SLOTS);
    replace(caller->set, SETTLING);
    crew_meet(crew); /* all settled */

    while (!is_set(options->latency ? &crowd->recording : &crowd->stop)) {
        replace(caller->set, CHUNK);
        measure_count_add(&crowd->count[number - 1], CHUNK);
    }
    peer_loop timed = replace_timed_of(kind);
    while (!is_set(&crowd->stop))
        timed(caller, CHUNK);
    working_set_empty_of(kind)(caller->set, WORKING_SET_SLOTS);
}

static void report_percentiles(const struct crowd *crowd, const char *variant, const char *operation,
                               const struct histogram *histogram)
{
    static const double percentiles[] = {50, 90, 99, 99.9, 99.99};
    char metric[32];
    for (unsigned i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        snprintf(metric, sizeof(metric), "%s p%g", operation, percentiles[i]);
        sample_print(crowd->options, "crowd", variant, metric, "ns",
                     stopwatch_ns(histogram_at(histogram, percentiles[i] / 100)));
    }
    snprintf(metric, sizeof(metric), "%s max", operation);
    sample_print(crowd->options, "crowd", variant, metric, "ns", stopwatch_ns((double)histogram->most));
}

/* Up to six nines, ten points to each. */
static void draw(int curve, const struct histogram *get, const struct histogram *put)
{
    for (unsigned tenth = 0; tenth <= 60; tenth++) {
        double fraction = 1 - pow(10, -(double)tenth / 10);
        double point[] = {100 * fraction, stopwatch_ns(histogram_at(get, fraction)),
                          stopwatch_ns(histogram_at(put, fraction))};
        curve_point(curve, point, 3);
    }
}

static void report_latency(const struct crowd *crowd, const char *variant, int curve)
{
    static struct histogram get, put;
    for (unsigned i = 0; i < crowd->options->threads; i++) {
        histogram_merge(&get, &crowd->caller[i]->get);
        histogram_merge(&put, &crowd->caller[i]->put);
    }
    report_percentiles(crowd, variant, "get", &get);
    report_percentiles(crowd, variant, "put", &put);
    sample_print(crowd->options, "crowd", variant, "timer (taken off)", "ns",
                 stopwatch.cost * stopwatch.ns_a_step);
    draw(curve, &get, &put);
}

void crowd_run(const struct options *options)
{
    static struct crowd crowd;
    char variant[32];
    if (options->threads >= CREW_MEMBERS_MAX)
        die("crowd: %d threads at most, as one more looks on", CREW_MEMBERS_MAX - 1);
    if (options->curve && !options->latency)
        die("crowd: the curve is one of latencies; --latency is missing");
    int curve = curve_open(options->curve, "percentile,get ns,put ns");
    if (options->latency)
        stopwatch_calibrate();
    crowd.options = options;
    crowd.self = working_set_peer(options, options->threads);
    crew_run(options->threads + 1, false, member, &crowd);

    snprintf(variant, sizeof(variant), "%u thread%s", options->threads, options->threads == 1 ? "" : "s");
    if (options->latency)
        report_latency(&crowd, variant, curve);
    else
        sample_print(options, "crowd", variant, "throughput", "Mpairs/s",
                     (double)crowd.measured.count * 1000 / (double)crowd.measured.ns);
}
