/*
 * Memory that is slow to come. The C library's aligned_alloc is this program's own: it can be held.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "lending.h"
#include "pools.h"
#include "property.h"

static struct rig rig;
static _Atomic bool holds_next;
static sem_t is_held, may_go;

void *aligned_alloc(size_t alignment, size_t size)
{
    void *memory = NULL;

    if (atomic_exchange(&holds_next, false)) {
        MUST(sem_post(&is_held) == 0);
        MUST(sem_wait(&may_go) == 0);
    }
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

static void *borrow_and_return(void *pool)
{
    MUST(connpool_release(pool, lease_from(pool)));
    return NULL;
}

/* Fails (hangs, and ctest ends it) when an acquire that needs memory asks for it with the lock held. */
static bool an_allocation_that_sleeps_stalls_nobody_else(void)
{
    connpool_config_t config = rig_config(&rig);
    connpool_t *pool = rig_start(&rig, &config);
    pthread_t thread;

    atomic_store(&holds_next, true);
    MUST(pthread_create(&thread, NULL, borrow_and_return, pool) == 0);
    MUST(sem_wait(&is_held) == 0);
    connpool_lease_t lease = lease_from(pool); /* opened */
    REQUIRE(connpool_release(pool, lease));
    REQUIRE(connpool_resize(pool, 2, 2, 0) == 0);
    lease = lease_from(pool);
    connpool_mark_unusable(pool, lease);
    REQUIRE(!connpool_release(pool, lease)); /* closed */
    MUST(sem_post(&may_go) == 0);
    MUST(pthread_join(thread, NULL) == 0);
    return rig_ends(&rig);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(an_allocation_that_sleeps_stalls_nobody_else),
    };

    MUST(sem_init(&is_held, 0, 0) == 0 && sem_init(&may_go, 0, 0) == 0);
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
