/*
 * The background collector by a clock of the test's own: no time passes but what the test says.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "collector.h"
#include "hook.h"
#include "properties.h"
#include "witness.h"
#include "worker.h"

#define INTERVAL_MS 1000u

static _Atomic uint64_t clock_now_ms = 1;

static uint64_t test_clock(void)
{
    return atomic_load(&clock_now_ms);
}

/* How often the collector has gone to sleep. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slept = PTHREAD_COND_INITIALIZER;
static unsigned sleeps;

static void count_sleeps(enum hook_point point)
{
    if (point != HOOK_COLLECTOR_WAITS)
        return;
    pthread_mutex_lock(&lock);
    sleeps++;
    pthread_cond_broadcast(&slept);
    pthread_mutex_unlock(&lock);
}

static void wake_and_wait(void)
{
    pthread_mutex_lock(&lock);
    unsigned before = sleeps;
    collector_wake();
    while (sleeps == before)
        pthread_cond_wait(&slept, &lock);
    pthread_mutex_unlock(&lock);
}

/*
 * That much later, when the collector has done what was due. Twice: the first time it may only end a round
 * that it began before; the second round is a whole one at the new time.
 */
static void later(uint64_t ms)
{
    atomic_fetch_add(&clock_now_ms, ms);
    wake_and_wait();
    wake_and_wait();
}

struct single {
    bufpool_t *pool;
    void *buffer;
};

static void put_single(void *arg)
{
    struct single *single = arg;
    bufpool_put(single->pool, single->buffer);
}

static bool single_put_goes_home(struct single *single, struct worker *by)
{
    single->buffer = bufpool_get(single->pool, 4096);
    REQUIRE(single->buffer != NULL);
    for (int i = 0; i < 3; i++)
        later(INTERVAL_MS);

    /* Parked: nothing cached, and however late it gets, no collection runs. */
    bufpool_stats_t parked = stats_of(single->pool);
    REQUIRE(parked.committed_bytes == 4096 && parked.in_use_bytes == 4096);
    for (int i = 0; i < 3; i++)
        later(UINT64_C(3600) * 1000);
    REQUIRE(stats_of(single->pool).collections == parked.collections);

    worker_do(by, put_single, single);
    later(0);
    REQUIRE(stats_of(single->pool).private_bytes == 4096);
    later(INTERVAL_MS);
    REQUIRE(stats_of(single->pool).private_bytes == 0);
    later(INTERVAL_MS);
    REQUIRE(stats_of(single->pool).committed_bytes == 0);
    return true;
}

/*
 * CONFORMANCE 31: nothing cached: the collector sleeps without a timer (an hour later it has not collected).
 * One later put into a private cache, and nothing else, is released two intervals on, each time anew. Fails
 * where the collector parks without sealing the private caches: that put is then a pure hit, and nobody hears
 * of it. Not to be had in cooperative mode, which keeps its timer.
 */
bool prop_parks_when_nothing_is_cached_and_hears_of_one_put(void)
{
    bufpool_config_t config = plain_config();
    struct worker other;
    struct single single;
    bool result = true;

    config.collect_interval_ms = INTERVAL_MS;
    single.pool = pool_from(&config);
    if (!stats_of(single.pool).remote_reclaim) {
        bufpool_destroy(single.pool);
        return skipped("no membarrier here, or not to be used");
    }
    hook_on_point(count_sleeps);
    collector_use_clock(test_clock);
    worker_start(&other);
    for (int i = 0; i < 5 && result; i++)
        result = single_put_goes_home(&single, &other);
    worker_end(&other);
    result = result && ends_well(single.pool);
    collector_use_clock(NULL);
    hook_on_point(NULL);
    return result;
}
