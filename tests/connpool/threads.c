/*
 * Many threads at one pool. Without Criterion, so that ThreadSanitizer sees it: what is written to a
 * connection without atomics must be ordered by acquire and release alone. Two witnesses: the owners' stamps
 * in the rig, and the books at the end.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pools.h"
#include "lending.h"

enum { THREADS = 8, ROUNDS = UNDER_SANITIZER ? 4000 : 50000 };

static const char *const keys[] = {"alpha", "beta", "gamma", "delta", "epsilon"};
enum { KEYS = sizeof keys / sizeof keys[0] };

struct crowd {
    struct rig rig;
    bool has_keys, marks, resizes, fails, holds;
    _Atomic uint64_t seeds, served, faults;
};

static void use(struct crowd *crowd, connpool_lease_t lease, const char *key, uint64_t *random)
{
    connection_own(lease);
    if (key != NULL && strcmp(connection_of(lease)->key, key) != 0)
        atomic_fetch_add(&crowd->faults, 1);
    /* Longer than a thread tries before it queues. */
    for (unsigned i = crowd->holds || random_next(random) % 64 == 0 ? 48 : 0; i > 0; i--)
        sched_yield();
    if (random_next(random) % 32 == 0 && !connpool_touch(crowd->rig.pool, lease))
        atomic_fetch_add(&crowd->faults, 1);
    if (crowd->marks && random_next(random) % 16 == 0)
        connpool_mark_unusable(crowd->rig.pool, lease);
    connection_disown(lease);
    connpool_release(crowd->rig.pool, lease);
    atomic_fetch_add(&crowd->served, 1);
}

static bool is_expected(const struct crowd *crowd, int error, uint32_t timeout)
{
    return (error == -EAGAIN && timeout == 0) || (error == -ETIMEDOUT && timeout != 0) ||
           (error == -ECONNREFUSED && crowd->fails);
}

static void step(struct crowd *crowd, uint64_t *random)
{
    static const uint32_t timeouts[] = {0, 1, FOR_EVER, FOR_EVER};
    uint32_t timeout = timeouts[random_next(random) % 4];
    const char *key = crowd->has_keys ? keys[random_next(random) % KEYS] : NULL;
    connpool_lease_t lease = {0};

    if (crowd->fails && random_next(random) % 256 == 0)
        atomic_store(&crowd->rig.refuses, random_next(random) % 2 == 0 ? -ECONNREFUSED : 0);
    if (crowd->resizes && random_next(random) % 256 == 0)
        MUST(connpool_resize(crowd->rig.pool, 1 + random_next(random) % 8, random_next(random) % 9, 0) == 0);
    int error = key == NULL ? connpool_acquire(crowd->rig.pool, timeout, &lease)
                            : connpool_acquire_key(crowd->rig.pool, key, strlen(key), timeout, &lease);
    if (error == 0)
        use(crowd, lease, key, random);
    else if (!is_expected(crowd, error, timeout))
        atomic_fetch_add(&crowd->faults, 1);
}

static void *run(void *arg)
{
    struct crowd *crowd = arg;
    uint64_t random = atomic_fetch_add(&crowd->seeds, 1) + 1;

    for (unsigned i = 0; i < (crowd->holds ? ROUNDS / 16 : ROUNDS); i++)
        step(crowd, &random);
    return NULL;
}

