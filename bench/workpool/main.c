/*
 * bufpool-workpool - from a submit to its run: how long it takes, and how many a second. One sample, as CSV
 * lines:
 *
 *     CASE,PEER,WORKERS,SUBMITTERS,ROUND,METRIC,VALUE
 *
 *     bufpool-workpool asleep|awake|throughput PEER WORKERS SUBMITTERS SAMPLE_MS ROUND
 *
 * asleep      One submitter; every worker has been idle for 200 us before each submit, so one must be woken.
 * Times from just before the submit to the job's first instruction: median and 99th percentile, ns. And how
 * often a thread has slept for a job: voluntary context switches of the process, the submitter's one
 * included.
 *
 * awake       The same, each submit as soon as the job before has begun; there the submitter does not sleep.
 *
 * throughput  Submitters at once, each with at most 512 jobs on the way. A job adds one to a number. Thousand
 * a second.
 *
 * What would fool it: a submitter that sleeps while it waits for its job would be woken by it, so it spins
 * and offers its CPU. A peer with an unbounded queue would win by queueing, hence the 512.
 */
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../harness.h"
#include "../measure.h"
#include "crews.h"

enum { ON_THE_WAY = 512, SUBMITTERS_MAX = 64, IDLE_NS = 200000, TIMES_MAX = 1 << 22 };

static const struct crews *peer;
static unsigned sample_ms;

/* ------------------------------------------------------------ latency */

static struct {
    /* release, acquire: the job has written `begun_ns`. */
    alignas(DESTRUCTIVE_SIZE) _Atomic bool has_begun;
    uint64_t begun_ns;
} mark;

static void note_begin(void *arg)
{
    (void)arg;
    mark.begun_ns = measure_now();
    atomic_store_explicit(&mark.has_begun, true, memory_order_release);
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static uint64_t one_latency(bool asleep)
{
    if (asleep)
        measure_sleep_until(measure_now() + IDLE_NS);
    atomic_store_explicit(&mark.has_begun, false, memory_order_relaxed);
    uint64_t submitted = measure_now();
    unsigned steps = 0;
    peer->submit(&mark);
    while (!atomic_load_explicit(&mark.has_begun, memory_order_acquire))
        wait_step(&steps);
    return mark.begun_ns > submitted ? mark.begun_ns - submitted : 0;
}

static uint64_t sleeps(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_nvcsw;
}

static void measure_latency(bool asleep, const char *prefix)
{
    uint64_t *times = harness_map(TIMES_MAX * sizeof *times, true), count = 0;

    for (int i = 0; i < 100; i++)
        one_latency(asleep);
    uint64_t slept = sleeps(), end = measure_now() + (uint64_t)sample_ms * 1000000;
    while (count < TIMES_MAX && measure_now() < end)
        times[count++] = one_latency(asleep);
    slept = sleeps() - slept;
    qsort(times, count, sizeof *times, by_value);
    printf("%smedian,%llu\n%sp99,%llu\n", prefix, (unsigned long long)times[count / 2], prefix,
           (unsigned long long)times[count * 99 / 100]);
    printf("%ssleeps,%.4f\n", prefix, (double)slept / (double)count);
}

/* ------------------------------------------------------------ throughput */

struct submitter {
    /* relaxed: a number; what it is compared with is a limit. */
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t ended;
    alignas(DESTRUCTIVE_SIZE) uint64_t submitted;
};

static struct submitter submitters[SUBMITTERS_MAX];
static pthread_barrier_t begin;
static _Atomic uint64_t end_ns; /* relaxed: written before the barrier */

static void count_end(void *arg)
{
    struct submitter *submitter = arg;
    atomic_fetch_add_explicit(&submitter->ended, 1, memory_order_relaxed);
}

static void await(struct submitter *self, uint64_t at_most)
{
    unsigned steps = 0;
    while (self->submitted - atomic_load_explicit(&self->ended, memory_order_relaxed) > at_most)
        wait_step(&steps);
}

static void *submit_many(void *arg)
{
    struct submitter *self = arg;

    pthread_barrier_wait(&begin);
    while (measure_now() < atomic_load_explicit(&end_ns, memory_order_relaxed)) {
        for (int i = 0; i < ON_THE_WAY / 2; i++) {
            peer->submit(self);
            self->submitted++;
        }
        await(self, ON_THE_WAY / 2);
    }
    await(self, 0);
    return NULL;
}

static void measure_throughput(unsigned count, const char *prefix)
{
    pthread_t thread[SUBMITTERS_MAX];
    uint64_t all = 0;

    pthread_barrier_init(&begin, NULL, count + 1);
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&thread[i], NULL, submit_many, &submitters[i]) != 0)
            die("pthread_create has failed");
    uint64_t start = measure_now();
    atomic_store_explicit(&end_ns, start + (uint64_t)sample_ms * 1000000, memory_order_relaxed);
    pthread_barrier_wait(&begin);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(thread[i], NULL);
        all += submitters[i].submitted;
    }
    uint64_t ns = measure_now() - start;
    printf("%sthousand a second,%.1f\n", prefix, (double)all / (double)ns * 1e6);
}

/* ------------------------------------------------------------ command line */

static unsigned number(const char *text, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value == 0 || value > most)
        die("\"%s\" is no number from 1 to %u", text, most);
    return (unsigned)value;
}

int main(int argc, char **argv)
{
    static const struct crews *const peers[] = {&crews_workpool, &crews_glib, &crews_glib_shared};
    char prefix[96];

    if (argc != 7)
        die("usage: bufpool-workpool asleep|awake|throughput PEER WORKERS SUBMITTERS SAMPLE_MS ROUND");
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++)
        if (strcmp(peers[i]->name, argv[2]) == 0)
            peer = peers[i];
    if (peer == NULL)
        die("no such peer: %s", argv[2]);
    unsigned workers = number(argv[3], 256), count = number(argv[4], SUBMITTERS_MAX);
    sample_ms = number(argv[5], 60000);
    snprintf(prefix, sizeof prefix, "%s,%s,%u,%u,%u,", argv[1], peer->name, workers, count,
             number(argv[6], 1000000));

    bool is_throughput = strcmp(argv[1], "throughput") == 0, is_asleep = strcmp(argv[1], "asleep") == 0;
    if (!is_throughput && !is_asleep && strcmp(argv[1], "awake") != 0)
        die("no such case: %s", argv[1]);
    peer->create(workers, is_throughput ? count_end : note_begin);
    if (is_throughput)
        measure_throughput(count, prefix);
    else
        measure_latency(is_asleep, prefix);
    peer->destroy();
    return 0;
}
