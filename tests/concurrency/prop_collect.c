/*
 * Collections that reach into other threads' private caches.
 */
#include <stdatomic.h>
#include <string.h>

#include "ledger.h"
#include "properties.h"
#include "team.h"
#include "witness.h"
#include "worker.h"

#define BURST_MAX 512u

/* What a worker is told: get so many, put so many. Its thread sleeps in between, outside the pool. */
struct burst {
    bufpool_t *pool;
    size_t size;
    size_t count;
    void *buffers[BURST_MAX];
};

static void burst_get(void *arg)
{
    struct burst *burst = arg;
    get_many(burst->pool, burst->size, burst->buffers, burst->count);
}

static void burst_put(void *arg)
{
    struct burst *burst = arg;
    put_many(burst->pool, burst->buffers, burst->count);
}

/*
 * CONFORMANCE 20: A put buffers and sleeps; after one collection by B, B gets all of them without a carve.
 * Fails where the collection skips private caches (they stay at A), and where what it took goes straight
 * home.
 */
bool prop_a_sleeper_s_buffers_reach_others_after_one_collection(void)
{
    static const size_t sizes[] = {512, 4096, 16 * KIB, 256 * KIB, MIB};
    struct worker sleeper;
    bufpool_t *pool = plain_pool();
    struct burst burst = {.pool = pool};
    void *mine[BURST_MAX];

    if (!stats_of(pool).remote_reclaim) {
        bufpool_destroy(pool);
        return skipped("no membarrier here, or not to be used");
    }
    worker_start(&sleeper);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t tier = tier_of(pool, sizes[i]);

        burst.size = sizes[i];
        burst.count = i == 4 ? 3 : 40;
        worker_do(&sleeper, burst_get, &burst);
        worker_do(&sleeper, burst_put, &burst);
        REQUIRE(tier_stats_of(pool, tier).private_bytes > 0);

        bufpool_collect(pool);
        REQUIRE(tier_stats_of(pool, tier).private_bytes == 0);
        uint64_t carves = stats_of(pool).carves;
        get_many(pool, sizes[i], mine, burst.count);
        REQUIRE(stats_of(pool).carves == carves);
        for (size_t j = 0; j < burst.count; j++)
            REQUIRE(is_among(burst.buffers[j], mine, burst.count));
        put_many(pool, mine, burst.count);
    }
    worker_end(&sleeper);
    return ends_well(pool);
}

/*
 * CONFORMANCE 47: everything idle lies in tier A, in the private caches of threads that sleep, and max_bytes
 * is reached. A get of tier B must get it home (emergency trim) instead of failing.
 */
bool prop_a_get_finds_room_that_sleepers_hold_in_another_tier(void)
{
    struct worker sleepers[4];
    struct burst bursts[4];
    bufpool_config_t config = plain_config();

    config.tiers = (const size_t[]){4096, 64 * KIB};
    config.tiers_count = 2;
    config.max_bytes = 4 * 16 * (size_t)4096;
    bufpool_t *pool = pool_from(&config);
    if (!stats_of(pool).remote_reclaim) {
        bufpool_destroy(pool);
        return skipped("no membarrier here, or not to be used");
    }
    for (int i = 0; i < 4; i++) {
        bursts[i] = (struct burst){.pool = pool, .size = 4096, .count = 16};
        worker_start(&sleepers[i]);
        worker_do(&sleepers[i], burst_get, &bursts[i]);
    }
    for (int i = 0; i < 4; i++)
        worker_do(&sleepers[i], burst_put, &bursts[i]);
    bufpool_stats_t full = stats_of(pool);
    REQUIRE(full.committed_bytes == config.max_bytes && full.private_bytes > config.max_bytes - 64 * KIB);

    void *buffer = bufpool_get(pool, 64 * KIB);
    REQUIRE(buffer != NULL);
    stamp(buffer, 64 * KIB, 1);
    REQUIRE(stats_of(pool).failures == 0);
    bufpool_put(pool, buffer);
    for (int i = 0; i < 4; i++)
        worker_end(&sleepers[i]);
    return ends_well(pool);
}

/* Of 1,000 gets of a thread that gets and puts all the time: those that its private cache did not serve. */
static uint64_t misses_after_one_collection(bufpool_t *pool, size_t cached)
{
    static void *others[32000];
    struct worker runner;
    struct burst warm = {.pool = pool, .size = 4096, .count = 4};
    struct burst pair = {.pool = pool, .size = 4096, .count = 1};

    worker_start(&runner);
    worker_do(&runner, burst_get, &warm);
    worker_do(&runner, burst_put, &warm);
    get_many(pool, 4096, others, cached);
    put_many(pool, others, cached);
    bufpool_collect(pool);

    bufpool_stats_t before = stats_of(pool);
    for (int i = 0; i < 1000; i++) {
        worker_do(&runner, burst_get, &pair);
        worker_do(&runner, burst_put, &pair);
    }
    bufpool_stats_t after = stats_of(pool);
    worker_end(&runner);
    return (after.gets - before.gets) - (after.hits_private - before.hits_private);
}

