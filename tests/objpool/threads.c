/*
 * Objects on many threads: constructed and destructed once each, whoever does what.
 */
#include <bufpool/contents.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "accounts.h"
#include "ledger.h"
#include "pools.h"
#include "worker.h"

enum { THREADS = 4, HELD = 32, ROUNDS = 60000 };

struct storm {
    objpool_t *pool;
    _Atomic uint64_t broken;
    uint64_t seed;
};

/* Random gets, tries, puts and discards; now and then a collection or a trim. */
static void *rage(void *arg)
{
    struct storm *storm = arg;
    uint64_t random = atomic_fetch_add(&storm->broken, 0) + (uint64_t)(uintptr_t)&random;
    struct thing *held[HELD] = {0};

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t number = random_next(&random);
        struct thing **slot = &held[number % HELD];
        if (*slot == NULL) {
            *slot = number >> 32 & 1 ? objpool_get(storm->pool) : objpool_try_get(storm->pool);
        } else {
            if (!thing_is_whole(*slot))
                atomic_fetch_add(&storm->broken, 1);
            thing_use(*slot);
            if ((number >> 33 & 63) == 0)
                objpool_discard(storm->pool, *slot);
            else
                objpool_put(storm->pool, *slot);
            *slot = NULL;
        }
        if ((number >> 40 & 1023) == 0)
            bufpool_collect(objpool_buffers(storm->pool));
        if ((number >> 50 & 4095) == 0)
            bufpool_trim(objpool_buffers(storm->pool));
    }
    for (int i = 0; i < HELD; i++)
        objpool_put(storm->pool, held[i]);
    return NULL;
}

static void storm_with(objpool_config_t config, struct ledger *ledger)
{
    struct storm storm = {.pool = objects_from(&config)};
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++)
        MUST(pthread_create(&thread[i], NULL, rage, &storm) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    cr_assert(eq(u64, storm.broken, 0), "an object had two owners, or lost its state");
    objpool_stats_t stats = objects_of(storm.pool);
    cr_assert(eq(u64, stats.in_use, 0));
    cr_assert(eq(u64, stats.constructs, ledger->constructs));
    cr_assert(eq(u64, stats.idle, ledger->constructs - ledger->destructs));
    assert_accounts(objpool_buffers(storm.pool));
    objpool_destroy(storm.pool);
    cr_assert(eq(u64, ledger->constructs, ledger->destructs));
    cr_assert(eq(u64, ledger->faults, 0));
}

/* Fails when any object is destructed twice, never, or while somebody holds it. */
Test(objpool_threads, TestPoolStress_each_object_is_constructed_and_destructed_once)
{
    struct ledger ledger = {0};
    storm_with(ledger_config(&ledger), &ledger);
}

/* The same where puts are refused and gets run dry. */
Test(objpool_threads, each_object_is_destructed_once_at_every_limit)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    config.max_objects = THREADS * HELD / 2;
    config.max_idle = 24;
    config.min_idle = 8;
    storm_with(config, &ledger);
}

/* ------------------------------------------------------------ other threads' caches */

static void take_and_put(void *arg)
{
    objpool_t *pool = arg;
    void *objects[40];
    for (int i = 0; i < 40; i++)
        MUST((objects[i] = objpool_get(pool)) != NULL);
    for (int i = 0; i < 40; i++)
        objpool_put(pool, objects[i]);
}

enum { VALUES = 40000, THIEVES = 9 };

struct dequeue {
    objpool_t *pool;
    _Atomic uint64_t taken;
    _Atomic unsigned char seen[VALUES + 1]; /* by serial */
};

static void *steal_values(void *arg)
{
    struct dequeue *dequeue = arg;
    while (atomic_load(&dequeue->taken) < VALUES) {
        struct thing *thing = objpool_try_get(dequeue->pool);
        if (thing == NULL) {
            sched_yield();
            continue;
        }
        atomic_fetch_add(&dequeue->seen[thing->serial], 1);
        atomic_fetch_add(&dequeue->taken, 1);
    }
    return NULL;
}

static void *values[VALUES];

static void *put_values(void *arg)
{
    return put_all(arg, values, VALUES) == VALUES ? arg : NULL;
}

/*
 * TestPoolDequeue and TestPoolChain: a producer and nine thieves. Fails when a thief gets what another has,
 * or when something stays out of reach once its producer has ended.
 */
Test(objpool_threads, TestPoolDequeue_each_value_reaches_exactly_one_of_nine_thieves, .timeout = 120)
{
    static struct dequeue dequeue;
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    pthread_t producer, thieves[THIEVES];
    void *result;

    dequeue.pool = objects_from(&config);
    get_all(dequeue.pool, values, VALUES);
    for (int i = 0; i < THIEVES; i++)
        MUST(pthread_create(&thieves[i], NULL, steal_values, &dequeue) == 0);
    MUST(pthread_create(&producer, NULL, put_values, dequeue.pool) == 0);
    pthread_join(producer, &result);
    cr_assert(result != NULL, "all are kept");
    for (int i = 0; i < THIEVES; i++)
        pthread_join(thieves[i], NULL);
    for (int i = 1; i <= VALUES; i++)
        cr_assert(eq(u32, dequeue.seen[i], 1));
    cr_assert(eq(u64, ledger.constructs, VALUES));
    cr_assert(eq(u64, ledger.faults, 0));
}

/* Fails when what lies in the cache of a thread that sleeps is not destructed. */
Test(objpool_threads, a_sleeping_thread_s_objects_are_destructed_by_who_collects)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);
    struct worker worker;

    worker_start(&worker);
    worker_do(&worker, take_and_put, pool);
    cr_assert(eq(u64, objects_of(pool).idle, 40));
    collect_twice(pool);
    if (stats_of(objpool_buffers(pool)).remote_reclaim == 0)
        cr_skip_test("needs membarrier");
    cr_assert(eq(u64, ledger.destructs, 40));
    worker_end(&worker);
    objpool_destroy(pool);
}

/* Fails when destroy leaves out a thread's cache: of one that sleeps, and of one that is gone. */
Test(objpool_threads, destroy_destructs_what_lies_in_every_thread_s_cache)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);
    struct worker sleeper, gone;

    worker_start(&sleeper);
    worker_start(&gone);
    worker_do(&sleeper, take_and_put, pool);
    worker_do(&gone, take_and_put, pool);
    worker_end(&gone);
    take_and_put(pool);
    uint64_t constructed = ledger.constructs;
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, constructed));
    cr_assert(eq(u64, ledger.faults, 0));
    worker_end(&sleeper);
}

static _Atomic uint64_t released;

static void count_release(void *buffer, void *arg)
{
    (void)buffer;
    (void)arg;
    atomic_fetch_add(&released, 1);
}

static void get_and_put_buffers(void *arg)
{
    void *buffers[40];
    get_many(arg, 512, buffers, 40);
    put_many(arg, buffers, 40);
}

/* Fails when destroy relies on collections, which do not reach other threads' caches here. */
Test(objpool_threads, destroy_releases_what_a_sleeper_has_in_a_cooperative_pool)
{
    bufpool_config_t config = still_config();
    bufpool_t *pool = NULL;
    struct worker worker;

    config.flags = BUFPOOL_COOPERATIVE;
    MUST(bufpool_create_keeping(&pool, &config, count_release, NULL) == 0);
    worker_start(&worker);
    worker_do(&worker, get_and_put_buffers, pool);
    bufpool_destroy(pool);
    cr_assert(eq(u64, atomic_load(&released), 40));
    worker_end(&worker);
}
