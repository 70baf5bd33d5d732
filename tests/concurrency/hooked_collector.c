/*
 * When the background collector sleeps, and what wakes it, by a clock of the test's own.
 */
#include "clock.h"
#include "properties.h"
#include "witness.h"
#include "worker.h"

#define INTERVAL_MS 1000u

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
    clock_begin(NULL);
    worker_start(&other);
    for (int i = 0; i < 5 && result; i++)
        result = single_put_goes_home(&single, &other);
    worker_end(&other);
    result = result && ends_well(single.pool);
    clock_end();
    return result;
}

static struct single late; /* put by the collector's thread, once, when it is about to park */

static void put_as_it_parks(enum hook_point point)
{
    if (point == HOOK_COLLECTOR_PARKS && late.buffer != NULL) {
        bufpool_put(late.pool, late.buffer);
        late.buffer = NULL;
    }
}

/*
 * A put that comes between the last collection, which found nothing, and the collector's word that it sleeps
 * is released two intervals on. Fails where the collector does not look once more after it has said so: the
 * put saw a collector awake and told nobody.
 */
bool prop_a_put_while_the_collector_parks_is_heard(void)
{
    bufpool_config_t config = plain_config();

    config.collect_interval_ms = INTERVAL_MS;
    late.pool = pool_from(&config);
    if (!stats_of(late.pool).remote_reclaim) {
        bufpool_destroy(late.pool);
        return skipped("no membarrier here, or not to be used");
    }
    clock_begin(put_as_it_parks);
    void *buffer = bufpool_get(late.pool, 4096);
    REQUIRE(buffer != NULL);
    for (int i = 0; i < 3; i++)
        later(INTERVAL_MS); /* parked, with one in use */
    void *other = bufpool_get(late.pool, 512);
    REQUIRE(other != NULL && bufpool_put(late.pool, other)); /* awake again */
    late.buffer = buffer;
    for (int i = 0; i < 6; i++)
        later(INTERVAL_MS);
    REQUIRE(late.buffer == NULL);
    bufpool_stats_t stats = stats_of(late.pool);
    clock_end();
    REQUIRE(stats.in_use_bytes == 0 && stats.committed_bytes == 0);
    bufpool_destroy(late.pool); /* the collector's thread has a private cache of it */
    return true;
}
