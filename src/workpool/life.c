/*
 * life - a pool is made, and its memory given back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "misuse.h"
#include "name.h"
#include "staff.h"
#include "version.h"
#include "work.h"

/* ------------------------------------------------------------ fork */

/* relaxed: written in a child before it has a second thread. How often this process is a child's child. */
static _Atomic unsigned forks;

static void count_fork(void)
{
    atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, count_fork);
}

bool pool_is_foreign(const struct workpool *pool)
{
    return pool->forks != atomic_load_explicit(&forks, memory_order_relaxed);
}

/* ------------------------------------------------------------ create */

static int config_check(const workpool_config_t *config)
{
    if (!version_is_known(config, config->struct_size, sizeof *config))
        return -EINVAL;
    if (config->max_workers == 0 || (unsigned)config->when_full > WORKPOOL_RUN)
        return -EINVAL;
    return limits_check(config->max_workers, config->min_workers, config->max_queue);
}

/*
 * Who finds the lock taken tries for a moment before it sleeps: it is held for less time than a sleep takes.
 * 0 or -ENOMEM.
 */
static int lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;

    int error = pthread_mutexattr_init(&attributes);
    if (error != 0)
        return -error;
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    error = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return -error;
}

static struct workpool *pool_new(const workpool_config_t *config)
{
    struct workpool *pool = aligned_alloc(alignof(struct workpool), sizeof *pool);

    if (pool == NULL)
        return NULL;
    memset(pool, 0, sizeof *pool);
    name_copy(pool->name, sizeof pool->name, config->name != NULL ? config->name : "workpool");
    pool->when_full = config->when_full;
    pool->wait_ms = config->wait_ms;
    pool->idle_timeout_ms = config->idle_timeout_ms;
    pool->dropped = config->dropped;
    pool->clock = config->clock;
    pool->arg = config->arg;
    pool->forks = atomic_load_explicit(&forks, memory_order_relaxed);
    pool->max_workers = config->max_workers;
    pool->min_workers = config->min_workers;
    pool->max_queue = config->max_queue;
    pool->jobs.capacity = jobs_capacity(config->max_queue + config->max_workers);
    pool->jobs.ring = calloc(pool->jobs.capacity, sizeof *pool->jobs.ring);
    if (pool->jobs.ring == NULL || lock_init(&pool->lock) != 0) {
        free(pool->jobs.ring);
        free(pool);
        return NULL;
    }
    return pool;
}

static void pool_free(struct workpool *pool)
{
    staff_join(pool);
    pthread_mutex_destroy(&pool->lock);
    free(pool->jobs.ring);
    free(pool);
}

int workpool_create(workpool_t **pool, const workpool_config_t *config)
{
    static pthread_once_t watch = PTHREAD_ONCE_INIT;
    static const workpool_config_t defaults = WORKPOOL_CONFIG_INIT;

    if (config == NULL)
        config = &defaults;
    if (pool == NULL || config_check(config) != 0)
        return -EINVAL;
    pthread_once(&watch, watch_forks);
    struct workpool *made = pool_new(config);
    if (made == NULL)
        return -ENOMEM;
    int error = limits_start(made);
    if (error != 0) {
        workpool_close(made, UINT32_MAX);
        pool_free(made);
    } else {
        roll_enter(&made->entry, &workpool_kind, made, made->name);
        *pool = made;
    }
    return error;
}

/* ------------------------------------------------------------ destroy */

/* What the caller was to end before; from here on nobody can. */
static void tell_what_is_out(const struct workpool *pool)
{
    char futures[48] = "", groups[48] = "";

    if (pool->futures == 0 && pool->groups == 0)
        return;
    if (pool->futures != 0)
        snprintf(futures, sizeof futures, "%zu future%s", pool->futures, pool->futures == 1 ? "" : "s");
    if (pool->groups != 0)
        snprintf(groups, sizeof groups, "%zu group%s", pool->groups, pool->groups == 1 ? "" : "s");
    fprintf(stderr, "workpool: pool '%s': destroyed with %s%s%s still out\n", pool->name, futures,
            pool->futures != 0 && pool->groups != 0 ? " and " : "", groups);
}

void workpool_destroy(workpool_t *pool)
{
    if (pool == NULL || pool_is_foreign(pool))
        return;
    if (work_is_inside(pool)) {
        misuse(pool, work_is_telling(pool) ? "workpool_destroy inside its callback dropped"
                                           : "workpool_destroy inside a job of the pool");
        return;
    }
    workpool_close(pool, UINT32_MAX);
    tell_what_is_out(pool);
    roll_leave(&pool->entry);
    pool_free(pool);
}