static bool all_run(struct crowd *crowd)
{
    pthread_t thread[THREADS];

    for (unsigned i = 0; i < THREADS; i++)
        MUST(pthread_create(&thread[i], NULL, run, crowd) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        MUST(pthread_join(thread[i], NULL) == 0);
    connpool_stats_t stats = conn_stats(crowd->rig.pool);
    const char *fault = atomic_load(&crowd->faults) != 0 ? "an error or a key that must not be"
                        : stats.waiters != 0 || stats.in_use != 0 || stats.opening != 0 ? "somebody is left"
                        : stats.acquires != atomic_load(&crowd->served) ? "acquires are not what was served"
                                                                        : NULL;
    bool ends = rig_ends(&crowd->rig);
    if (fault != NULL)
        fprintf(stderr, "%s\n", fault);
    else
        printf("  %llu leases, %llu waits, %llu opens\n", (unsigned long long)stats.acquires,
               (unsigned long long)stats.waits, (unsigned long long)stats.opens);
    return ends && fault == NULL;
}

static connpool_config_t crowd_config(struct crowd *crowd, size_t max_open)
{
    memset(crowd, 0, sizeof *crowd);
    connpool_config_t config = rig_config(&crowd->rig);
    config.clock = NULL;
    config.max_open = max_open;
    config.backoff_ms = 1;
    config.backoff_most_ms = 2;
    return config;
}

/* Fails when a lock-free hit lends one connection to two, or hands it over without its bytes. */
static bool enough_for_all_have_one_owner_each(void)
{
    static struct crowd crowd;
    connpool_config_t config = crowd_config(&crowd, THREADS);
    rig_start(&crowd.rig, &config);
    return all_run(&crowd);
}

/* Fails when a wake-up is lost (it never ends) or a connection is. */
static bool too_few_for_all_are_passed_on(void)
{
    static struct crowd crowd;
    connpool_config_t config = crowd_config(&crowd, 2);
    config.overdue_ms = 1000;
    crowd.holds = true;
    rig_start(&crowd.rig, &config);
    return all_run(&crowd);
}

/* Fails when opens, closes and failures lose room, or serve nobody. */
static bool room_is_never_lost(void)
{
    static struct crowd crowd;
    connpool_config_t config = crowd_config(&crowd, 3);
    crowd.marks = crowd.fails = true;
    rig_start(&crowd.rig, &config);
    return all_run(&crowd);
}

/* Fails when a key gets another's connection, or evictions lose one. */
static bool keys_are_kept_apart(void)
{
    static struct crowd crowd;
    connpool_config_t config = crowd_config(&crowd, 4);
    config.max_open_per_key = 2;
    config.max_idle_per_key = 1;
    crowd.has_keys = crowd.marks = true;
    rig_start(&crowd.rig, &config);
    return all_run(&crowd);
}

/* Fails when limits that change in traffic leave a connection uncounted, or somebody waiting. */
static bool limits_may_change_in_traffic(void)
{
    static struct crowd crowd;
    connpool_config_t config = crowd_config(&crowd, 4);
    config.order = CONNPOOL_RANDOM;
    config.reset = rig_reset;
    crowd.resizes = crowd.marks = true;
    rig_start(&crowd.rig, &config);
    return all_run(&crowd);
}

static struct crowd closing;

static void *until_shutdown(void *arg)
{
    uint64_t random = atomic_fetch_add(&closing.seeds, 1) + 1;
    connpool_lease_t lease;
    int error;

    (void)arg;
    while ((error = connpool_acquire(closing.rig.pool, FOR_EVER, &lease)) == 0)
        use(&closing, lease, NULL, &random);
    return error == -ESHUTDOWN ? NULL : arg;
}

/* Fails when a thread is left asleep by close, or a connection open. */
static bool close_in_traffic_ends_all(void)
{
    for (int i = 0; i < 50; i++) {
        pthread_t thread[THREADS];
        void *end;
        connpool_config_t config = crowd_config(&closing, 3);
        rig_start(&closing.rig, &config);
        for (unsigned j = 0; j < THREADS; j++)
            MUST(pthread_create(&thread[j], NULL, until_shutdown, &closing) == 0);
        while (atomic_load(&closing.served) < 100)
            sched_yield();
        if (connpool_close(closing.rig.pool, FOR_EVER) != 0)
            return false;
        for (unsigned j = 0; j < THREADS; j++)
            if (pthread_join(thread[j], &end) != 0 || end != NULL)
                return false;
        if (!rig_ends(&closing.rig))
            return false;
    }
    return true;
}

static const struct {
    const char *name;
    bool (*holds)(void);
} properties[] = {
    {"enough for all have one owner each", enough_for_all_have_one_owner_each},
    {"too few for all are passed on", too_few_for_all_are_passed_on},
    {"room is never lost", room_is_never_lost},
    {"keys are kept apart", keys_are_kept_apart},
    {"limits may change in traffic", limits_may_change_in_traffic},
    {"close in traffic ends all", close_in_traffic_ends_all},
};

int main(int argc, char **argv)
{
    unsigned failed = 0;

    alarm(550); /* a wake-up that is lost ends it all the same */
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (argc > 1 && strstr(properties[i].name, argv[1]) == NULL)
            continue;
        bool holds = properties[i].holds();
        printf("%s: %s\n", holds ? "pass" : "FAIL", properties[i].name);
        failed += !holds;
    }
    return failed != 0;
}
