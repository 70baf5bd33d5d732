/*
 * fork in the middle of traffic. The child's copy is not one moment in time, so it may trust nothing but what
 * users hold.
 */
#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "properties.h"
#include "witness.h"

#define USERS 3u
#define HELD 24u   /* a user */
#define MINE 10u   /* a tier, held by the thread that forks */
#define WANTED 40u /* a tier, got by the child */
#define TIERS 4u

static_assert(USERS * HELD * sizeof(void *) <= 1024, "the notes fit a page");

static const size_t sizes[TIERS] = {512, 4096, 16 * KIB, 128 * KIB};

struct scene {
    bufpool_t *pool;
    bool has_collector;      /* then numbers are not exact in between */
    pthread_barrier_t begun; /* no thread is just starting when the first child is made: see settle_threads */
    _Atomic bool over;
    /*
     * Written down behind the get and struck out before the put: what stands here is in use. In one page,
     * which fork copies at one moment; in two, a buffer that changed hands could stand here twice.
     */
    alignas(1024) _Atomic(void *) held[USERS][HELD];
    void *mine[TIERS][MINE];
};

struct user {
    pthread_t thread;
    unsigned number;
    struct scene *scene;
};

static void *use_until_over(void *arg)
{
    struct user *user = arg;
    struct scene *scene = user->scene;
    uint64_t random = user->number + 1;

    pthread_barrier_wait(&scene->begun);
    while (!atomic_load_explicit(&scene->over, memory_order_relaxed)) {
        _Atomic(void *) *held = &scene->held[user->number][random_next(&random) % HELD];
        void *buffer = atomic_exchange_explicit(held, NULL, memory_order_relaxed);

        if (buffer != NULL) {
            bufpool_put(scene->pool, buffer);
            if (random_next(&random) % 128 == 0)
                bufpool_trim(scene->pool); /* or all would soon come from caches */
            continue;
        }
        buffer = bufpool_get(scene->pool, random_size(&random, 128 * KIB));
        MUST(buffer != NULL);
        stamp(buffer, 512, user->number);
        atomic_store_explicit(held, buffer, memory_order_relaxed);
    }
    for (unsigned i = 0; i < HELD; i++)
        bufpool_put(scene->pool, atomic_load_explicit(&scene->held[user->number][i], memory_order_relaxed));
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (void *const *)a;
    uintptr_t right = (uintptr_t) * (void *const *)b;
    return (left > right) - (left < right);
}

/* All of them different? Sorts. */
static bool are_distinct(void **buffers, size_t count)
{
    qsort(buffers, count, sizeof *buffers, by_address);
    for (size_t i = 1; i < count; i++)
        if (buffers[i] == buffers[i - 1])
            return false;
    return true;
}

/* The child's life; 0, or what went wrong. Only this thread is left. */
static int child_lives(struct scene *scene)
{
    void *all[TIERS * (WANTED + MINE) + USERS * HELD];
    void **got = all;
    size_t count = TIERS * WANTED;
    size_t everything = count;
    bufpool_stats_t fresh = stats_of(scene->pool);

    if (fresh.gets + fresh.puts + fresh.committed_bytes + fresh.threads != 0)
        return 1;
    for (unsigned tier = 0; tier < TIERS; tier++) {
        for (unsigned i = 0; i < WANTED; i++) {
            void *buffer = bufpool_get(scene->pool, sizes[tier]);
            if (buffer == NULL)
                return 2;
            stamp(buffer, sizes[tier], i);
            all[tier * WANTED + i] = buffer;
        }
    }

    /* What the parent's users held at the fork is none of it. */
    for (unsigned user = 0; user < USERS; user++)
        for (unsigned i = 0; i < HELD; i++)
            if ((all[everything] = scene->held[user][i]) != NULL)
                everything++;
    for (unsigned tier = 0; tier < TIERS; tier++)
        for (unsigned i = 0; i < MINE; i++)
            all[everything++] = scene->mine[tier][i];
    void *sorted[sizeof all / sizeof all[0]];
    memcpy(sorted, all, everything * sizeof *all);
    if (!are_distinct(sorted, everything))
        return 3;

    /* Ours hold what they held; put, they join the accounts and may be handed out again, each once. */
    bufpool_stats_t stats = stats_of(scene->pool);
    if (!scene->has_collector && (stats.gets != count || stats.puts != 0))
        return 4;
    for (unsigned tier = 0; tier < TIERS; tier++)
        for (unsigned i = 0; i < MINE; i++)
            if (!is_stamped(scene->mine[tier][i], sizes[tier], tier * MINE + i))
                return 5;
    for (size_t i = count; i < everything; i++)
        if (!bufpool_put(scene->pool, all[i]))
            return 6;
    for (unsigned tier = 0; tier < TIERS; tier++)
        for (unsigned i = 0; i < MINE; i++)
            if ((all[count++] = bufpool_get(scene->pool, sizes[tier])) == NULL)
                return 7;
    memcpy(sorted, all, count * sizeof *all);
    if (!are_distinct(sorted, count))
        return 8;
    if (bufpool_put_batch(scene->pool, got, count) != count)
        return 9;
    bufpool_collect(scene->pool);
    return scene->has_collector || stats_of(scene->pool).in_use_bytes == 0 ? 0 : 10;
}

