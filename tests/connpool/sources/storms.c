#include "storms.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "lending.h"
#include "pools.h"

/* Sanitizers make each step some ten times longer. */
enum { MANY = UNDER_SANITIZER ? 4 : 60, MOST_THREADS = 48 };

/* What the threads of a storm share. */
struct storm {
    struct rig rig;
    connpool_config_t config;
    int threads, rounds, keys;
    uint32_t timeout_ms;  /* of each acquire */
    int bad_in_1000;      /* so many leases are marked unusable */
    bool with_resizes;    /* thread 0 resizes, all the while */
    bool with_keeps;      /* thread 1 moves the clock and keeps */
    bool may_go_without;  /* -EAGAIN and -ETIMEDOUT are no fault */
    _Atomic bool is_over; /* -ESHUTDOWN is no fault, and ends a thread */
    _Atomic int traffic;  /* threads that acquire */
    _Atomic int running;
    _Atomic uint64_t served, failed, seeds;
};

static bool storm_take(struct storm *storm, uint64_t *random, connpool_lease_t *lease)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyz";
    int result;

    if (storm->keys == 0)
        result = connpool_acquire(storm->rig.pool, storm->timeout_ms, lease);
    else
        result = connpool_acquire_key(storm->rig.pool, &names[random_next(random) % (uint64_t)storm->keys], 1,
                                      storm->timeout_ms, lease);
    if (result == 0)
        return true;
    bool is_refusal = result == -EAGAIN || result == -ETIMEDOUT;
    if (!(is_refusal && storm->may_go_without) && !(result == -ESHUTDOWN && atomic_load(&storm->is_over)))
        atomic_fetch_add(&storm->failed, 1);
    return false;
}

/* Take one, be its only owner, give it back. */
static void storm_use(struct storm *storm, uint64_t *random)
{
    connpool_lease_t lease;

    if (!storm_take(storm, random, &lease))
        return;
    connection_own(lease);
    uint64_t chance = random_next(random) >> 20;
    if ((chance & 3) == 0)
        sched_yield();
    connection_disown(lease);
    if ((int)(chance >> 8 & 1023) < storm->bad_in_1000)
        connpool_mark_unusable(storm->rig.pool, lease);
    connpool_release(storm->rig.pool, lease);
    atomic_fetch_add(&storm->served, 1);
}

static void *storm_thread(void *arg)
{
    struct storm *storm = arg;
    uint64_t seed = atomic_fetch_add(&storm->seeds, 1) + 1;
    uint64_t random = seed * 0x9e3779b97f4a7c15u;
    size_t most = storm->config.max_open;

    if (seed == 1 && storm->with_resizes) {
        while (atomic_load(&storm->traffic) > 0) {
            size_t bound = random_next(&random) % most + 1;
            MUST(connpool_resize(storm->rig.pool, bound, bound, 0) == 0);
            sched_yield();
        }
    } else if (seed == 2 && storm->with_keeps) {
        while (atomic_load(&storm->traffic) > 0) {
            rig_pass(&storm->rig, 50);
            sched_yield();
        }
    } else {
        for (int i = 0; i < storm->rounds && !atomic_load(&storm->is_over); i++)
            storm_use(storm, &random);
        atomic_fetch_sub(&storm->traffic, 1);
    }
    atomic_fetch_sub(&storm->running, 1);
    return NULL;
}

static void storm_begin(struct storm *storm, pthread_t *threads)
{
    rig_start(&storm->rig, &storm->config);
    storm->running = storm->threads;
    storm->traffic = storm->threads - storm->with_resizes - storm->with_keeps;
    for (int i = 0; i < storm->threads; i++)
        MUST(pthread_create(&threads[i], NULL, storm_thread, storm) == 0);
}

