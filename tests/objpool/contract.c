/*
 * The rest of objpool.h: limits, failures, who destructs and when.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "accounts.h"
#include "ledger.h"
#include "misuse.h"
#include "pools.h"
#include "process.h"

enum { COUNT = 100 };

static void *objects[COUNT];

/* Fails when a bad configuration is taken, or leaves something behind. */
Test(objpool_contract, create_refuses_what_its_contract_refuses)
{
    struct ledger ledger = {0};
    objpool_config_t good = ledger_config(&ledger);
    objpool_t *untouched = (objpool_t *)&good;
    objpool_t *pool = untouched;
    objpool_config_t bad[6];

    for (size_t i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].object_size = 0;
    bad[1].object_size = ((size_t)1 << 30) + 1;
    bad[2].struct_size = sizeof good - 1;
    bad[3].debug = "nonsense";
    bad[4].min_idle = 2, bad[4].max_idle = 1;
    bad[5].min_idle = 2, bad[5].max_objects = 1;
    for (size_t i = 0; i < 6; i++) {
        cr_assert(eq(int, objpool_create(&pool, &bad[i]), -EINVAL), "%zu", i);
        cr_assert(eq(ptr, pool, untouched));
    }
    cr_assert(eq(int, objpool_create(&pool, NULL), -EINVAL));
    cr_assert(eq(int, objpool_create(NULL, &good), -EINVAL));
    objpool_destroy(NULL);
}

/* Fails when what objects count for differs from what buffers count for: limits would be off by some. */
Test(objpool_contract, limits_are_exact_in_objects_of_any_size)
{
    static const size_t sizes[] = {1, 64, 65, 512, 4096, 16383, 16384, 16385, 16576, 70000, 1 << 20};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        objpool_config_t config = OBJPOOL_CONFIG_INIT;
        config.object_size = sizes[i];
        config.max_objects = 7;
        config.collect_interval_ms = 0;
        objpool_t *pool = objects_from(&config);
        void *seven[7];
        for (size_t j = 0; j < 7; j++) {
            MUST((seven[j] = objpool_get(pool)) != NULL);
            memset(seven[j], 1, sizes[i]);
        }
        errno = 0;
        cr_assert(objpool_get(pool) == NULL);
        cr_assert(eq(int, errno, ENOMEM));
        cr_assert(eq(u64, objects_of(pool).in_use, 7));
        for (size_t j = 0; j < 7; j++)
            objpool_put(pool, seven[j]);
        cr_assert(eq(u64, objects_of(pool).in_use, 0));
        cr_assert(eq(u64, objects_of(pool).idle, 7));
        objpool_destroy(pool);
    }
}

/* Fails when put keeps more than it may, destructs one that it keeps, or destructs another than the refused.
 */
Test(objpool_contract, put_over_max_idle_destructs_the_refused_object_alone)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    config.max_idle = 10;
    objpool_t *pool = objects_from(&config);

    get_all(pool, objects, COUNT);
    for (int i = 0; i < COUNT; i++) {
        uint64_t before = ledger.destructs;
        bool kept = objpool_put(pool, objects[i]);
        cr_assert(eq(u64, ledger.destructs - before, kept ? 0 : 1), "%d", i);
    }
    cr_assert(eq(u64, ledger.destructs, COUNT - 10));
    cr_assert(eq(u64, objects_of(pool).idle, 10));
    cr_assert(eq(u64, ledger.faults, 0));
    assert_accounts(objpool_buffers(pool));
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, COUNT));
}

