/*
 * Where a clock of the test's own or a failing system call is needed.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "accounts.h"
#include "block.h"
#include "collector.h"
#include "hook.h"
#include "ledger.h"
#include "pools.h"
#include "process.h"
#include "until.h"

/* ------------------------------------------------------------ a destructor that blocks */

static sem_t entered, may_go_on;

static void destruct_that_blocks(void *object, void *arg)
{
    (void)object;
    (void)arg;
    sem_post(&entered);
    while (sem_wait(&may_go_on) != 0)
        continue;
}

static _Atomic uint64_t now_ms;

static uint64_t stopped_clock(void)
{
    return atomic_load(&now_ms);
}

static sem_t collected;

static void destruct_that_tells(void *object, void *arg)
{
    (void)object;
    (void)arg;
    sem_post(&collected);
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue;
}

/* Fails when both pools are collected by one thread: the second's objects would never be destructed. */
Test(objpool_hooked, a_destructor_that_blocks_stalls_no_other_pool, .timeout = 120)
{
    objpool_config_t config = OBJPOOL_CONFIG_INIT;
    sem_init(&entered, 0, 0);
    sem_init(&may_go_on, 0, 0);
    sem_init(&collected, 0, 0);
    collector_use_clock(stopped_clock);

    config.object_size = 512;
    config.destruct = destruct_that_blocks;
    objpool_t *blocking = objects_from(&config);
    config.destruct = destruct_that_tells;
    objpool_t *other = objects_from(&config);
    objpool_put(blocking, objpool_get(blocking));
    objpool_put(other, objpool_get(other));

    /* The collectors look at the clock when they are woken; how often that takes is not the point. */
    bool blocked = false, told = false;
    while (!blocked || !told) {
        atomic_fetch_add(&now_ms, 1000);
        collector_wake();
        blocked = blocked || sem_trywait(&entered) == 0;
        told = told || sem_trywait(&collected) == 0;
        sched_yield();
    }
    objpool_destroy(other);
    sem_post(&may_go_on);
    objpool_destroy(blocking);
    collector_use_clock(NULL);
}

/* Fails when a pool's own collector outlives it. */
Test(objpool_hooked, a_destroyed_pool_leaves_no_thread)
{
    objpool_config_t config = OBJPOOL_CONFIG_INIT;
    config.object_size = 512;
    config.destruct = destruct_that_tells;
    sem_init(&collected, 0, 0);

    size_t before = entry_count("/proc/self/task");
    for (int i = 0; i < 20; i++) {
        objpool_t *pool = objects_from(&config);
        objpool_put(pool, objpool_get(pool));
        cr_assert(eq(sz, entry_count("/proc/self/task"), before + 1), "its collector");
        objpool_destroy(pool);
        wait_for(&collected);
        /* A thread that was joined leaves the list when the kernel has come to it. */
        WAIT_UNTIL(entry_count("/proc/self/task") == before);
    }
}

/* ------------------------------------------------------------ no memory for magazines */

static bool books_fail(enum hook_call call)
{
    return call == HOOK_MAP;
}

static struct {
    uint64_t all, inside;
} destructed;

static void destruct_that_looks(void *object, void *arg)
{
    (void)object;
    (void)arg;
    destructed.all++;
    destructed.inside += atomic_load(&thread_table.last->key) == KEY_BUSY;
}

/*
 * Fails when what a full bin cannot hand over is destructed inside the critical
 * section of a hit, or is lost.
 */
Test(objpool_hooked, without_memory_for_magazines_puts_are_refused_outside_the_critical_section)
{
    enum { COUNT = 5000 };
    static void *objects[COUNT];
    objpool_config_t config = OBJPOOL_CONFIG_INIT;
    config.object_size = 512;
    config.destruct = destruct_that_looks;
    config.collect_interval_ms = 0;
    objpool_t *pool = objects_from(&config);

    for (int i = 0; i < COUNT; i++)
        MUST((objects[i] = objpool_get(pool)) != NULL);
    hook_on_call(books_fail);
    uint64_t refused = 0;
    for (int i = 0; i < COUNT; i++)
        refused += !objpool_put(pool, objects[i]);
    cr_assert(gt(u64, refused, COUNT / 2), "there are no magazines");
    bufpool_thread_idle(objpool_buffers(pool));
    cr_assert(eq(u64, destructed.all, refused), "what is in the bin stays there");
    cr_assert(eq(u64, objects_of(pool).idle, COUNT - refused));
    bufpool_collect(objpool_buffers(pool));
    hook_on_call(NULL);
    assert_accounts(objpool_buffers(pool));
    objpool_destroy(pool);
    cr_assert(eq(u64, destructed.all, COUNT));
    cr_assert(eq(u64, destructed.inside, 0));
}