/* The verdict, when all threads have ended. */
static bool storm_end(struct storm *storm, pthread_t *threads, const char *name)
{
    for (int i = 0; i < storm->threads; i++)
        pthread_join(threads[i], NULL);
    connpool_stats_t stats = rig_stats(&storm->rig);
    bool is_right = storm->failed == 0 && storm->rig.faults == 0 && stats.in_use == 0 && stats.opening == 0 &&
                    stats.waiters == 0 && stats.misuses == 0 && stats.acquires == storm->served &&
                    storm->served > 0 && storm->rig.most <= (int64_t)storm->config.max_open;
    if (!is_right)
        fprintf(
            stderr,
            "%s: %llu served, %llu failed, %llu faults, in use %llu, opening %llu, waiters %llu, acquires "
            "%llu, at most %lld live of %zu\n",
            name, (unsigned long long)storm->served, (unsigned long long)storm->failed,
            (unsigned long long)storm->rig.faults, (unsigned long long)stats.in_use,
            (unsigned long long)stats.opening, (unsigned long long)stats.waiters,
            (unsigned long long)stats.acquires, (long long)storm->rig.most, storm->config.max_open);
    return rig_ends(&storm->rig) && is_right;
}

static struct storm storm_of(int threads, int rounds, size_t max_open)
{
    struct storm storm = {.threads = threads, .rounds = rounds, .timeout_ms = FOR_EVER};
    storm.config.max_open = max_open;
    return storm;
}

/* The configuration names the rig, so it is made where the storm stays. */
static void storm_configure(struct storm *storm)
{
    size_t max_open = storm->config.max_open;
    storm->config = rig_config_full(&storm->rig);
    storm->config.max_open = max_open;
}

static bool storm_run(struct storm *storm, const char *name)
{
    pthread_t threads[MOST_THREADS];
    storm_begin(storm, threads);
    return storm_end(storm, threads, name);
}

/* Breaks when the idle sets give one connection to two: a pop that slept through pop, pop, push. */
bool smartconnpool_TestStackRace(void)
{
    struct storm storm = storm_of(32, MANY * 500, 64);
    storm_configure(&storm);
    return storm_run(&storm, __func__);
}

/* Breaks when a hand-over to a waiter leaves the connection with its last owner, or loses it. */
bool smartconnpool_TestStress(void)
{
    struct storm storm = storm_of(8, MANY * 300, 3);
    storm_configure(&storm);
    storm.bad_in_1000 = 20;
    return storm_run(&storm, __func__);
}

/* Breaks when somebody waits for ever while connections come and go: each of the crowd must be served. */
bool smartconnpool_TestGetSpike(void)
{
    struct storm storm = storm_of(MOST_THREADS, MANY * 60, 5);
    storm_configure(&storm);
    return storm_run(&storm, __func__);
}

static bool closes_in_traffic(struct storm *storm, const char *name)
{
    pthread_t threads[MOST_THREADS];

    storm_configure(storm);
    storm->config.idle_timeout_ms = 400;
    storm_begin(storm, threads);
    while (atomic_load(&storm->served) < 2000 && atomic_load(&storm->traffic) > 0)
        sched_yield();
    atomic_store(&storm->is_over, true);
    int result = connpool_close(storm->rig.pool, FOR_EVER);
    bool is_closed = result == 0 && storm->rig.closed == storm->rig.opened;
    if (!is_closed)
        fprintf(stderr, "%s: close gave %d, %llu of %llu are closed\n", name, result,
                (unsigned long long)storm->rig.closed, (unsigned long long)storm->rig.opened);
    return storm_end(storm, threads, name) && is_closed;
}

/* Breaks when close leaves one of many waiters asleep, and the test with it. */
bool smartconnpool_TestCloseDuringWaitForConn(void)
{
    for (int i = 0; i < 20; i++) {
        struct storm storm = storm_of(40, INT32_MAX, 1);
        if (!closes_in_traffic(&storm, __func__))
            return false;
    }
    return true;
}

/* Breaks when close, resize, the keeper and traffic together lose a connection, or lend out a closed one. */
bool smartconnpool_TestStressCloseDuringTraffic(void)
{
    for (int i = 0; i < MANY; i++) {
        struct storm storm = storm_of(24, INT32_MAX, 16);
        storm.with_resizes = storm.with_keeps = true;
        storm.bad_in_1000 = 40;
        storm.keys = i % 2 == 0 ? 0 : 4;
        if (!closes_in_traffic(&storm, __func__))
            return false;
    }
    return true;
}

/* Breaks when evictions between keys open more than the bounds allow, in all or for a key. */
bool commons_keyed_testMaxActivePerKeyExceeded(void)
{
    struct storm storm = storm_of(20, MANY * 50, 8);
    storm_configure(&storm);
    storm.config.max_open_per_key = 5;
    storm.keys = 20;
    storm.bad_in_1000 = 10;
    return storm_run(&storm, __func__);
}

