/*
 * What Go's sync.Pool promises, named after its own tests.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "accounts.h"
#include "ledger.h"
#include "pools.h"

enum { COUNT = 100 };

static void *objects[COUNT];

/* Fails when what was put last is not what comes first, or when it survives two collections. */
Test(objpool_syncpool, TestPool_what_was_put_comes_back_until_two_collections_have_run)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);

    cr_assert(objpool_try_get(pool) == NULL);
    void *a = objpool_get(pool);
    void *b = objpool_get(pool);
    objpool_put(pool, a);
    objpool_put(pool, b);
    cr_assert(eq(ptr, objpool_try_get(pool), b));
    cr_assert(eq(ptr, objpool_try_get(pool), a));
    cr_assert(objpool_try_get(pool) == NULL);

    objpool_put(pool, a);
    objpool_put(pool, b);
    bufpool_collect(objpool_buffers(pool));
    void *c = objpool_try_get(pool);
    cr_assert(c != NULL, "one collection leaves objects as victims");
    cr_assert(eq(u64, ledger.destructs, 0));
    objpool_put(pool, c);
    collect_twice(pool);
    cr_assert(objpool_try_get(pool) == NULL);
    cr_assert(eq(u64, ledger.destructs, 2));
    cr_assert(eq(u64, ledger.faults, 0));
    objpool_destroy(pool);
}

/* Fails when construct runs for an idle object, or does not for a missing one. */
Test(objpool_syncpool, TestPoolNew_construct_runs_once_a_miss_and_only_then)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);

    for (uint64_t round = 1; round <= 3; round++) {
        get_all(pool, objects, COUNT);
        cr_assert(eq(u64, ledger.constructs, COUNT * round));
        cr_assert(eq(sz, put_all(pool, objects, COUNT), COUNT));
        get_all(pool, objects, COUNT);
        cr_assert(eq(u64, ledger.constructs, COUNT * round), "all were idle");
        cr_assert(eq(sz, put_all(pool, objects, COUNT), COUNT));
        collect_twice(pool);
        cr_assert(eq(u64, ledger.destructs, COUNT * round));
        objpool_stats_t stats = objects_of(pool);
        cr_assert(eq(u64, stats.constructs, ledger.constructs));
        cr_assert(eq(u64, stats.destructs, ledger.destructs));
        bufpool_stats_t buffers = stats_of(objpool_buffers(pool));
        cr_assert(eq(u64, buffers.carves + buffers.hits_cold, ledger.constructs), "a miss is a bare buffer");
    }
    cr_assert(eq(u64, ledger.faults, 0));
    assert_accounts(objpool_buffers(pool));
    objpool_destroy(pool);
}

/* Fails when TestPoolGC's and TestPoolRelease's finalizers would not run: all but none after two collections.
 */
Test(objpool_syncpool, TestPoolRelease_everything_idle_is_destructed_once_by_two_collections)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);

    get_all(pool, objects, COUNT);
    void *held = objects[COUNT - 1];
    for (int i = 0; i < COUNT - 1; i++)
        objpool_put(pool, objects[i]);
    for (int i = 0; i < 5; i++)
        bufpool_collect(objpool_buffers(pool));
    cr_assert(eq(u64, ledger.destructs, COUNT - 1));
    cr_assert(thing_is_whole(held), "one in use is left alone");
    objpool_stats_t stats = objects_of(pool);
    cr_assert(eq(u64, stats.in_use, 1));
    cr_assert(eq(u64, stats.idle, 0));
    objpool_put(pool, held);
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, COUNT));
    cr_assert(eq(u64, ledger.faults, 0));
}

/* Fails when a pooled object is reset, constructed again, or loses what its holder did to it. */
Test(objpool_syncpool, constructed_state_is_kept_while_an_object_is_pooled)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);

    for (int round = 0; round < 50; round++) {
        get_all(pool, objects, COUNT);
        for (int i = 0; i < COUNT; i++) {
            struct thing *thing = objects[i];
            cr_assert(thing_is_whole(thing));
            cr_assert(eq(u64, thing->uses, (uint64_t)round), "each is used once a round");
            thing_use(thing);
        }
        cr_assert(eq(sz, put_all(pool, objects, COUNT), COUNT));
        bufpool_collect(objpool_buffers(pool)); /* private, shared and victim: it is kept in all of them */
    }
    cr_assert(eq(u64, ledger.constructs, COUNT));
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, COUNT));
    cr_assert(eq(u64, ledger.faults, 0));
}

/* Fails when an object comes with the bytes of one that was let go: its pages may be as they were left. */
Test(objpool_syncpool, without_construct_a_new_object_is_zeroed)
{
    enum { SIZE = 1000 };
    objpool_config_t config = OBJPOOL_CONFIG_INIT;
    config.object_size = SIZE;
    config.collect_interval_ms = 0;
    objpool_t *pool = objects_from(&config);

    for (int round = 0; round < 4; round++) {
        get_all(pool, objects, COUNT);
        for (int i = 0; i < COUNT; i++) {
            cr_assert(is_zero(objects[i], SIZE));
            memset(objects[i], 0xff, SIZE);
        }
        /* Every second stays out meanwhile: its neighbour on the page becomes cold, and its page stays. */
        for (int i = 0; i < COUNT; i += 2)
            objpool_put(pool, objects[i]);
        collect_twice(pool);
        for (int i = 0; i < COUNT; i += 2) {
            MUST((objects[i] = objpool_get(pool)) != NULL);
            cr_assert(is_zero(objects[i], SIZE));
        }
        cr_assert(eq(sz, put_all(pool, objects, COUNT), COUNT));
        collect_twice(pool);
    }
    objpool_destroy(pool);
}

/* Fails when try_get makes an object, takes a cold one, or counts as a failure. */
Test(objpool_syncpool, try_get_gives_only_what_is_idle)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);

    cr_assert(objpool_try_get(pool) == NULL);
    get_all(pool, objects, COUNT);
    cr_assert(objpool_try_get(pool) == NULL);
    cr_assert(eq(sz, put_all(pool, objects, COUNT), COUNT));
    for (int i = 0; i < COUNT; i++)
        MUST((objects[i] = objpool_try_get(pool)) != NULL);
    cr_assert(objpool_try_get(pool) == NULL);
    cr_assert(eq(sz, put_all(pool, objects, COUNT), COUNT));
    collect_twice(pool);
    cr_assert(objpool_try_get(pool) == NULL, "a cold object has been destructed");
    cr_assert(eq(u64, ledger.constructs, COUNT));
    cr_assert(eq(u64, stats_of(objpool_buffers(pool)).failures, 0));
    assert_accounts(objpool_buffers(pool));
    objpool_destroy(pool);
}
