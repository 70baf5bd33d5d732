#include "ledger.h"

#include <errno.h>
#include <stdatomic.h>

#include "pools.h"

#define ALIVE UINT64_C(0x9e3779b97f4a7c15)

static uint64_t check_of(const struct thing *thing)
{
    return (thing->serial * ALIVE) ^ thing->uses;
}

bool thing_is_whole(const struct thing *thing)
{
    return thing->serial != 0 && thing->check == check_of(thing);
}

void thing_use(struct thing *thing)
{
    thing->uses++;
    thing->check = check_of(thing);
}

static bool construct(void *object, void *arg)
{
    struct ledger *ledger = arg;
    struct thing *thing = object;

    if (atomic_load(&ledger->refuses)) {
        errno = EMFILE;
        return false;
    }
    if (thing_is_whole(thing))
        atomic_fetch_add(&ledger->faults, 1); /* the one before was not destructed */
    *thing = (struct thing){.serial = atomic_fetch_add(&ledger->constructs, 1) + 1};
    thing->check = check_of(thing);
    return true;
}

static void destruct(void *object, void *arg)
{
    struct ledger *ledger = arg;
    struct thing *thing = object;

    if (!thing_is_whole(thing))
        atomic_fetch_add(&ledger->faults, 1); /* twice, never made, or its pages went first */
    thing->serial = 0;
    atomic_fetch_add(&ledger->destructs, 1);
}

objpool_config_t ledger_config(struct ledger *ledger)
{
    objpool_config_t config = OBJPOOL_CONFIG_INIT;

    config.object_size = sizeof(struct thing);
    config.construct = construct;
    config.destruct = destruct;
    config.arg = ledger;
    config.collect_interval_ms = 0;
    return config;
}

objpool_t *objects_from(const objpool_config_t *config)
{
    objpool_t *pool = NULL;
    MUST(objpool_create(&pool, config) == 0);
    return pool;
}

objpool_stats_t objects_of(objpool_t *pool)
{
    objpool_stats_t stats = OBJPOOL_STATS_INIT;
    MUST(objpool_stats(pool, &stats) == 0);
    return stats;
}

void get_all(objpool_t *pool, void **objects, size_t count)
{
    for (size_t i = 0; i < count; i++)
        MUST((objects[i] = objpool_get(pool)) != NULL);
}

size_t put_all(objpool_t *pool, void **objects, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += objpool_put(pool, objects[i]);
    return kept;
}

void collect_twice(objpool_t *pool)
{
    bufpool_collect(objpool_buffers(pool));
    bufpool_collect(objpool_buffers(pool));
}
