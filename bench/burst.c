/*
 * burst - does idle memory go home when nobody calls any more?
 *
 * Eight threads get 2,000 buffers of 16 KiB each (250 MiB in all), fill every
 * byte, put them all and go to sleep. Reported, in MiB above the start: resident
 * at the peak, right after the last put, and after 1, 2, 3 s asleep. Fragmented
 * (--keep-every=8): every 8th buffer stays in use; reported is the growth
 * beyond the bytes of those, and after the last second also beyond the whole
 * pages they lie on, which is what nobody could give back.
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
#include <string.h>

#include "crew.h"
#include "measure.h"

#define TAKERS 8
#define BUFFERS 2000
#define SIZE ((size_t)16384)

struct burst {
    const struct options *options;
    void *self;
    uint64_t start;
    void *buffer[TAKERS][BUFFERS];
    void *kept[TAKERS * BUFFERS];
    char variant[32];
};

/* The context of one taker's loops; their `count` is BUFFERS. */
struct taker {
    void *self;
    void **buffer;
    unsigned keep_every;
    bool give_kept; /* give: those that stayed in use, or the others */
};

static ALWAYS_INLINE void take(enum peer_kind kind, void *context, uint64_t count)
{
    struct taker *taker = context;
    for (uint64_t i = 0; i < count; i++) {
        taker->buffer[i] = peer_get(kind, taker->self, SIZE);
        memset(taker->buffer[i], 0x5a, SIZE);
    }
}
PEER_LOOPS(take)

static ALWAYS_INLINE void give(enum peer_kind kind, void *context, uint64_t count)
{
    struct taker *taker = context;
    for (uint64_t i = 0; i < count; i++) {
        bool kept = taker->keep_every && i % taker->keep_every == 0;
        if (kept != taker->give_kept)
            continue;
        peer_put(kind, taker->self, taker->buffer[i]);
    }
}
PEER_LOOPS(give)

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
        for (unsigned i = 0; i < BUFFERS; i += burst->options->keep_every)
            burst->kept[count++] = burst->buffer[t][i];
    qsort(burst->kept, count, sizeof(burst->kept[0]), by_address);
    for (size_t i = 0; i < count; i++) {
        uintptr_t first = (uintptr_t)burst->kept[i] / PAGE_SIZE;
        uintptr_t last = ((uintptr_t)burst->kept[i] + SIZE - 1) / PAGE_SIZE;
        if (first < next)
            first = next;
        if (last >= first)
            pages += last - first + 1;
        next = last + 1;
    }
    return (double)(pages * PAGE_SIZE) / MIB;
}

void asleep_watch(const struct options *options, const char *workload, const char *variant, uint64_t start,
                  double in_use_mib, bool every_second)
{
    uint64_t put = measure_now();
    char metric[32];
    for (unsigned second = 0; second <= options->asleep_s; second++) {
        if (!every_second && second > 0 && second < options->asleep_s)
            continue;
        measure_sleep_until(put + second * UINT64_C(1000000000));
        snprintf(metric, sizeof(metric), "%u s asleep", second);
        sample_print(options, workload, variant, metric, "MiB", measure_growth_mib(start) - in_use_mib);
        if (second == 0) {
            puts(ASLEEP_MARK);
            fflush(stdout);
        }
    }
}

static void watch(struct crew *crew, struct burst *burst)
{
    const struct options *options = burst->options;
    unsigned kept_each = options->keep_every ? (BUFFERS + options->keep_every - 1) / options->keep_every : 0;
    double kept_mib = (double)TAKERS * kept_each * (double)SIZE / MIB;

    crew_meet(crew); /* all started */
    burst->start = measure_resident();
    sample_print(options, "burst", burst->variant, "start (itself)", "MiB", (double)burst->start / MIB);
    burst->self = peer_open(options->peer, SIZE);
    crew_meet(crew); /* take */
    crew_meet(crew); /* taken */
    sample_print(options, "burst", burst->variant, "peak", "MiB", measure_growth_mib(burst->start));
    crew_meet(crew); /* put */
    crew_meet(crew); /* all put */
    asleep_watch(options, "burst", burst->variant, burst->start, kept_mib, true);
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
    take_of(kind)(&taker, BUFFERS);
    crew_meet(crew); /* taken */
    crew_meet(crew); /* put */
    give_of(kind)(&taker, BUFFERS);
    crew_meet(crew); /* all put */
    crew_meet(crew); /* asleep until all is measured */
    taker.give_kept = true;
    give_of(kind)(&taker, BUFFERS);
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
