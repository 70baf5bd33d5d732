/*
 * room - how many jobs may wait, and who waits for one of these places.
 */
#ifndef WORKPOOL_ROOM_H
#define WORKPOOL_ROOM_H

#include "pool.h"

/* Places for jobs that workers come for, and max_queue more. */
static inline bool room_is_left(const struct workpool *pool)
{
    return pool->jobs.queued < pool->max_queue + subtract_to_zero(pool->workers, pool->busy);
}

/* A job is taken: into the accounts, not yet the queue. */
static inline void room_take(struct workpool *pool, const struct job *job)
{
    pool->submits++;
    if (job->tally != NULL) {
        job->tally->pending++;
        pool->futures += job->tally->is_future;
    }
}

static inline void room_queue(struct workpool *pool, const struct job *job)
{
    room_take(pool, job);
    jobs_push(&pool->jobs, job);
    pool->peak_queued = max_u64(pool->peak_queued, pool->jobs.queued);
}

/* Whenever there may be room: the first of those that wait for it get it. */
static inline void room_admit(struct workpool *pool)
{
    while (UNLIKELY(pool->for_room.first != NULL) && room_is_left(pool)) {
        room_queue(pool, &pool->for_room.first->job);
        sleepers_settle_first(&pool->for_room, 0);
    }
}

#endif /* WORKPOOL_ROOM_H */
