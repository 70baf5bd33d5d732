/*
 * A thread stopped for ever, anywhere, keeps nobody from going on, and keeps little to itself.
 */
#include <string.h>

#include "hold.h"
#include "ledger.h"
#include "properties.h"
#include "witness.h"
#include "worker.h"

#define LARGE (64 * KIB)
#define LARGES 160u /* 10 MiB */
#define ASLEEP 20u  /* in the private cache of a thread that sleeps */
#define SMALLS 300u /* of 4 KiB, more than a private cache holds */
#define BATCH (2 * MIB + LARGE + HEADROOM_BYTES)
#define BLOCK (2 * MIB) /* max_thread_bytes */

struct scene {
    bufpool_t *pool;
    struct worker sleeper;
    bool remote;
    void *asleep[ASLEEP];
    void *larges[LARGES];
    void *smalls[SMALLS];
};

static void sleeper_gets(void *arg)
{
    struct scene *scene = arg;
    get_many(scene->pool, LARGE, scene->asleep, ASLEEP);
}

static void sleeper_puts(void *arg)
{
    struct scene *scene = arg;

    put_many(scene->pool, scene->asleep, ASLEEP);
    if (!scene->remote) /* what lies in a private cache stays there in this mode */
        bufpool_thread_idle(scene->pool);
}

static void scene_open(struct scene *scene)
{
    bufpool_config_t config = plain_config();

    memset(scene, 0, sizeof *scene);
    config.tiers = (const size_t[]){4096, LARGE};
    config.tiers_count = 2;
    scene->pool = pool_from(&config);
    scene->remote = stats_of(scene->pool).remote_reclaim;
    worker_start(&scene->sleeper);
}

/* One whole collection, whoever may be stopped in one: the first call that finds the lock held only looks. */
static bool collect_surely(bufpool_t *pool)
{
    uint64_t before = stats_of(pool).collections;

    for (int tries = 0; tries < 4; tries++) {
        bufpool_collect(pool);
        if (stats_of(pool).collections != before)
            return true;
    }
    return broken("no collection in four calls: nobody succeeds a stopped one");
}

/* Something of everything: victims, shared, the own private cache, a sleeper's. */
static bool scene_fill(struct scene *scene)
{
    worker_do(&scene->sleeper, sleeper_gets, scene);
    get_many(scene->pool, LARGE, scene->larges, LARGES);
    get_many(scene->pool, 4096, scene->smalls, SMALLS);
    put_many(scene->pool, scene->larges, LARGES / 2);
    put_many(scene->pool, scene->smalls, SMALLS / 2);
    if (!collect_surely(scene->pool))
        return false;
    put_many(scene->pool, scene->larges + LARGES / 2, LARGES / 2);
    put_many(scene->pool, scene->smalls + SMALLS / 2, SMALLS / 2);
    worker_do(&scene->sleeper, sleeper_puts, scene);
    return true;
}

/* Get more than there is, stamp it, and check that no two are the same: what a stopped thread has is not
 * among it. */
static bool others_get(struct scene *scene, struct ledger *ledger)
{
    get_many(scene->pool, LARGE, scene->larges, LARGES);
    get_many(scene->pool, 4096, scene->smalls, SMALLS);
    for (unsigned i = 0; i < LARGES; i++) {
        if (!ledger_take(ledger, scene->larges[i], 1))
            return false;
        stamp(scene->larges[i], LARGE, i);
    }
    for (unsigned i = 0; i < SMALLS; i++) {
        if (!ledger_take(ledger, scene->smalls[i], 1))
            return false;
        stamp(scene->smalls[i], 4096, i);
    }
    return true;
}

static bool others_put(struct scene *scene, struct ledger *ledger)
{
    for (unsigned i = 0; i < LARGES; i++)
        if (!is_stamped(scene->larges[i], LARGE, i) || !ledger_give(ledger, scene->larges[i], 1))
            return broken("a buffer in use lost a page to a thread that was stopped before");
    for (unsigned i = 0; i < SMALLS; i++)
        if (!is_stamped(scene->smalls[i], 4096, i) || !ledger_give(ledger, scene->smalls[i], 1))
            return broken("a buffer in use lost a page to a thread that was stopped before");
    put_many(scene->pool, scene->larges, LARGES);
    put_many(scene->pool, scene->smalls, SMALLS);
    return true;
}

static bool scene_close(struct scene *scene)
{
    worker_end(&scene->sleeper);
    hook_on_point(NULL);
    for (int i = 0; i < 3; i++)
        bufpool_collect(scene->pool);
    REQUIRE(stats_of(scene->pool).committed_bytes == 0);
    return ends_well(scene->pool);
}

static void collect_job(void *arg)
{
    struct scene *scene = arg;

    for (int i = 0; i < 4; i++)
        bufpool_collect(scene->pool);
}

/* Everything idle is home but what stopped threads may have in hand, and that counts as cold. */
static bool all_but_home(struct scene *scene, uint64_t bound)
{
    for (int i = 0; i < 3; i++)
        if (!collect_surely(scene->pool))
            return false;
    bufpool_stats_t stats = stats_of(scene->pool);
    REQUIRE(stats.private_bytes + stats.shared_bytes + stats.victim_bytes == 0);
    if (stats.cold_bytes > bound)
        return broken("%zu bytes wait for stopped threads, more than %zu", (size_t)stats.cold_bytes,
                      (size_t)bound);
    return true;
}