/* Fails when a failing construct leaks the memory, is destructed later, or hides its errno. */
Test(objpool_contract, a_failing_construct_costs_nothing)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    config.max_objects = 4;
    objpool_t *pool = objects_from(&config);

    atomic_store(&ledger.refuses, true);
    for (int i = 0; i < 1000; i++) { /* far more than max_objects */
        errno = 0;
        cr_assert(objpool_get(pool) == NULL);
        cr_assert(eq(int, errno, EMFILE));
    }
    atomic_store(&ledger.refuses, false);
    objpool_stats_t stats = objects_of(pool);
    cr_assert(eq(u64, stats.construct_failures, 1000));
    cr_assert(eq(u64, stats.constructs, 0));
    cr_assert(eq(u64, stats.in_use, 0));
    cr_assert(eq(u64, stats.idle, 0));
    assert_accounts(objpool_buffers(pool));
    void *four[4];
    for (int i = 0; i < 4; i++)
        MUST((four[i] = objpool_get(pool)) != NULL);
    for (int i = 0; i < 4; i++)
        objpool_put(pool, four[i]);
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, 4));
    cr_assert(eq(u64, ledger.faults, 0));
}

/* Fails when a discarded object comes back, or is not destructed at once. */
Test(objpool_contract, a_discarded_object_is_destructed_now)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);

    objpool_discard(pool, objpool_get(pool));
    cr_assert(eq(u64, ledger.destructs, 1));
    cr_assert(objpool_try_get(pool) == NULL);
    objpool_discard(pool, NULL);
    cr_assert(eq(u64, ledger.destructs, 1));
    assert_accounts(objpool_buffers(pool));
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, 1));
}

/* Fails when a trim leaves idle objects, or destructs one twice together with what a collection did. */
Test(objpool_contract, a_trim_destructs_everything_idle_now)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    config.min_idle = 20;
    objpool_t *pool = objects_from(&config);

    get_all(pool, objects, COUNT);
    put_all(pool, objects, COUNT);
    bufpool_collect(objpool_buffers(pool));
    for (int i = 0; i < 30; i++)
        MUST((objects[i] = objpool_get(pool)) != NULL);
    bufpool_trim(objpool_buffers(pool));
    cr_assert(eq(u64, ledger.destructs, COUNT - 30));
    cr_assert(eq(u64, objects_of(pool).idle, 0));
    for (int i = 0; i < 30; i++)
        objpool_put(pool, objects[i]);
    assert_accounts(objpool_buffers(pool));
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, COUNT));
    cr_assert(eq(u64, ledger.faults, 0));
}

/* Fails when collections go below the minimum, or never down to it. */
Test(objpool_contract, min_idle_objects_stay_constructed_through_any_number_of_collections)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    config.object_size = 4096;
    config.min_idle = 62; /* magazines stay or go whole, of up to 62 objects */
    objpool_t *pool = objects_from(&config);

    get_all(pool, objects, COUNT);
    put_all(pool, objects, COUNT);
    for (int i = 0; i < 10; i++)
        bufpool_collect(objpool_buffers(pool));
    objpool_stats_t stats = objects_of(pool);
    cr_assert(ge(u64, stats.idle, 62));
    cr_assert(lt(u64, stats.idle, COUNT));
    cr_assert(eq(u64, ledger.destructs, COUNT - stats.idle));
    for (uint64_t i = 0; i < stats.idle; i++) {
        MUST((objects[i] = objpool_try_get(pool)) != NULL);
        cr_assert(thing_is_whole(objects[i]));
    }
    for (uint64_t i = 0; i < stats.idle; i++)
        objpool_put(pool, objects[i]);
    assert_accounts(objpool_buffers(pool));
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, COUNT));
    cr_assert(eq(u64, ledger.faults, 0));
}

/* Fails when max_objects is reached by idle ones that nobody can get: those of another size do not exist, but
 * cold ones and those that this thread's limits keep away from others do. */
Test(objpool_contract, idle_objects_never_stand_in_the_way_of_a_get)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    config.max_objects = COUNT;
    objpool_t *pool = objects_from(&config);

    for (int round = 0; round < 3; round++) {
        get_all(pool, objects, COUNT);
        put_all(pool, objects, COUNT);
        bufpool_collect(objpool_buffers(pool));
        if (round == 1)
            collect_twice(pool);
    }
    get_all(pool, objects, COUNT);
    cr_assert(objpool_get(pool) == NULL);
    put_all(pool, objects, COUNT);
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.constructs, ledger.destructs));
    cr_assert(eq(u64, ledger.faults, 0));
}

