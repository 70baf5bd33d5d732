#include "limits.h"

#include <errno.h>
#include <stdlib.h>

#include "room.h"
#include "staff.h"

int limits_check(size_t max_workers, size_t min_workers, size_t max_queue)
{
    bool fits =
        max_workers <= WORKPOOL_MAX_WORKERS && min_workers <= max_workers && max_queue <= WORKPOOL_MAX_QUEUE;
    return fits ? 0 : -EINVAL;
}

/* Under the lock, given away meanwhile: are there as many as there must be? */
static int start_missing(struct workpool *pool)
{
    int error = 0;

    while (error == 0 && !pool->closed) {
        bool is_needed = pool->jobs.queued > 0 && pool->workers == 0 && pool->max_workers > 0;
        if (pool->workers >= pool->min_workers && !is_needed)
            break;
        staff_reserve(pool);
        pthread_mutex_unlock(&pool->lock);
        error = staff_start(pool);
        pthread_mutex_lock(&pool->lock);
    }
    return error;
}

int limits_start(struct workpool *pool)
{
    pthread_mutex_lock(&pool->lock);
    int error = start_missing(pool);
    pthread_mutex_unlock(&pool->lock);
    return error;
}

struct limits {
    size_t max_workers, min_workers, max_queue;
};

/* Under the lock. */
static struct limits limits_set(struct workpool *pool, struct limits limits)
{
    struct limits before = {pool->max_workers, pool->min_workers, pool->max_queue};

    pool->max_workers = limits.max_workers;
    pool->min_workers = limits.min_workers;
    pool->max_queue = limits.max_queue;
    return before;
}

static bool limits_are(const struct workpool *pool, struct limits limits)
{
    return pool->max_workers == limits.max_workers && pool->min_workers == limits.min_workers &&
           pool->max_queue == limits.max_queue;
}

/* Under the lock: a ring that has room for all that the limits allow. Gives the one to be freed. */
static struct job *ring_grow(struct workpool *pool, struct job *ring, size_t capacity)
{
    return capacity > pool->jobs.capacity ? jobs_move(&pool->jobs, ring, capacity) : ring;
}

int workpool_resize(workpool_t *pool, size_t max_workers, size_t min_workers, size_t max_queue)
{
    if (pool_is_foreign(pool))
        return -ECHILD;
    if (limits_check(max_workers, min_workers, max_queue) != 0)
        return -EINVAL;
    size_t capacity = jobs_capacity(max_queue + max_workers);
    struct job *ring = calloc(capacity, sizeof *ring);
    if (ring == NULL)
        return -ENOMEM;

    pthread_mutex_lock(&pool->lock);
    const struct limits wanted = {max_workers, min_workers, max_queue};
    struct summons summons = {NULL, false};
    int error = pool->closed ? -ESHUTDOWN : 0;
    if (error == 0) {
        ring = ring_grow(pool, ring, capacity);
        struct limits before = limits_set(pool, wanted);
        error = start_missing(pool);
        /* Not over what another resize, or a close, has set since the lock was given away. */
        if (error != 0 && !pool->closed && limits_are(pool, wanted))
            limits_set(pool, before);
        room_admit(pool);
        summons = staff_summon(pool);
        staff_shed(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    staff_send(pool, &summons);
    free(ring);
    return error;
}

size_t workpool_expire(workpool_t *pool)
{
    if (pool_is_foreign(pool))
        return 0;
    uint64_t now_ms = pool_now_ns(pool) / 1000000;
    pthread_mutex_lock(&pool->lock);
    size_t count = staff_expire(pool, now_ms);
    pthread_mutex_unlock(&pool->lock);
    return count;
}
