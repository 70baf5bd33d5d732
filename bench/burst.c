/*
 * burst - does idle memory go home when nobody calls any more?
 *
 * Eight threads take and fill 250 MiB of buffers (see taker.h), put them all and
 * go to sleep. Reported, in MiB above the start: resident at the peak, right
 * after the last put, and after 1, 3, 5 s asleep. Fragmented (--keep-every=2, 8,
 * 64): every so many-th buffer stays in use; reported is the growth beyond the
 * bytes of those, and after the last second also beyond the whole pages they lie
 * on, which is what nobody could give back. With --curve the growth every 100 ms
 * goes to a file, in seconds after the last put.
 *
 * "Start" is before the pool exists, so its own tables count against it; a
 * malloc's were there before main.
 *
 * What would fool it: threads that exit, since their caches are emptied on the
 * way out (they sleep until all is measured); the harness's arrays (mapped and
 * touched before the start); statm's per-CPU slack (see measure_resident).
 */
#include "workloads.h"

#include <stdio.h>

#include "crew.h"
#include "curve.h"
#include "measure.h"
#include "taker.h"

#define CURVE_STEPS 10 /* points a second */

struct burst {
    const struct options *options;
    void *self;
    uint64_t start;
    void *buffer[TAKERS][TAKER_BUFFERS];
    void *kept[TAKERS * TAKER_BUFFERS];
    char variant[32];
};

PEER_LOOPS(taker_take)
PEER_LOOPS(taker_give)

static int by_address(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t) * (void *const *)left, b = (uintptr_t) * (void *const *)right;
    return (a > b) - (a < b);
}

/* MiB of the distinct pages that the buffers left in use lie on. Sorts, which may use the heap: measure
 * before. */
static double kept_pages_mib(struct burst *burst)
{
    size_t count = 0, pages = 0;
    uintptr_t next = 0; /* the first page not counted yet */
    for (unsigned t = 0; t < TAKERS; t++)
        for (unsigned i = 0; i < TAKER_BUFFERS; i += burst->options->keep_every)
            burst->kept[count++] = burst->buffer[t][i];
    qsort(burst->kept, count, sizeof(burst->kept[0]), by_address);
    for (size_t i = 0; i < count; i++) {
        uintptr_t first = (uintptr_t)burst->kept[i] / PAGE_SIZE;
        uintptr_t last = ((uintptr_t)burst->kept[i] + TAKER_SIZE - 1) / PAGE_SIZE;
        if (first < next)
            first = next;
        if (last >= first)
            pages += last - first + 1;
        next = last + 1;
    }
    return (double)(pages * PAGE_SIZE) / MIB;
}

/* Of the seconds asleep, which are told beside the first and the last. */
static bool is_told(unsigned second)
{
    return second == 1 || second == 3 || second == 5;
}

void asleep_watch(const struct options *options, const char *workload, const char *variant, uint64_t start,
                  double in_use_mib, bool between, int curve)
{
    uint64_t put = measure_now();
    char metric[32];
    for (unsigned step = 0; step <= options->asleep_s * CURVE_STEPS; step++) {
        unsigned second = step / CURVE_STEPS;
        bool whole = step % CURVE_STEPS == 0;
        bool told = whole && (second == 0 || second == options->asleep_s || (between && is_told(second)));
        if (!told && curve < 0)
            continue;
        measure_sleep_until(put + step * (UINT64_C(1000000000) / CURVE_STEPS));
        double growth = measure_growth_mib(start);
        curve_point(curve, (double[]){(double)step / CURVE_STEPS, growth}, 2);
        if (!told)
            continue;
        snprintf(metric, sizeof(metric), "%u s asleep", second);
        sample_print(options, workload, variant, metric, "MiB", growth - in_use_mib);
        if (second == 0) {
            puts(ASLEEP_MARK);
            fflush(stdout);
        }
    }
}

/* The moment in seconds after `zero`; below 0 before it. */
static double seconds_after(uint64_t zero, uint64_t moment)
{
    return ((double)moment - (double)zero) / 1e9;
}

static void watch(struct crew *crew, struct burst *burst)
{
    static const struct peer_load load = TAKER_LOAD;
    const struct options *options = burst->options;
    unsigned keep_every = options->keep_every;
    unsigned kept_each = keep_every ? (TAKER_BUFFERS + keep_every - 1) / keep_every : 0;
    double kept_mib = (double)TAKERS * kept_each * (double)TAKER_SIZE / MIB;
    int curve = curve_open(options->curve, "seconds,MiB");

    crew_meet(crew); /* all started */
    uint64_t started = measure_now();
    burst->start = measure_resident();
    sample_print(options, "burst", burst->variant, "start (itself)", "MiB", (double)burst->start / MIB);
    burst->self = peer_open(options->peer, &load);
    crew_meet(crew); /* take */
    crew_meet(crew); /* taken */
    uint64_t taken = measure_now();
    double peak = measure_growth_mib(burst->start);
    sample_print(options, "burst", burst->variant, "peak", "MiB", peak);
    crew_meet(crew); /* put */
    crew_meet(crew); /* all put */
    uint64_t put = measure_now();
    curve_point(curve, (double[]){seconds_after(put, started), 0}, 2);
    curve_point(curve, (double[]){seconds_after(put, taken), peak}, 2);
    asleep_watch(options, "burst", burst->variant, burst->start, kept_mib, true, curve);
    if (options->keep_every) {
        double beyond = measure_growth_mib(burst->start);
        char metric[64];
        snprintf(metric, sizeof(metric), "%u s beyond pages in use", options->asleep_s);
        sample_print(options, "burst", burst->variant, metric, "MiB", beyond - kept_pages_mib(burst));
    }
    crew_meet(crew); /* wake up */
}

static void member(struct crew *crew, unsigned number, void *context)
{
    struct burst *burst = context;
    enum peer_kind kind = burst->options->peer->kind;
    if (number == 0) {
        watch(crew, burst);
        return;
    }
    crew_meet(crew); /* all started */
    crew_meet(crew); /* take */
    struct taker taker = {burst->self, burst->buffer[number - 1], burst->options->keep_every, false};
    taker_take_of(kind)(&taker, TAKER_BUFFERS);
    crew_meet(crew); /* taken */
    crew_meet(crew); /* put */
    taker_give_of(kind)(&taker, TAKER_BUFFERS);
    crew_meet(crew); /* all put */
    crew_meet(crew); /* asleep until all is measured */
    taker.give_kept = true;
    taker_give_of(kind)(&taker, TAKER_BUFFERS);
}

void burst_run(const struct options *options)
{
    struct burst *burst = harness_map(sizeof(*burst), true);
    burst->options = options;
    if (options->keep_every)
        snprintf(burst->variant, sizeof(burst->variant), "1 in %u kept", options->keep_every);
    else
        snprintf(burst->variant, sizeof(burst->variant), "all put");
    crew_run(TAKERS + 1, false, member, burst);
}
