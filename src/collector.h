/*
 * collector - the background thread that collects all pools of the process,
 * each at its interval, and sleeps without a timer while there is nothing to
 * collect. A pool whose collections call its user's code has a thread of its
 * own, so that what blocks there stops no other pool.
 */
#ifndef COLLECTOR_H
#define COLLECTOR_H

#include "pool.h"

struct collector;

/* Who collects a pool: the process's, or with `own` one more. 0 or -ENOMEM. Starts no thread. */
int collector_init(struct bufpool *pool, bool own);
void collector_end(struct bufpool *pool);

/* Out of line: the thread starts, or wakes. */
void collector_wake_for(struct bufpool *pool);

/*
 * Called at the end of every slow path, outside the block: if the collector
 * sleeps on this pool, there is work for it now. Lock-free but for the start of
 * the thread.
 */
static inline void collector_notice(struct bufpool *pool)
{
    /* seq_cst [quiet]: after what we did, as the collector sets quiet before it looks. */
    if (UNLIKELY(atomic_load_explicit(&pool->quiet, memory_order_seq_cst)))
        collector_wake_for(pool);
}

/* A thread of the pool's own ends, and is waited for. Nothing where it has none. */
void collector_stop(struct bufpool *pool);

/* Blocks until the process's collector is out of a pool that has been withdrawn. */
void collector_leave(struct bufpool *pool);

/* In a forked child: there is no such thread; for the process's, and for a pool's. */
void collector_after_fork(void);
void collector_of_pool_after_fork(struct bufpool *pool);

/* For tests: the clock the collector goes by (NULL: the system's), and a nudge to look at it. */
void collector_use_clock(uint64_t (*now_ms)(void));
void collector_wake(void);

#endif /* COLLECTOR_H */