/* Breaks when the keeper closes, or checks, what somebody has just taken. */
bool commons_pool_testConcurrentBorrowAndEvict(void)
{
    struct storm storm = storm_of(8, MANY * 500, 8);
    storm_configure(&storm);
    storm.config.idle_timeout_ms = 100;
    storm.config.max_lifetime_ms = 2000;
    storm.config.check_interval_ms = 60;
    storm.config.min_idle = 2;
    storm.config.flags |= CONNPOOL_CHECK_ON_ACQUIRE;
    storm.with_keeps = true;
    return storm_run(&storm, __func__);
}

static void *sweep(void *pool)
{
    for (int i = 0; i < 20; i++)
        connpool_keep(pool);
    return NULL;
}

/* Breaks when a release and a reclaim both close, or neither does, or a slot is lost between them. */
bool commons_abandoned_testConcurrentInvalidation(void)
{
    enum { COUNT = 30, SWEEPERS = 4 };
    for (int round = 0; round < 2 * MANY; round++) {
        struct rig rig;
        connpool_config_t config = rig_config_full(&rig);
        connpool_lease_t held[COUNT];
        pthread_t sweepers[SWEEPERS];

        config.max_open = COUNT;
        config.flags |= CONNPOOL_RECLAIM;
        config.overdue_ms = 1000;
        connpool_t *pool = rig_start(&rig, &config);
        leases_from(pool, held, COUNT);
        rig.now_ms += 2000;
        for (int i = 0; i < SWEEPERS; i++)
            MUST(pthread_create(&sweepers[i], NULL, sweep, pool) == 0);
        size_t kept = leases_end(pool, held, COUNT);
        for (int i = 0; i < SWEEPERS; i++)
            pthread_join(sweepers[i], NULL);
        connpool_stats_t stats = rig_stats(&rig);
        bool is_right = stats.in_use == 0 && stats.idle == kept && stats.closed_reclaimed == COUNT - kept;
        if (!is_right)
            fprintf(stderr, "%s: %zu kept, %llu idle, %llu reclaimed, %llu in use\n", __func__, kept,
                    (unsigned long long)stats.idle, (unsigned long long)stats.closed_reclaimed,
                    (unsigned long long)stats.in_use);
        leases_from(pool, held, COUNT); /* every slot is there */
        leases_end(pool, held, COUNT);
        if (!rig_ends(&rig) || !is_right)
            return false;
    }
    return true;
}

/* Breaks when a pool with room opens more than there are threads to use them. */
bool hikaricp_testPoolSizeAboutSameSizeAsThreadCount(void)
{
    struct storm storm = storm_of(16, MANY * 300, 100);
    pthread_t threads[MOST_THREADS];

    storm_configure(&storm);
    storm_begin(&storm, threads);
    while (atomic_load(&storm.running) > 0)
        sched_yield();
    uint64_t opens = rig_stats(&storm.rig).opens;
    if (opens > 16)
        fprintf(stderr, "%s: %llu opened for 16 threads\n", __func__, (unsigned long long)opens);
    return storm_end(&storm, threads, __func__) && opens <= 16;
}

/* Breaks when the first use and close at once leave a connection behind, or close waits for none. */
bool fatih_TestPoolConcurrent3(void)
{
    for (int i = 0; i < 10 * MANY; i++) {
        struct rig rig;
        connpool_config_t config = rig_config_full(&rig);
        struct closer closer;
        connpool_lease_t lease;

        config.max_open = 1;
        connpool_t *pool = rig_start(&rig, &config);
        closer_start(&closer, pool);
        int result = connpool_acquire(pool, FOR_EVER, &lease);
        if (result == 0)
            connpool_release(pool, lease);
        bool is_right =
            closer_end(&closer) == 0 && (result == 0 || result == -ESHUTDOWN) && rig.opened == rig.closed;
        if (!is_right)
            fprintf(stderr, "%s: acquire gave %d, %llu opened, %llu closed\n", __func__, result,
                    (unsigned long long)rig.opened, (unsigned long long)rig.closed);
        if (!rig_ends(&rig) || !is_right)
            return false;
    }
    return true;
}