static const enum hook_point collection_points[] = {
    HOOK_COLLECT_LOCKED,  HOOK_COLLECT_IN_HAND, HOOK_COLLECT_SWAPPED, HOOK_COLLECT_FENCED,
    HOOK_COLLECT_CLAIMED, HOOK_PURGE_CLAIMED,   HOOK_PURGE_RELEASED};
#define POINTS (sizeof collection_points / sizeof collection_points[0])

static bool is_remote_only(enum hook_point point)
{
    return point == HOOK_COLLECT_SWAPPED || point == HOOK_COLLECT_FENCED || point == HOOK_COLLECT_CLAIMED;
}

static bool succeed_at(enum hook_point point, unsigned skip)
{
    struct scene scene;
    struct held collector = {.point = point, .skip = skip, .job = collect_job, .arg = &scene};
    struct ledger *ledger = ledger_new(4096);

    scene_open(&scene);
    if (is_remote_only(point) && !scene.remote) {
        worker_end(&scene.sleeper);
        bufpool_destroy(scene.pool);
        return true;
    }
    REQUIRE(scene_fill(&scene));
    if (!held_start(&collector))
        return broken("no collection came to point %d", (int)point);
    REQUIRE(all_but_home(&scene, BATCH + BLOCK));

    /* Once more with traffic; what others use stays theirs when the stopped one goes on. */
    REQUIRE(scene_fill(&scene));
    REQUIRE(all_but_home(&scene, BATCH + BLOCK));
    REQUIRE(others_get(&scene, ledger));
    held_release(&collector);
    REQUIRE(others_put(&scene, ledger));
    ledger_free(ledger);
    return scene_close(&scene);
}

/*
 * CONFORMANCE 50: a collector is stopped at each point in turn, the first time it comes there and a later
 * one. Others succeed it; at most one batch and one private cache wait for it, counted as cold; nothing is
 * lost or handed out twice, neither while it is stopped nor after it went on. Fails where the try-lock is
 * never taken over, where the whole generation is taken in hand at once, and where a late madvise hits what
 * was handed out meanwhile.
 */
bool prop_a_held_collector_is_succeeded(void)
{
    bool result = true;

    for (size_t i = 0; i < POINTS && result; i++)
        result = succeed_at(collection_points[i], 0);
    return result && succeed_at(HOOK_COLLECT_IN_HAND, 3) && succeed_at(HOOK_PURGE_CLAIMED, 1) &&
           succeed_at(HOOK_PURGE_RELEASED, 1);
}

/*
 * The same with one collector stopped at each point, all at once, each having succeeded the one before. Then
 * they go on, the first first: each finds that the world has changed under it.
 */
bool prop_collectors_held_everywhere_at_once_are_succeeded(void)
{
    struct scene scene;
    struct held collectors[POINTS];
    struct ledger *ledger = ledger_new(8192);
    unsigned stopped = 0;

    scene_open(&scene);
    for (size_t i = 0; i < POINTS; i++) {
        if (is_remote_only(collection_points[i]) && !scene.remote)
            continue;
        REQUIRE(scene_fill(&scene));
        collectors[stopped] = (struct held){.point = collection_points[i], .job = collect_job, .arg = &scene};
        if (!held_start(&collectors[stopped]))
            return broken("no collection came to point %d", (int)collection_points[i]);
        stopped++;
    }
    REQUIRE(all_but_home(&scene, stopped * BATCH + BLOCK));
    REQUIRE(scene_fill(&scene));
    REQUIRE(others_get(&scene, ledger));
    for (unsigned i = 0; i < stopped; i++)
        held_release(&collectors[i]);
    REQUIRE(others_put(&scene, ledger));
    ledger_free(ledger);
    return scene_close(&scene);
}

static void user_job(void *arg)
{
    struct scene *scene = arg;
    void *buffers[SMALLS];

    for (int i = 0; i < 3; i++) {
        get_many(scene->pool, 4096, buffers, SMALLS);
        put_many(scene->pool, buffers, SMALLS);
    }
}

/*
 * A user of the pool is stopped with a magazine popped, or about to push one: inside its block, which
 * collections then leave in limbo. Others get, put and collect. Fails where the depot is ever in the hands of
 * one thread: a lock, a list taken whole, a half-done push that pops wait for.
 */
bool prop_a_held_user_stops_nobody(void)
{
    static const enum hook_point points[] = {HOOK_DEPOT_POPPED, HOOK_DEPOT_PUSHING};

    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        struct held user = {.point = points[i], .skip = 1, .job = user_job, .arg = &scene};
        struct ledger *ledger = ledger_new(4096);

        scene_open(&scene);
        REQUIRE(scene_fill(&scene));
        if (!held_start(&user))
            return broken("no user came to point %d", (int)points[i]);
        for (int rounds = 0; rounds < 20; rounds++) {
            REQUIRE(scene_fill(&scene));
            REQUIRE(others_get(&scene, ledger));
            REQUIRE(collect_surely(scene.pool));
            REQUIRE(others_put(&scene, ledger));
        }
        held_release(&user);
        ledger_free(ledger);
        REQUIRE(scene_close(&scene));
    }
    return true;
}
