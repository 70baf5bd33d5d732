/*
 * What does it cost to borrow a connection that is idle, and how much can be borrowed by many threads?
 *
 *   bufpool-connpool-bench [ROUNDS [MILLISECONDS]]     15 rounds, samples of 100 ms
 *
 * pair: one thread gets and puts a buffer of 4 KiB, acquires and releases a connection, does the same with a
 * mutex and a condition. Reported: ns, and connpool's ratio to bufpool's pair.
 *
 * crowd: 32 threads, 32 connections or 8, all in a loop of acquire, write to the connection, release; and 8
 * that are held while other threads run, so that most wait. Reported: million leases a second, the ratio to
 * the mutex.
 *
 * Interleaved in one process, medians with least and most. What would fool it: connections are memory here,
 * so nobody waits for a server: it is the pool that is measured, and 8 connections are too few only because
 * threads are preempted with one in hand.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <bufpool.h>
#include <bufpool/connpool.h>

#include "../harness.h"
#include "../measure.h"
#include "locked.h"

enum { CROWD = 32, CHUNK = 256, MOST_ROUNDS = 101 };

struct subject {
    const char *name;
    void (*chunk)(struct subject *subject);
    bufpool_t *buffers;
    connpool_t *connections;
    struct locked *locked;
    bool holds; /* the connection over a sched_yield */
    double samples[MOST_ROUNDS];
};

/* ------------------------------------------------------------ subjects: so many operations of each */

static NOINLINE void chunk_of_buffers(struct subject *subject)
{
    for (unsigned i = 0; i < CHUNK; i++) {
        volatile uint64_t *buffer = bufpool_get(subject->buffers, 4096);
        buffer[0] = i;
        bufpool_put(subject->buffers, (void *)(uintptr_t)buffer);
    }
}

static NOINLINE void chunk_of_leases(struct subject *subject)
{
    for (unsigned i = 0; i < CHUNK; i++) {
        connpool_lease_t lease;
        if (connpool_acquire(subject->connections, UINT32_MAX, &lease) != 0)
            die("an acquire failed");
        *(volatile uint64_t *)lease.resource = i;
        if (subject->holds)
            sched_yield();
        connpool_release(subject->connections, lease);
    }
}

static NOINLINE void chunk_of_locks(struct subject *subject)
{
    for (unsigned i = 0; i < CHUNK; i++) {
        volatile uint64_t *resource = locked_acquire(subject->locked);
        resource[0] = i;
        if (subject->holds)
            sched_yield();
        locked_release(subject->locked, (void *)(uintptr_t)resource);
    }
}

/* ------------------------------------------------------------ connections that are memory */

static int open_memory(void **resource, const connpool_target_t *target, void *arg)
{
    (void)target;
    (void)arg;
    *resource = calloc(1, DESTRUCTIVE_SIZE);
    return 0;
}

static void close_memory(void *resource, void *arg)
{
    (void)arg;
    free(resource);
}

static connpool_t *connections(size_t count)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;
    connpool_t *pool;

    config.open = open_memory;
    config.close = close_memory;
    config.max_open = count;
    if (connpool_create(&pool, &config) != 0)
        die("no pool of connections");
    return pool;
}

/* ------------------------------------------------------------ samples */

static double ns_a_pair(struct subject *subject, unsigned milliseconds)
{
    uint64_t begin = measure_now(), end = begin + (uint64_t)milliseconds * 1000000, now, chunks = 0;

    do {
        for (unsigned i = 0; i < 16; i++)
            subject->chunk(subject);
        chunks += 16;
    } while ((now = measure_now()) < end);
    return (double)(now - begin) / (double)(chunks * CHUNK);
}

struct member {
    pthread_t thread;
    struct subject *subject;
    struct measure_count *count;
    _Atomic bool *must_end;
};

static void *member_run(void *arg)
{
    struct member *member = arg;

    /* relaxed: a flag and a number. */
    while (!atomic_load_explicit(member->must_end, memory_order_relaxed)) {
        member->subject->chunk(member->subject);
        measure_count_add(member->count, CHUNK);
    }
    return NULL;
}

static uint64_t sum(struct measure_count *counts)
{
    uint64_t all = 0;

    for (unsigned i = 0; i < CROWD; i++)
        all += atomic_load_explicit(&counts[i].operations, memory_order_relaxed);
    return all;
}

