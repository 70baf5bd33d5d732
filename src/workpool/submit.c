#include "submit.h"

#include <errno.h>

#include "room.h"
#include "staff.h"
#include "work.h"

struct patience submit_patience(const struct workpool *pool)
{
    /* A job that waited for room could wait for itself. */
    bool runs_it = pool->when_full == WORKPOOL_WAIT && work_is_inside(pool);
    return (struct patience){runs_it ? WORKPOOL_RUN : pool->when_full, pool->wait_ms};
}

/*
 * Under the lock, given away meanwhile: a worker that the next job cannot do without, as nobody else would
 * come for it or its place in the queue is none. 0, or the errno of the start.
 */
static int start_needed(struct workpool *pool)
{
    staff_reserve(pool);
    pthread_mutex_unlock(&pool->lock);
    int error = staff_start(pool);
    pthread_mutex_lock(&pool->lock);
    room_admit(pool);
    return error;
}

/* Under the lock, given away meanwhile: another thread's start is about to succeed or fail. */
static void await_start(struct workpool *pool)
{
    uint32_t seen = event_seen(&pool->started);
    pthread_mutex_unlock(&pool->lock);
    event_wait(&pool->started, seen, WAIT_FOREVER);
    pthread_mutex_lock(&pool->lock);
}

/* Under the lock, given away meanwhile: is there room? 0, -EAGAIN when there is none, -ESHUTDOWN; or -EAGAIN
 * in *hopeless: there is no worker, and none can be started. */
static int find_room(struct workpool *pool, bool *hopeless)
{
    int error = 0;

    for (;;) {
        bool has_workers = pool->established > 0 || pool->max_workers == 0;
        if (pool->closed)
            return -ESHUTDOWN;
        if (has_workers && room_is_left(pool) && pool->for_room.first == NULL)
            return 0;
        if (error != 0 && !has_workers)
            *hopeless = true;
        if (error != 0 || (has_workers && pool->workers >= pool->max_workers))
            return -EAGAIN;
        if (pool->starting > 0 && !has_workers)
            await_start(pool);
        else if (pool->workers < pool->max_workers)
            error = start_needed(pool);
        else
            return -EAGAIN;
    }
}

static int wait_for_room(struct workpool *pool, const struct job *job, uint32_t wait_ms)
{
    struct sleeper sleeper = {.event = {0}, .job = *job};

    pool->waits++;
    int error = sleeper_sleep(pool, &pool->for_room, &sleeper, deadline_in(wait_ms));
    pool->timeouts += error == -ETIMEDOUT;
    return error;
}

/* Under the lock, given away meanwhile. */
static int full(struct workpool *pool, const struct job *job, struct patience patience, bool hopeless)
{
    if (patience.when_full == WORKPOOL_RUN) {
        room_take(pool, job);
        pool->runs_by_submitters++;
        work_here(pool, job);
        return 0;
    }
    if (patience.when_full == WORKPOOL_WAIT && patience.wait_ms > 0 && !hopeless)
        return wait_for_room(pool, job, patience.wait_ms);
    pool->refusals++;
    return -EAGAIN;
}

int submit(struct workpool *pool, struct job job, struct patience patience)
{
    struct summons summons = {NULL, false};
    bool hopeless = false;

    if (UNLIKELY(pool_is_foreign(pool)))
        return -ECHILD;
    if (UNLIKELY(job.run == NULL))
        return -EINVAL;
    job.submitted_ns = pool_now_ns(pool);
    pthread_mutex_lock(&pool->lock);
    int error = find_room(pool, &hopeless);
    if (LIKELY(error == 0)) {
        room_queue(pool, &job);
        summons = staff_summon(pool);
    } else if (error == -EAGAIN) {
        error = full(pool, &job, patience, hopeless);
    }
    pthread_mutex_unlock(&pool->lock);
    staff_send(pool, &summons);
    return error;
}

int workpool_submit(workpool_t *pool, void (*run)(void *arg), void *arg)
{
    return submit(pool, (struct job){.run = run, .arg = arg}, submit_patience(pool));
}

int workpool_submit_within(workpool_t *pool, void (*run)(void *arg), void *arg, uint32_t timeout_ms)
{
    struct patience patience = {WORKPOOL_WAIT, timeout_ms};
    if (work_is_inside(pool))
        patience.when_full = WORKPOOL_REFUSE;
    return submit(pool, (struct job){.run = run, .arg = arg}, patience);
}
