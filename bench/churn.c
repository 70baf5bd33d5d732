/*
 * churn - what does it cost that threads come and go? (After larson.)
 *
 * Several working sets (see working_set.h), each worked on by one thread at a
 * time: it replaces 100,000 buffers, starts a new thread that takes the working
 * set over, and ends. What it held was got by a thread that is no more, and what
 * its private cache held has to find a new owner. The new thread joins the old
 * one before anything else, so all of an exit is inside the time.
 *
 * Reports ns a replacement: wall time by all replacements, times the CPUs that
 * the threads can use at once, so that it compares with mix. Starting and
 * ending a thread is in it for every peer. A thread lives for some ms (at 10 to
 * 100 ns a replacement 1 to 10), a start, an exit and a join take some 50 us
 * without an allocator's part: at most a twentieth.
 *
 * What would fool it: threads so short that only the kernel is measured, or so
 * long that no exit is; detached threads, whose exits pile up behind the sample.
 */
#include "workloads.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "crew.h"
#include "measure.h"
#include "working_set.h"

#define LIFE 100000
#define CHUNK 1000
/* More than any peer needs, and little enough that libc keeps the stacks of the dead for the living. */
#define STACK_BYTES ((size_t)256 << 10)

struct churn;

/* One working set and the threads that follow one another; only the living one touches it. */
struct lineage {
    struct churn *churn;
    struct working_set *set;
    unsigned number;
    bool filled;
    pthread_t elder; /* who is to be joined: the thread before, in the end the last */
    bool has_elder;
};

struct churn {
    const struct options *options;
    pthread_attr_t attributes;
    atomic_bool stop;
    sem_t ended; /* posted by the last thread of each lineage */
    struct measure_count count[CREW_MEMBERS_MAX];
    struct lineage lineage[CREW_MEMBERS_MAX];
};

PEER_LOOPS(working_set_fill)
PEER_LOOPS(working_set_replace)
PEER_LOOPS(working_set_empty)

static void *live(void *argument);

static void start_thread(struct lineage *lineage)
{
    pthread_t thread;
    int error = pthread_create(&thread, &lineage->churn->attributes, live, lineage);
    if (error)
        die("churn: cannot start a thread: %s", strerror(error));
}

static void *live(void *argument)
{
    struct lineage *lineage = argument;
    struct churn *churn = lineage->churn;
    enum peer_kind kind = churn->options->peer->kind;
    peer_loop replace = working_set_replace_of(kind);
    bool stop = false;

    if (lineage->has_elder)
        pthread_join(lineage->elder, NULL);
    if (!lineage->filled)
        working_set_fill_of(kind)(lineage->set, WORKING_SET_SLOTS);
    lineage->filled = true;
    for (unsigned done = 0; done < LIFE && !stop; done += CHUNK) {
        replace(lineage->set, CHUNK);
        measure_count_add(&churn->count[lineage->number], CHUNK);
        /* relaxed: carries nothing but itself. */
        stop = atomic_load_explicit(&churn->stop, memory_order_relaxed);
    }
    lineage->elder = pthread_self();
    lineage->has_elder = true;
    if (!stop) {
        start_thread(lineage);
        return NULL;
    }
    working_set_empty_of(kind)(lineage->set, WORKING_SET_SLOTS);
    sem_post(&churn->ended);
    return NULL;
}

void churn_run(const struct options *options)
{
    struct churn *churn = harness_map(sizeof(*churn), true);
    unsigned threads = options->threads, cpus = measure_cpus();

    churn->options = options;
    pthread_attr_init(&churn->attributes);
    pthread_attr_setstacksize(&churn->attributes, STACK_BYTES);
    sem_init(&churn->ended, 0, 0);
    /* Twice the threads: while one is on its way out, the next is there already. */
    void *self = working_set_peer(options, 2 * threads);
    for (unsigned i = 0; i < threads; i++) {
        struct working_set *set = working_set_make(options, self, i);
        churn->lineage[i] = (struct lineage){.churn = churn, .set = set, .number = i};
        start_thread(&churn->lineage[i]);
    }
    measure_sleep_until(measure_now() + options->warmup_ms * UINT64_C(1000000));
    struct measured measured = measure_counts(churn->count, threads, options->sample_ms);
    atomic_store_explicit(&churn->stop, true, memory_order_relaxed);
    for (unsigned i = 0; i < threads; i++)
        while (sem_wait(&churn->ended) != 0)
            ;
    for (unsigned i = 0; i < threads; i++)
        pthread_join(churn->lineage[i].elder, NULL);

    char variant[32];
    snprintf(variant, sizeof(variant), "%u thread%s", threads, threads == 1 ? "" : "s");
    unsigned at_once = threads < cpus ? threads : cpus;
    sample_print(options, "churn", variant, "replacement", "ns",
                 (double)measured.ns * at_once / (double)measured.count);
}
