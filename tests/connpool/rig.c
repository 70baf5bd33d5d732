#include "rig.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

static int open_wire(void **resource, const connpool_target_t *target, void *arg)
{
    struct rig *rig = arg;

    atomic_fetch_add(&rig->open_calls, 1);
    atomic_store(&rig->last_timeout, target->timeout_ms);
    int error = atomic_load(&rig->fail_with);
    if (error != 0)
        return error;
    struct wire *wire = calloc(1, sizeof *wire);
    MUST(wire != NULL);
    wire->rig = rig;
    wire->number = atomic_fetch_add(&rig->opened, 1) + 1;
    wire->key_size = target->key_size;
    if (target->key_size != 0)
        memcpy(wire->key, target->key, target->key_size);
    *resource = wire;
    return 0;
}

static void close_wire(void *resource, void *arg)
{
    struct wire *wire = resource;
    struct rig *rig = arg;

    if (atomic_fetch_add(&wire->closes, 1) != 0 || wire->rig != rig)
        atomic_fetch_add(&rig->faults, 1);
    atomic_fetch_add(&rig->closed, 1);
    free(wire);
}

static bool check_wire(void *resource, void *arg)
{
    struct wire *wire = resource;
    struct rig *rig = arg;

    atomic_fetch_add(&rig->checks, 1);
    return !atomic_load(&rig->is_dead) && !atomic_load(&wire->is_dead);
}

bool rig_reset(void *resource, void *arg)
{
    struct rig *rig = arg;

    (void)resource;
    atomic_fetch_add(&rig->resets, 1);
    return !atomic_load(&rig->spoils);
}

static uint64_t rig_clock(void *arg)
{
    return atomic_load(&((struct rig *)arg)->now);
}

connpool_config_t rig_config(struct rig *rig)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;

    memset(rig, 0, sizeof *rig);
    atomic_store(&rig->now, 1000);
    config.open = open_wire;
    config.close = close_wire;
    config.check = check_wire;
    config.clock = rig_clock;
    config.arg = rig;
    config.flags = CONNPOOL_NO_KEEPER;
    return config;
}

connpool_t *rig_pool(const connpool_config_t *config)
{
    connpool_t *pool = NULL;

    MUST(connpool_create(&pool, config) == 0);
    return pool;
}

void rig_kill(connpool_lease_t lease)
{
    atomic_store(&wire_of(lease)->is_dead, true);
}

struct wire *wire_of(connpool_lease_t lease)
{
    return lease.resource;
}

void wire_own(connpool_lease_t lease)
{
    struct wire *wire = wire_of(lease);

    /* relaxed, so that it orders nothing: only the pool's own hand-over does. */
    if (atomic_fetch_add_explicit(&wire->owners, 1, memory_order_relaxed) != 0)
        atomic_fetch_add(&wire->rig->faults, 1);
    wire->written++;
}

void wire_disown(connpool_lease_t lease)
{
    struct wire *wire = wire_of(lease);

    wire->written++;
    if (atomic_fetch_sub_explicit(&wire->owners, 1, memory_order_relaxed) != 1)
        atomic_fetch_add(&wire->rig->faults, 1);
}

connpool_lease_t lease_from(connpool_t *pool)
{
    connpool_lease_t lease = {0};

    MUST(connpool_acquire(pool, 0, &lease) == 0);
    MUST(lease.ticket != 0 && lease.resource != NULL);
    return lease;
}

connpool_lease_t lease_of(connpool_t *pool, const char *key)
{
    connpool_lease_t lease = {0};

    MUST(connpool_acquire_key(pool, key, strlen(key), 0, &lease) == 0);
    return lease;
}

connpool_stats_t conn_stats(connpool_t *pool)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;

    MUST(connpool_stats(pool, &stats) == 0);
    return stats;
}

const char *books_fault(connpool_t *pool, struct rig *rig)
{
    connpool_stats_t s = conn_stats(pool);
    uint64_t closes = s.closed_idle + s.closed_old + s.closed_unusable + s.closed_reset + s.closed_check +
                      s.closed_gone + s.closed_limit + s.closed_reclaimed + s.closed_evicted + s.closed_end;

    if (s.open != s.idle + s.in_use)
        return "open is not idle and in use";
    if (s.opens - s.open != closes)
        return "the closes are not opens - open";
    if (s.opens != atomic_load(&rig->opened) || closes != atomic_load(&rig->closed))
        return "opens or closes are not those that were made";
    if (s.hits > s.acquires)
        return "more hits than acquires";
    return atomic_load(&rig->faults) == 0 ? NULL : "a connection had two owners, or was closed twice";
}

const char *end_fault(connpool_t *pool, struct rig *rig)
{
    const char *fault = books_fault(pool, rig);

    connpool_destroy(pool);
    if (fault == NULL && atomic_load(&rig->closed) != atomic_load(&rig->opened))
        fault = "destroy has not closed what was open";
    return fault;
}

/* ------------------------------------------------------------ those who wait */

static void *borrow(void *arg)
{
    struct borrower *me = arg;

    me->error = me->key == NULL
                    ? connpool_acquire(me->pool, me->timeout_ms, &me->lease)
                    : connpool_acquire_key(me->pool, me->key, strlen(me->key), me->timeout_ms, &me->lease);
    atomic_store(&me->is_back, true);
    return NULL;
}

void await_waiters(connpool_t *pool, uint64_t count)
{
    while (conn_stats(pool).waiters != count)
        sched_yield();
}

void borrower_start(struct borrower *borrower, connpool_t *pool, const char *key, uint32_t timeout_ms)
{
    uint64_t before = conn_stats(pool).waiters;

    *borrower = (struct borrower){.pool = pool, .key = key, .timeout_ms = timeout_ms, .error = 1};
    MUST(pthread_create(&borrower->thread, NULL, borrow, borrower) == 0);
    await_waiters(pool, before + 1);
}

int borrower_end(struct borrower *borrower)
{
    MUST(pthread_join(borrower->thread, NULL) == 0);
    return borrower->error;
}
