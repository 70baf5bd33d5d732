/*
 * Threads that come and go, and what their private caches leave behind.
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "process.h"
#include "properties.h"
#include "team.h"
#include "witness.h"
#include "worker.h"

struct visit {
    bufpool_t *pool;
    pthread_barrier_t here; /* all of a wave are alive at once */
};

static bool short_life(unsigned number, void *shared)
{
    struct visit *visit = shared;
    void *buffers[20];

    get_many(visit->pool, 4096, buffers, 20);
    for (unsigned i = 0; i < 20; i++)
        stamp(buffers[i], 4096, number);
    pthread_barrier_wait(&visit->here);
    put_many(visit->pool, buffers, 20);
    return true;
}

/*
 * CONFORMANCE 35: 10,000 short threads leave what 16 leave, because no more are alive at once. Fails where a
 * record, a block or what is in it outlives its thread: `threads`, committed bytes and resident memory then
 * grow with the threads there ever were.
 */
bool prop_10000_short_threads_leave_what_16_leave(void)
{
    const unsigned wave = 16;
    struct visit visit = {.pool = plain_pool()};

    bufpool_put(visit.pool, bufpool_get(visit.pool, 4096)); /* this thread has a record, too */
    MUST(pthread_barrier_init(&visit.here, NULL, wave) == 0);
    REQUIRE(team_run(wave, short_life, &visit));
    size_t resident = status_bytes("VmRSS");
    for (unsigned threads = wave; threads < SCALED(10000); threads += wave)
        REQUIRE(team_run(wave, short_life, &visit));

    bufpool_stats_t stats = stats_of(visit.pool);
    REQUIRE(stats.threads == 1);
    /* 20 in use in each of a wave, and what is left in magazines that are being carried. */
    REQUIRE(stats.committed_bytes <= 4 * wave * 20 * (uint64_t)4096);
    REQUIRE(UNDER_SANITIZER || status_bytes("VmRSS") < resident + 2 * MIB);
    pthread_barrier_destroy(&visit.here);
    return ends_well(visit.pool);
}

struct departures {
    bufpool_t *pool;
    unsigned threads; /* that each of the parents starts, one after the other */
    _Atomic unsigned parents;
};

static void *depart(void *arg)
{
    void *buffers[5];

    get_many(arg, 4096, buffers, 5);
    put_many(arg, buffers, 5);
    return NULL;
}

static bool see_off(unsigned number, void *shared)
{
    struct departures *departures = shared;

    if (number < 2) {
        while (atomic_load(&departures->parents) > 0)
            bufpool_collect(departures->pool);
        return true;
    }
    for (unsigned i = 0; i < departures->threads; i++) {
        pthread_t thread;

        MUST(pthread_create(&thread, NULL, depart, departures->pool) == 0);
        MUST(pthread_join(thread, NULL) == 0);
    }
    atomic_fetch_sub(&departures->parents, 1);
    return true;
}

/*
 * Threads end while collections run, and their records get new threads. Fails where a collection puts a fresh
 * block into the record of a thread that has just left (a blind exchange where it should CAS), which then is
 * nobody's, and where the leaving thread and the collection both empty the block in limbo, or neither does.
 */
bool prop_threads_leave_while_collections_run(void)
{
    struct departures departures = {.pool = plain_pool(), .threads = SCALED(20000), .parents = 3};

    REQUIRE(team_run(5, see_off, &departures));
    REQUIRE(stats_of(departures.pool).threads == 0);
    return ends_well(departures.pool);
}

/* How often a destructor is called that sets its key anew. TSan's own ends the thread for it in the last
 * round. */
#ifdef BUILT_WITH_TSAN
#define DESTRUCTOR_ROUNDS (PTHREAD_DESTRUCTOR_ITERATIONS - 1)
#else
#define DESTRUCTOR_ROUNDS PTHREAD_DESTRUCTOR_ITERATIONS
#endif

struct last_will {
    bufpool_t *pool;
    pthread_key_t
        early; /* made before the library's own key where that is possible, so it is destroyed before */
    pthread_key_t late;
    _Atomic unsigned destructions;
    _Atomic unsigned faults;
};

struct bequest {
    struct last_will *will;
    pthread_key_t key;
    unsigned rounds;
    void *buffer; /* got by the thread or by the last round, put by the next */
};

/* Puts what was got before, gets anew; the last round gets and puts. Some rounds come before the cache is
 * gone. */
static void destroy_bequest(void *arg)
{
    struct bequest *bequest = arg;
    struct last_will *will = bequest->will;
    bool last = ++bequest->rounds == DESTRUCTOR_ROUNDS;

    if (!is_stamped(bequest->buffer, 4096, bequest->rounds) || !bufpool_put(will->pool, bequest->buffer))
        atomic_fetch_add(&will->faults, 1);
    bequest->buffer = bufpool_get(will->pool, 4096);
    if (bequest->buffer == NULL) {
        atomic_fetch_add(&will->faults, 1);
        return;
    }
    stamp(bequest->buffer, 4096, bequest->rounds + 1);
    atomic_fetch_add(&will->destructions, 1);
    if (last)
        bufpool_put(will->pool, bequest->buffer);
    else
        MUST(pthread_setspecific(bequest->key, bequest) == 0);
}

