/*
 * scale - does an operation cost the same whatever the number of threads, of
 * pools and of buffers in use?
 *
 *   bufpool-scale time [ROUND]          CPU ns an operation, threads running freely
 *   bufpool-scale turns                 the cases in order, threads in turns: for callgrind, see scale.sh
 *   bufpool-scale-counted turns [ROUND] read-modify-writes on shared words per 1,000 operations
 *
 * An operation is mix's: a buffer given back and another of a random size got,
 * 512 bytes to 32 KiB. 1,000 buffers a thread; with more pools each thread uses all of them at
 * random. Every case does the same number of operations, after a warm-up in
 * which each thread's caches in each pool grow. Buffers are not touched, so a
 * million of them need no memory. Counts come from threads that take turns
 * (tests/budget/baton.h) on eight pretended processors; they are exact.
 *
 * What would fool it: wall time with more threads than processors, so time is
 * that of the threads' own clocks; caches of the processor, which a million
 * slots do not fit (time shows it, counts do not); a collection between two
 * operations, so there is none; a warm-up too short for the caches of 64 pools.
 */
#include <bufpool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "baton.h"
#include "crew.h"
#include "harness.h"
#include "load.h"
#include "peer.h"
#ifdef SCALE_COUNTED
#include "counted.h"
#endif

#define LIVE 1000u
#define POOLS_MAX 64u
#define DOUBLINGS 6u  /* up to 32 KiB */
#define WARM_UP 8000u /* operations a thread and pool */
#define OPERATIONS 256000u
#define OPERATIONS_TIMED 4096000u

static const struct scale_case {
    const char *name;
    unsigned threads, pools, live;
} cases[] = {{"1 thread", 1, 1, LIVE},      {"2 threads", 2, 1, LIVE},      {"8 threads", 8, 1, LIVE},
             {"32 threads", 32, 1, LIVE},   {"128 threads", 128, 1, LIVE},  {"1 pool", 1, 1, LIVE},
             {"4 pools", 1, 4, LIVE},       {"8 pools", 1, 8, LIVE},        {"16 pools", 1, 16, LIVE},
             {"64 pools", 1, 64, LIVE},     {"1000 live", 1, 1, 1000},      {"10000 live", 1, 1, 10000},
             {"100000 live", 1, 1, 100000}, {"1000000 live", 1, 1, 1000000}};
#define CASES_COUNT (sizeof(cases) / sizeof(cases[0]))

struct run {
    const struct scale_case *scale_case;
    bufpool_t *pool[POOLS_MAX];
    struct live_set set[BATON_MEMBERS_MAX];
    uint64_t ns[BATON_MEMBERS_MAX];
};

static struct run run;

static void open_case(const struct scale_case *scale_case)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;

    config.collect_interval_ms = 0;
    /* What a million buffers need; many pools have no more in all, because callgrind has little address
     * space. */
    config.max_size = (size_t)512 << DOUBLINGS;
    config.tier_span = ((size_t)8 << 30) / scale_case->pools;
    run.scale_case = scale_case;
    for (unsigned i = 0; i < scale_case->pools; i++) {
        int error = bufpool_create(&run.pool[i], &config);
        if (error)
            die("bufpool_create: %s", strerror(-error));
    }
    for (unsigned i = 0; i < scale_case->threads; i++) {
        run.set[i] = (struct live_set){.random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1),
                                       .pool = run.pool,
                                       .pools = scale_case->pools,
                                       .slots = scale_case->live,
                                       .doublings = DOUBLINGS,
                                       .slot = harness_map(scale_case->live * sizeof(void *), true)};
    }
}

static void close_case(void)
{
    for (unsigned i = 0; i < run.scale_case->threads; i++) {
        live_set_empty(&run.set[i]);
        harness_unmap(run.set[i].slot, run.scale_case->live * sizeof(void *));
    }
    for (unsigned i = 0; i < run.scale_case->pools; i++)
        bufpool_destroy(run.pool[i]);
}

/* ------------------------------------------------------------ time */