/* Million leases a second, after a warm-up of a quarter of the time. */
static double millions(struct subject *subject, unsigned milliseconds)
{
    static struct measure_count counts[CROWD];
    static struct member crowd[CROWD];
    _Atomic bool must_end = false;

    for (unsigned i = 0; i < CROWD; i++) {
        atomic_store_explicit(&counts[i].operations, 0, memory_order_relaxed);
        crowd[i] = (struct member){.subject = subject, .count = &counts[i], .must_end = &must_end};
        if (pthread_create(&crowd[i].thread, NULL, member_run, &crowd[i]) != 0)
            die("no thread");
    }
    measure_sleep_until(measure_now() + (uint64_t)milliseconds * 250000);
    uint64_t begin = measure_now(), before = sum(counts);
    measure_sleep_until(begin + (uint64_t)milliseconds * 1000000);
    uint64_t after = sum(counts), end = measure_now();
    atomic_store_explicit(&must_end, true, memory_order_relaxed);
    for (unsigned i = 0; i < CROWD; i++)
        pthread_join(crowd[i].thread, NULL);
    return (double)(after - before) * 1e3 / (double)(end - begin);
}

/* ------------------------------------------------------------ report */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double report(struct subject *subject, unsigned rounds, const char *unit)
{
    qsort(subject->samples, rounds, sizeof subject->samples[0], compare);
    double median = subject->samples[rounds / 2];
    printf("  %-16s %8.2f %s   [%.2f .. %.2f]\n", subject->name, median, unit, subject->samples[0],
           subject->samples[rounds - 1]);
    return median;
}

static void compare_pairs(unsigned rounds, unsigned milliseconds)
{
    struct subject buffers = {.name = "bufpool", .chunk = chunk_of_buffers};
    struct subject leases = {.name = "connpool", .chunk = chunk_of_leases, .connections = connections(16)};
    struct subject locks = {.name = "mutex", .chunk = chunk_of_locks, .locked = locked_create(16)};

    if (bufpool_create(&buffers.buffers, NULL) != 0)
        die("no pool of buffers");
    for (unsigned i = 0; i < rounds; i++) {
        buffers.samples[i] = ns_a_pair(&buffers, milliseconds);
        leases.samples[i] = ns_a_pair(&leases, milliseconds);
        locks.samples[i] = ns_a_pair(&locks, milliseconds);
    }
    printf("pair, one thread, %u rounds\n", rounds);
    double of_buffers = report(&buffers, rounds, "ns"), of_leases = report(&leases, rounds, "ns");
    report(&locks, rounds, "ns");
    printf("  connpool is %.1f times bufpool's pair\n", of_leases / of_buffers);
    bufpool_destroy(buffers.buffers);
    connpool_destroy(leases.connections);
    locked_destroy(locks.locked);
}

static void compare_crowds(size_t count, bool holds, unsigned rounds, unsigned milliseconds)
{
    struct subject leases = {
        .name = "connpool", .chunk = chunk_of_leases, .connections = connections(count), .holds = holds};
    struct subject locks = {
        .name = "mutex", .chunk = chunk_of_locks, .locked = locked_create(count), .holds = holds};
    connpool_stats_t stats = CONNPOOL_STATS_INIT;

    for (unsigned i = 0; i < rounds; i++) {
        leases.samples[i] = millions(&leases, milliseconds);
        locks.samples[i] = millions(&locks, milliseconds);
    }
    printf("crowd, %u threads, %zu connections%s, %u rounds\n", CROWD, count,
           holds ? ", each held over a yield" : "", rounds);
    double of_leases = report(&leases, rounds, "M/s"), of_locks = report(&locks, rounds, "M/s");
    connpool_stats(leases.connections, &stats);
    printf("  connpool is %.1f times the mutex; %llu of %llu leases had to wait\n", of_leases / of_locks,
           (unsigned long long)stats.waits, (unsigned long long)stats.acquires);
    connpool_destroy(leases.connections);
    locked_destroy(locks.locked);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 15;
    unsigned milliseconds = argc > 2 ? (unsigned)atoi(argv[2]) : 100;

    if (rounds < 1 || rounds > MOST_ROUNDS || milliseconds < 1 || argc > 3)
        die("usage: bufpool-connpool-bench [ROUNDS [MILLISECONDS]]");
    setvbuf(stdout, NULL, _IOLBF, 0);
    compare_pairs(rounds, milliseconds);
    compare_crowds(CROWD, false, rounds, milliseconds);
    compare_crowds(CROWD / 4, false, rounds, milliseconds);
    compare_crowds(CROWD / 4, true, rounds, milliseconds);
    return 0;
}
