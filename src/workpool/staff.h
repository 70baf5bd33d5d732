/*
 * staff - the workers: how they are started, called, idle and let go.
 *
 * Of those who are idle, the last to become so is called first. One is called, or started, at a time; it
 * calls the next when it has taken a job and more are queued. So a burst does not wake more threads than it
 * keeps busy, and no submit pays for more than one wake-up.
 */
#ifndef WORKPOOL_STAFF_H
#define WORKPOOL_STAFF_H

#include "pool.h"

/* What is to be done outside the lock so that somebody comes for what is queued. */
struct summons {
    struct worker *call; /* or NULL */
    bool start;          /* a new one, whose place is reserved */
};

/* Under the lock, whenever a job was queued or taken: who is to come. */
struct summons staff_summon(struct workpool *pool);

/* Without the lock: do it. A thread that cannot be started is given up: others are there. */
void staff_send(struct workpool *pool, const struct summons *summons);

/* Under the lock: the place of one more worker. */
void staff_reserve(struct workpool *pool);

/* Without the lock: start the worker that was reserved. 0, or a negative errno and the place is free again.
 */
int staff_start(struct workpool *pool);

/* Under the lock: have surplus idle ones leave, and, when the pool is closed, all idle ones look at that. */
void staff_shed(struct workpool *pool);
void staff_call_all(struct workpool *pool);

/* Under the lock: have those leave who have been idle too long; how many. */
size_t staff_expire(struct workpool *pool, uint64_t now_ms);

/* All threads have ended and been joined, when nobody is left to start one; without the lock. */
void staff_join(struct workpool *pool);

#endif /* WORKPOOL_STAFF_H */
