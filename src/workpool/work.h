/*
 * work - one job is run, on whatever thread, and who waits for it is told.
 */
#ifndef WORKPOOL_WORK_H
#define WORKPOOL_WORK_H

#include "pool.h"

/* Does this thread run a job of the pool, or one that a tally counts? */
bool work_is_inside(const struct workpool *pool);
bool work_is_inside_tally(const struct tally *tally);
/* Is it in the pool's callback `dropped`? That counts as inside, too. */
bool work_is_telling(const struct workpool *pool);

/* Call the job, without the lock. `begun_ns` is now; gives the time when it has come back. */
uint64_t work_run(struct workpool *pool, const struct job *job, struct times *times, uint64_t begun_ns);

/* The callback `dropped` for a job, without the lock. */
void work_tell(struct workpool *pool, const struct job *job);

/*
 * Under the lock, when a job has been run or dropped. Gives the future that nobody waits for, which is now
 * the caller's to free without the lock, or NULL.
 */
struct tally *work_end(struct workpool *pool, const struct job *job);

/* Run a job that was taken off the queue or never in it, in a call of this thread. Under the lock, given away
 * meanwhile. */
void work_here(struct workpool *pool, const struct job *job);

/* Wait until a tally is empty; a thread inside a job of the pool runs what is queued of it. Under the lock,
 * given away meanwhile. 0, -ETIMEDOUT, -EDEADLK. */
int work_wait(struct workpool *pool, struct tally *tally, uint32_t timeout_ms);

#endif /* WORKPOOL_WORK_H */