static bool fork_once(struct scene *scene)
{
    int status;
    pid_t child = fork();

    MUST(child >= 0);
    if (child == 0)
        _exit(child_lives(scene));
    MUST(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        return broken("the child was killed by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return broken("the child found fault %d (see child_lives)", WEXITSTATUS(status));
    return true;
}

static bool forks_in_traffic(bufpool_config_t config, unsigned forks)
{
    static struct scene scene;
    struct user users[USERS];
    bool result = true;

    memset(&scene, 0, sizeof scene);
    config.max_size = 128 * KIB;
    scene.has_collector = config.collect_interval_ms != 0;
    scene.pool = pool_from(&config);
    for (unsigned tier = 0; tier < TIERS; tier++) {
        get_many(scene.pool, sizes[tier], scene.mine[tier], MINE);
        for (unsigned i = 0; i < MINE; i++)
            stamp(scene.mine[tier][i], sizes[tier], tier * MINE + i);
    }
    settle_threads(); /* the collector too has begun, by the gets above */
    MUST(pthread_barrier_init(&scene.begun, NULL, USERS + 1) == 0);
    for (unsigned i = 0; i < USERS; i++) {
        users[i] = (struct user){.number = i, .scene = &scene};
        MUST(pthread_create(&users[i].thread, NULL, use_until_over, &users[i]) == 0);
    }
    pthread_barrier_wait(&scene.begun);
    for (unsigned i = 0; i < forks && result; i++)
        result = fork_once(&scene);

    atomic_store_explicit(&scene.over, true, memory_order_relaxed);
    for (unsigned i = 0; i < USERS; i++)
        MUST(pthread_join(users[i].thread, NULL) == 0);
    pthread_barrier_destroy(&scene.begun);
    for (unsigned tier = 0; tier < TIERS; tier++)
        put_many(scene.pool, scene.mine[tier], MINE);
    if (scene.has_collector) {
        bufpool_destroy(scene.pool);
        return result;
    }
    return result && ends_well(scene.pool);
}

/*
 * CONFORMANCE 37: fork in the middle of traffic, 1,000 times. Fails where the child uses a free list of the
 * parent's (a buffer that a user of the parent holds is in it, because the copy of the list is older than
 * that of the user's notes), where it waits for a lock or a collector that only the parent has, and where the
 * parent is harmed.
 */
bool prop_a_forked_child_never_sees_a_buffer_twice(void)
{
    return forks_in_traffic(plain_config(), SCALED(800));
}

/* The same with a collector in the parent, which the child must start anew. TSan allows a child no thread. */
bool prop_a_forked_child_has_a_collector_of_its_own(void)
{
    bufpool_config_t config = plain_config();

#ifdef BUILT_WITH_TSAN
    return skipped("ThreadSanitizer ends a forked child that starts a thread");
#endif
    config.collect_interval_ms = 1;
    return forks_in_traffic(config, SCALED(200));
}
