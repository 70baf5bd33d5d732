/*
 * end - waiting for all jobs, and taking no more of them.
 */
#include <errno.h>

#include "future.h"
#include "room.h"
#include "staff.h"
#include "work.h"

/* Under the lock, given away meanwhile. */
static int wait_for_quiet(struct workpool *pool, uint32_t timeout_ms)
{
    if (pool->running == 0 && pool->jobs.queued == 0)
        return 0;
    if (timeout_ms != 0 && work_is_inside(pool))
        return -EDEADLK;
    return sleepers_sleep(pool, &pool->for_quiet, deadline_in(timeout_ms));
}

int workpool_drain(workpool_t *pool, uint32_t timeout_ms)
{
    if (pool_is_foreign(pool))
        return -ECHILD;
    if (work_is_inside(pool))
        return -EDEADLK;
    pthread_mutex_lock(&pool->lock);
    int error = wait_for_quiet(pool, timeout_ms);
    pthread_mutex_unlock(&pool->lock);
    return error;
}

/* Under the lock: nobody comes in, and whoever is idle looks what is left. */
static void shut(struct workpool *pool)
{
    pool->closed = true;
    if (pool->max_workers == 0)
        pool->max_workers = 1;
    sleepers_settle_all(&pool->for_room, -ESHUTDOWN);
    staff_call_all(pool);
}

/*
 * Under the lock, given away meanwhile: the jobs of a pool that was paused have no worker. One is started;
 * where that fails, this thread does their work.
 */
static void serve_paused(struct workpool *pool)
{
    if (pool->jobs.queued == 0 || pool->workers > 0)
        return;
    staff_reserve(pool);
    pthread_mutex_unlock(&pool->lock);
    int error = staff_start(pool);
    pthread_mutex_lock(&pool->lock);
    while (error != 0 && pool->jobs.queued > 0 && !pool->dropping) {
        struct job job = jobs_pop(&pool->jobs);
        work_here(pool, &job);
    }
}

int workpool_close(workpool_t *pool, uint32_t timeout_ms)
{
    if (pool_is_foreign(pool))
        return -ECHILD;
    pthread_mutex_lock(&pool->lock);
    shut(pool);
    serve_paused(pool);
    int error = wait_for_quiet(pool, timeout_ms);
    pthread_mutex_unlock(&pool->lock);
    return error;
}

/* Under the lock, given away meanwhile: the first job goes unrun. */
static void drop_first(struct workpool *pool)
{
    struct job job = jobs_pop(&pool->jobs);
    bool is_told = pool->dropped != NULL && (job.tally == NULL || !job.tally->is_future);

    /* Told first: a group is waited for until its last job has been told of. */
    if (is_told) {
        pool->running++;
        pthread_mutex_unlock(&pool->lock);
        work_tell(pool, &job);
        pthread_mutex_lock(&pool->lock);
        pool->running--;
    }
    pool->dropped_jobs++;
    if (job.tally != NULL)
        job.tally->dropped = true;
    struct tally *forgotten = work_end(pool, &job);
    if (forgotten != NULL) {
        pthread_mutex_unlock(&pool->lock);
        future_free(forgotten);
        pthread_mutex_lock(&pool->lock);
    }
}

int workpool_stop(workpool_t *pool, uint32_t timeout_ms, size_t *dropped)
{
    size_t count = 0;

    if (pool_is_foreign(pool))
        return -ECHILD;
    pthread_mutex_lock(&pool->lock);
    pool->dropping = true;
    shut(pool);
    /* In `dropped` the rest is for the stop around it: one in the other they would need a stack for all. */
    bool is_at_it = work_is_telling(pool);
    for (; !is_at_it && pool->jobs.queued > 0; count++)
        drop_first(pool);
    int error = wait_for_quiet(pool, timeout_ms);
    pthread_mutex_unlock(&pool->lock);
    if (dropped != NULL)
        *dropped = count;
    return error;
}