/* ------------------------------------------------------------ destructors that use pools */

static struct {
    objpool_t *pool;
    uint64_t hits; /* private ones, while a destructor ran */
} inner;

static void destruct_that_gets(void *object, void *arg)
{
    (void)object;
    (void)arg;
    uint64_t before = stats_of(objpool_buffers(inner.pool)).hits_private;
    void *other = objpool_get(inner.pool);
    if (other != NULL)
        objpool_put(inner.pool, other);
    inner.hits += stats_of(objpool_buffers(inner.pool)).hits_private - before;
}

/*
 * Fails when a destructor runs inside the critical section of a hit: there its
 * own gets would be taken for those of a signal handler, and never be hits.
 */
Test(objpool_contract, a_destructor_uses_its_own_pool_as_anybody_does)
{
    objpool_config_t config = OBJPOOL_CONFIG_INIT;
    config.object_size = 512;
    config.destruct = destruct_that_gets;
    config.max_idle = 3;
    config.collect_interval_ms = 0;
    inner.pool = objects_from(&config);

    get_all(inner.pool, objects, COUNT);
    cr_assert(eq(sz, put_all(inner.pool, objects, COUNT), 3));
    cr_assert(gt(u64, inner.hits, 90), "each refused put runs one, and finds the three that are idle");
    inner.hits = 0;
    for (int i = 0; i < 4; i++)
        bufpool_collect(objpool_buffers(inner.pool));
    bufpool_trim(objpool_buffers(inner.pool));
    assert_accounts(objpool_buffers(inner.pool));
    objpool_destroy(inner.pool);
}

/* ------------------------------------------------------------ words and children */

/* Fails when a debug word writes to idle objects, or when one that could help does not. */
Test(objpool_contract, debug_words_leave_objects_alone_and_find_faults)
{
    struct misuse_record record = {0};
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    config.debug = "state,poison,integrity,scrub,canary,cold-first,quarantine";
    objpool_t *pool = objects_from(&config);

    misuse_record(&record);
    for (int round = 0; round < 5; round++) {
        get_all(pool, objects, COUNT);
        for (int i = 0; i < COUNT; i++)
            cr_assert(thing_is_whole(objects[i]));
        put_all(pool, objects, COUNT);
        bufpool_collect(objpool_buffers(pool));
    }
    cr_assert(eq(uint, record.calls, 0));
    objpool_put(pool, objects[0]);
    cr_assert(eq(uint, record.calls, 1), "%s", record.line);
    objpool_discard(pool, objects[0]);
    cr_assert(eq(uint, record.calls, 2), "%s", record.line);
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.constructs, ledger.destructs));
    cr_assert(eq(u64, ledger.faults, 0));
}

static int child(void *arg)
{
    objpool_t *pool = arg;
    struct ledger ledger = {0};
    (void)ledger;
    if (objpool_try_get(pool) != NULL)
        return 1; /* idle in the parent: its state is the parent's */
    void *object = objpool_get(pool);
    if (object == NULL || !thing_is_whole(object) || !objpool_put(pool, object))
        return 2;
    if (!objpool_put(pool, objects[COUNT - 1])) /* got by the parent: ours to give back */
        return 3;
    objpool_stats_t before = objects_of(pool);
    objpool_destroy(pool);
    return before.idle == 2 ? 0 : 4;
}

/* Fails when a forked child gets what is idle in the parent, or cannot go on. */
Test(objpool_contract, a_forked_child_goes_on_with_objects_of_its_own)
{
    struct ledger ledger = {0};
    objpool_config_t config = ledger_config(&ledger);
    config.debug = "off";
    objpool_t *pool = objects_from(&config);

    get_all(pool, objects, COUNT);
    for (int i = 0; i < COUNT - 1; i++)
        objpool_put(pool, objects[i]);
    struct child_end end = child_run(child, pool);
    cr_assert(child_exited(&end, 0), "status %d: %s", end.status, end.errors);
    objpool_put(pool, objects[COUNT - 1]);
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.destructs, COUNT));
    cr_assert(eq(u64, ledger.faults, 0));
}