/* The bequests outlive the thread's stack. */
static bool die_with_a_will(unsigned number, void *shared)
{
    static struct bequest bequests[16][2];
    struct last_will *will = shared;

    for (unsigned i = 0; i < 2; i++) {
        struct bequest *bequest = &bequests[number][i];

        *bequest = (struct bequest){.will = will, .key = i == 0 ? will->early : will->late};
        bequest->buffer = bufpool_get(will->pool, 4096);
        REQUIRE(bequest->buffer != NULL);
        stamp(bequest->buffer, 4096, 1);
        MUST(pthread_setspecific(bequest->key, bequest) == 0);
    }
    return true;
}

/*
 * CONFORMANCE 36: put and get work in every round of TLS destructors, before and after the thread's cache is
 * gone, and do not bring it back. Fails where the destructor of the cache leaves a pointer behind (a put into
 * a block that is somebody else's by now), or where a late put attaches a record that nobody will ever give
 * back.
 */
bool prop_put_and_get_work_in_late_tls_destructors(void)
{
    struct last_will will = {.destructions = 0};
    const unsigned threads = 16;
    const unsigned waves = 8;

    MUST(pthread_key_create(&will.early, destroy_bequest) == 0);
    will.pool = plain_pool();
    bufpool_put(will.pool, bufpool_get(will.pool, 4096));
    MUST(pthread_key_create(&will.late, destroy_bequest) == 0);

    for (unsigned i = 0; i < waves; i++)
        REQUIRE(team_run(threads, die_with_a_will, &will));
    REQUIRE(will.faults == 0);
    REQUIRE(will.destructions == waves * threads * 2 * DESTRUCTOR_ROUNDS);
    REQUIRE(stats_of(will.pool).threads == 1);
    pthread_key_delete(will.early);
    pthread_key_delete(will.late);
    return ends_well(will.pool);
}

struct legacy {
    bufpool_t *pool;
    pthread_key_t key;
    struct worker *heir;
    void *buffers[4]; /* the heir's */
    bool untouched;   /* what the heir cached, whatever the dead thread got and put */
};

static void inherit(void *arg)
{
    struct legacy *legacy = arg;

    get_many(legacy->pool, 4096, legacy->buffers, 4);
    put_many(legacy->pool, legacy->buffers, 4);
}

/* In the last round: the cache is gone, and the heir, who has the record now, has filled its own. */
static void destroy_legacy(void *arg)
{
    static _Thread_local unsigned rounds;
    struct legacy *legacy = arg;

    if (++rounds < DESTRUCTOR_ROUNDS) {
        MUST(pthread_setspecific(legacy->key, legacy) == 0);
        return;
    }
    worker_do(legacy->heir, inherit, legacy);
    uint64_t cached = stats_of(legacy->pool).private_bytes;
    void *buffer = bufpool_get(legacy->pool, 4096);
    bool got = stats_of(legacy->pool).private_bytes == cached;
    bufpool_put(legacy->pool, buffer);
    legacy->untouched = cached == 4 * (uint64_t)4096 && got &&
                        stats_of(legacy->pool).private_bytes == cached &&
                        !is_among(buffer, legacy->buffers, 4);
}

static bool die_and_use(unsigned number, void *shared)
{
    struct legacy *legacy = shared;

    (void)number;
    bufpool_put(legacy->pool, bufpool_get(legacy->pool, 4096));
    return pthread_setspecific(legacy->key, legacy) == 0;
}

/*
 * A thread whose cache is gone gets and puts in its last TLS destructor, when its record is another thread's.
 * Fails where it still knows that record: its calls are then hits, in a cache that the other one works in.
 */
bool prop_a_thread_that_left_keeps_out_of_its_successor_s_cache(void)
{
    struct worker heir;
    struct legacy legacy = {.pool = plain_pool(), .heir = &heir};

    MUST(pthread_key_create(&legacy.key, destroy_legacy) == 0);
    worker_start(&heir);
    REQUIRE(team_run(1, die_and_use, &legacy));
    REQUIRE(legacy.untouched);
    worker_end(&heir);
    pthread_key_delete(legacy.key);
    return ends_well(legacy.pool);
}

/* What each worker does with the pool of the day. */
static void use_pool(void *arg)
{
    bufpool_t *pool = arg;
    void *buffers[50];

    get_many(pool, 4096, buffers, 50);
    for (unsigned i = 0; i < 50; i++)
        stamp(buffers[i], 4096, i);
    put_many(pool, buffers, 50);
}

/*
 * CONFORMANCE 49: threads that used a pool that was destroyed use a new one at the same number. Fails where
 * the slot in a thread's table does not tell one pool from its successor: the record is stale, and the
 * buffers in it lie in memory that is gone.
 */
bool prop_no_record_outlives_its_pool(void)
{
    struct worker workers[4];

    for (unsigned i = 0; i < 4; i++)
        worker_start(&workers[i]);
    for (unsigned round = 0; round < SCALED(2000); round++) {
        bufpool_t *pool = plain_pool();
        unsigned users = 1 + round % 4; /* some threads skip a pool */

        for (unsigned i = 0; i < users; i++)
            worker_do(&workers[i], use_pool, pool);
        bufpool_stats_t stats = stats_of(pool);
        REQUIRE(stats.threads == users);
        REQUIRE(stats.gets == users * 50 && stats.puts == users * 50 && stats.in_use_bytes == 0);
        bufpool_destroy(pool);
    }
    for (unsigned i = 0; i < 4; i++)
        worker_end(&workers[i]);
    return true;
}