static uint64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void time_member(struct crew *crew, unsigned number, void *context)
{
    const struct scale_case *scale_case = context;
    struct live_set *set = &run.set[number];

    live_set_fill(set);
    live_set_run(set, (uint64_t)WARM_UP * scale_case->pools, true);
    crew_meet(crew);
    uint64_t start = thread_ns();
    live_set_run(set, OPERATIONS_TIMED / scale_case->threads, true);
    run.ns[number] = thread_ns() - start;
    crew_meet(crew); /* who leaves first gives the others its buffers */
}

static double time_case(const struct scale_case *scale_case)
{
    uint64_t ns = 0;

    open_case(scale_case);
    crew_run(scale_case->threads, scale_case->threads <= 2, time_member, (void *)(uintptr_t)scale_case);
    for (unsigned i = 0; i < scale_case->threads; i++)
        ns += run.ns[i];
    close_case();
    return (double)ns / OPERATIONS_TIMED;
}

/* ------------------------------------------------------------ turns */

/* What callgrind counts. The compiler may not merge it with another: it has a number in it. */
static NOINLINE void measured_operations(struct live_set *set, uint64_t count)
{
    __asm__ volatile("" : : "i"(__COUNTER__));
    live_set_run(set, count, true);
}

/* When it returns, callgrind writes down what it has counted. */
static NOINLINE void case_done(const char *name)
{
    __asm__ volatile("" : : "r"(name) : "memory");
}

static uint64_t turn(void *context, unsigned member, uint64_t count, bool measured)
{
    struct live_set *set = &run.set[member];
    (void)context;

    if (set->slot[0] == NULL)
        live_set_fill(set);
    if (measured)
        measured_operations(set, count);
    else
        live_set_run(set, count, true);
    return count;
}

static void turns_case(const struct scale_case *scale_case, void (*begin)(void *), void (*end)(void *))
{
    open_case(scale_case);
    baton_run(&(struct baton_plan){.members = scale_case->threads,
                                   .warm_up = (uint64_t)WARM_UP * scale_case->threads * scale_case->pools,
                                   .measured = OPERATIONS,
                                   .seed = 20240610,
                                   .turn = turn,
                                   .begin = begin,
                                   .end = end});
    case_done(scale_case->name);
    close_case();
}

#ifdef SCALE_COUNTED
static void begin(void *context)
{
    (void)context;
    counted_start();
}

static void end(void *context)
{
    (void)context;
    counted_stop();
}

static void turns(const struct options *options)
{
    for (size_t i = 0; i < CASES_COUNT; i++) {
        turns_case(&cases[i], begin, end);
        sample_print(options, "scale", cases[i].name, "shared atomics", "atomics",
                     (double)counted_total() * 1000.0 / OPERATIONS);
    }
}
#else
static NOINLINE void measured_nothing(struct live_set *set, uint64_t count)
{
    __asm__ volatile("" : : "i"(__COUNTER__));
    live_set_run(set, count, false);
}

/* What the loop costs by itself, then the cases: scale.sh finds one count of callgrind's for each line. */
static void turns(const struct options *options)
{
    (void)options;
    open_case(&cases[0]);
    measured_nothing(&run.set[0], OPERATIONS);
    memset(run.set[0].slot, 0, LIVE * sizeof(void *)); /* no buffers in it */
    case_done("nothing");
    close_case();
    printf("nothing,%u\n", OPERATIONS);
    for (size_t i = 0; i < CASES_COUNT; i++) {
        turns_case(&cases[i], NULL, NULL);
        printf("%s,%u\n", cases[i].name, OPERATIONS);
    }
}
#endif

static _Noreturn void usage(void)
{
    fputs("usage: bufpool-scale time|turns [ROUND]\n", stderr);
    exit(2);
}

int main(int count, char **arguments)
{
    static const struct peer bufpool = {.name = "bufpool"};
    struct options options = {.peer = &bufpool};

    if (count < 2 || count > 3)
        usage();
    if (count == 3)
        options.round = (unsigned)strtoul(arguments[2], NULL, 10);
    if (strcmp(arguments[1], "time") == 0) {
        for (size_t i = 0; i < CASES_COUNT; i++)
            sample_print(&options, "scale", cases[i].name, "time", "ns", time_case(&cases[i]));
    } else if (strcmp(arguments[1], "turns") == 0) {
        cpus_pretend(CPUS);
        turns(&options);
    } else {
        usage();
    }
    return 0;
}
