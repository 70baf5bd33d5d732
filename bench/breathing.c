/*
 * breathing - what does it cost to give memory back when the burst comes again
 * and again, every 0.5, 1, 3 or 10 s?
 *
 * A breath: eight threads take and fill 250 MiB of buffers (see taker.h), and
 * when all have, put them all; then all sleep until the next is due, a period
 * after the last one's start. The first breath is the warm-up and is not counted.
 *
 * Reports, as means over the breaths: wall ns a buffer, from the moment the
 * threads are woken to the last one's last put, by the 16,000 buffers; page
 * faults of the whole process in that time, a buffer; and MiB resident above the
 * start just before a breath. Who gives memory back pays with faults, who keeps
 * it pays with what lies between: read them together.
 *
 * What would fool it: threads that put before the others have taken, so that
 * fewer buffers are ever in use (they meet in between); a start after the pool's
 * own tables; a period shorter than a breath (then nobody sleeps: see the ns).
 */
#include "workloads.h"

#include <stdio.h>
#include <sys/resource.h>

#include "crew.h"
#include "measure.h"
#include "taker.h"

struct breathing {
    const struct options *options;
    void *self;
    unsigned breaths; /* measured ones */
    void *buffer[TAKERS][TAKER_BUFFERS];
    /* Sums over the measured breaths. */
    uint64_t ns, faults;
    double between_mib;
};

PEER_LOOPS(taker_take)
PEER_LOOPS(taker_give)

/* As many as some 2 s hold, three at most: a sample has to end. */
static unsigned breaths_of(unsigned period_ms)
{
    return period_ms <= 1000 ? 3 : period_ms <= 3000 ? 2 : 1;
}

/* Page faults of this process that needed no disk. */
static uint64_t faults_so_far(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_minflt;
}

static void breathe(struct crew *crew)
{
    crew_meet(crew); /* take */
    crew_meet(crew); /* taken */
    crew_meet(crew); /* all put */
}

/* Member 0: says when, and measures. */
static void watch(struct crew *crew, struct breathing *breathing)
{
    static const struct peer_load load = TAKER_LOAD;
    const struct options *options = breathing->options;
    crew_meet(crew); /* all started */
    uint64_t resident = measure_resident();
    breathing->self = peer_open(options->peer, &load);
    uint64_t due = measure_now();
    breathe(crew);
    for (unsigned i = 0; i < breathing->breaths; i++) {
        due += options->period_ms * UINT64_C(1000000);
        measure_sleep_until(due);
        breathing->between_mib += measure_growth_mib(resident);
        uint64_t start = measure_now(), faults = faults_so_far();
        breathe(crew);
        breathing->ns += measure_now() - start;
        breathing->faults += faults_so_far() - faults;
    }
}

static void member(struct crew *crew, unsigned number, void *context)
{
    struct breathing *breathing = context;
    enum peer_kind kind = breathing->options->peer->kind;
    if (number == 0) {
        watch(crew, breathing);
        return;
    }
    crew_meet(crew); /* all started */
    for (unsigned i = 0; i <= breathing->breaths; i++) {
        crew_meet(crew); /* take */
        struct taker taker = {breathing->self, breathing->buffer[number - 1], 0, false};
        taker_take_of(kind)(&taker, TAKER_BUFFERS);
        crew_meet(crew); /* taken */
        taker_give_of(kind)(&taker, TAKER_BUFFERS);
        crew_meet(crew); /* all put */
    }
}

void breathing_run(const struct options *options)
{
    struct breathing *breathing = harness_map(sizeof(*breathing), true);
    breathing->options = options;
    breathing->breaths = breaths_of(options->period_ms);
    crew_run(TAKERS + 1, false, member, breathing);

    char variant[32];
    double buffers = (double)breathing->breaths * TAKERS * TAKER_BUFFERS;
    snprintf(variant, sizeof(variant), "every %g s", options->period_ms / 1000.0);
    sample_print(options, "breathing", variant, "buffer", "ns", (double)breathing->ns / buffers);
    sample_print(options, "breathing", variant, "a buffer", "faults", (double)breathing->faults / buffers);
    sample_print(options, "breathing", variant, "between", "MiB",
                 breathing->between_mib / breathing->breaths);
}