/*
 * CONFORMANCE 33: what one collection costs a running thread is bounded and does not grow with what is
 * cached: at most a few gets on the slow path, as many with 200 idle buffers as with 20,000. Fails where a
 * collection has the threads do its work, a bit at each of their next calls.
 */
bool prop_a_collection_costs_a_running_thread_few_misses(void)
{
    bufpool_t *little = plain_pool();
    bufpool_t *much = plain_pool();
    uint64_t misses = misses_after_one_collection(little, 200);

    REQUIRE(misses <= 4);
    REQUIRE(misses_after_one_collection(much, 20000) == misses);
    return ends_well(little) && ends_well(much);
}

struct traffic {
    bufpool_t *pool;
    struct ledger *ledger;
    unsigned collectors; /* the first members collect, the others get and put */
    size_t rounds;
    _Atomic unsigned running;
};

static bool collect_while_others_run(struct traffic *traffic, unsigned number)
{
    while (atomic_load_explicit(&traffic->running, memory_order_relaxed) > 0) {
        if (number % 2 == 0)
            bufpool_collect(traffic->pool);
        else
            bufpool_trim(traffic->pool);
    }
    return true;
}

/* Hold up to 40 buffers of a size, stamped in every page, some longer than others. */
static bool hold_and_put(struct traffic *traffic, unsigned number)
{
    void *held[40] = {0};
    uint64_t values[40];
    size_t capacities[40];
    uint64_t random = number + 1;
    bool result = true;

    for (size_t i = 0; i < traffic->rounds + 40 && result; i++) {
        size_t slot = i < traffic->rounds ? random_next(&random) % 40 : i - traffic->rounds;

        if (held[slot] != NULL) {
            if (!is_stamped(held[slot], capacities[slot], values[slot]))
                result = broken("buffer %p lost a page while in use", held[slot]);
            result = ledger_give(traffic->ledger, held[slot], number + 1) && result;
            bufpool_put(traffic->pool, held[slot]);
            held[slot] = NULL;
        } else if (i < traffic->rounds) {
            held[slot] = bufpool_get(traffic->pool, random_size(&random, 64 * KIB));
            REQUIRE(held[slot] != NULL);
            result = ledger_take(traffic->ledger, held[slot], number + 1);
            capacities[slot] = bufpool_capacity(traffic->pool, held[slot]);
            values[slot] = random_next(&random);
            stamp(held[slot], capacities[slot], values[slot]);
        }
    }
    return result;
}

static bool traffic_member(unsigned number, void *shared)
{
    struct traffic *traffic = shared;

    if (number < traffic->collectors)
        return collect_while_others_run(traffic, number);
    bool result = hold_and_put(traffic, number);
    atomic_fetch_sub_explicit(&traffic->running, 1, memory_order_relaxed);
    return result;
}

static bool traffic_runs(struct traffic *traffic)
{
    const unsigned users = 4;

    traffic->ledger = ledger_new(1 << 16);
    traffic->running = users;
    REQUIRE(team_run(traffic->collectors + users, traffic_member, traffic));
    REQUIRE(ledger_owned(traffic->ledger) == 0);
    ledger_free(traffic->ledger);
    return true;
}

/*
 * CONFORMANCE 30: cycles on several threads at once lose nothing and drop nothing twice. They succeed each
 * other all the time, taken for dead when they were only slow: a claim of a block that was swapped out behind
 * one's own membarrier, a block that is emptied twice or forgotten, a batch purged twice all show.
 * (tests/model says which.)
 */
bool prop_collections_at_once_lose_nothing(void)
{
    bufpool_config_t config = plain_config();
    struct traffic traffic = {.collectors = 4, .rounds = SCALED(5000000)};

    config.max_size = 64 * KIB;
    traffic.pool = pool_from(&config);
    REQUIRE(traffic_runs(&traffic));
    REQUIRE(stats_of(traffic.pool).collections > 0);
    return ends_well(traffic.pool);
}

/*
 * The background collector at its fastest, one collection a millisecond, under traffic. Fails as above, and
 * where the collector is not a thread like any other (its own record, its own stack of victims). No verdict
 * by time: it runs along for as long as the traffic lasts.
 */
bool prop_the_background_collector_disturbs_nobody(void)
{
    bufpool_config_t config = plain_config();
    struct traffic traffic = {.rounds = SCALED(5000000)};

    config.collect_interval_ms = 1;
    traffic.pool = pool_from(&config);
    REQUIRE(traffic_runs(&traffic));
    bufpool_destroy(traffic.pool); /* the collector may be at it just now */
    return true;
}
