/*
 * pool - what a workpool is made of, and the lock that all of it but the workers' times lies under.
 *
 * One lock, because a submit decides by several things at once: is there room, is somebody idle, may another
 * be started. It is held for some tens of instructions; no job, callback or allocation runs under it, and no
 * system call but the wake-up of a thread that sleeps in a wait (see struct sleeper).
 */
#ifndef WORKPOOL_POOL_H
#define WORKPOOL_POOL_H

#include <bufpool/workpool.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "base.h"
#include "family/roll.h"
#include "jobs.h"
#include "wait.h"

/* How long jobs waited and ran. A worker's are written by it alone; the pool's, by whoever runs jobs
 * otherwise. */
struct times {
    /* relaxed: numbers. */
    _Atomic uint64_t wait[WORKPOOL_BUCKETS], run[WORKPOOL_BUCKETS], wait_ns, run_ns;
};

/*
 * A thread that sleeps in a call until somebody else settles what it waits for. It lies on that thread's
 * stack, so who settles it does so, and signals, under the lock: the sleeper leaves only with the lock.
 */
struct sleeper {
    struct event event;
    int settled; /* NOT_SETTLED; then what the call gives */
    struct sleeper *next;
    struct job job; /* of one that waits for room: it is queued on its behalf */
};
#define NOT_SETTLED 1

/* Sleepers, the first to come in front. */
struct sleepers {
    struct sleeper *first, *last;
};

/*
 * Jobs that are waited for together: a group's, or the one of a future. It counts them from the moment they
 * are taken until they have ended or were dropped; its queued ones are a list through the queue, see jobs.h.
 */
struct tally {
    struct workpool *pool;
    size_t pending;
    struct job_list queued;
    bool is_future;
    bool dropped;   /* workpool_stop dropped some */
    bool forgotten; /* a future's: who takes the last of it frees it */
    struct sleepers sleepers;
};

/* A thread of the pool, and the place of a later one: workers are freed with the pool. */
struct worker {
    alignas(DESTRUCTIVE_SIZE) struct event event; /* it was called, or is to leave */
    struct workpool *pool;
    bool is_idle;                 /* among the idle ones; else called, busy or leaving */
    bool leaves;                  /* taken off the books already: it shall end */
    struct worker *above, *below; /* among the idle ones: who came later, and earlier */
    uint64_t idle_since_ms;
    pthread_t thread;
    struct worker *next;       /* of all */
    struct worker *next_spare; /* of those without a thread */
    struct times times;
};

struct workpool {
    char name[64];
    enum workpool_full when_full;
    uint32_t wait_ms, idle_timeout_ms;
    void (*dropped)(void (*run)(void *arg), void *job_arg, void *arg);
    uint64_t (*clock)(void *arg);
    void *arg;
    unsigned forks; /* of the process before it was made, see life.c */
    struct times others_times;
    struct roll_entry entry;

    alignas(DESTRUCTIVE_SIZE) pthread_mutex_t lock;
    /* All that follows is under the lock, but for the two events. */
    struct jobs jobs;
    size_t max_workers, min_workers, max_queue;
    bool closed;   /* takes no more */
    bool dropping; /* and begins none: workpool_stop drops them */

    size_t workers;      /* that run jobs or will: started or being started, and not leaving */
    int64_t established; /* of them, those whose threads exist; below 0 while one ends before its starter has
                            counted it */
    size_t starting;     /* of them, those whose threads may still fail to start */
    size_t coming;       /* of them, those on their way to the queue: called, or just started */
    size_t busy;         /* of them, those inside a job */
    unsigned starts_spared; /* this many starts are not tried, after one has failed */
    size_t running;         /* jobs, on whatever thread */
    size_t idle;
    struct worker *idle_top, *idle_bottom; /* the warmest, and the one that leaves first */

    struct sleepers for_room;  /* submits; while there are any, there is no room */
    struct sleepers for_quiet; /* drain, close, stop: nothing queued or running */

    size_t futures, groups; /* that the caller has still to end */

    size_t threads;       /* that have not said goodbye yet */
    struct worker *ended; /* the last that did: to be joined by the next one, or by destroy */
    struct worker *all, *spare;
    struct event started; /* a start has succeeded or failed */
    struct event gone;    /* threads is 0 */

    uint64_t peak_workers, peak_queued, submits, runs, runs_by_submitters, runs_by_waiters, dropped_jobs;
    uint64_t waits, timeouts, refusals, starts, start_failures, expiries;
};

/* A child of fork has its parent's pool: it must not be touched. */
bool pool_is_foreign(const struct workpool *pool);

/* Of the caller's clock, or the system's. */
uint64_t pool_now_ns(const struct workpool *pool);

/* ------------------------------------------------------------ sleepers; under the lock */

static inline void sleepers_add(struct sleepers *sleepers, struct sleeper *sleeper)
{
    sleeper->next = NULL;
    if (sleepers->first == NULL)
        sleepers->first = sleeper;
    else
        sleepers->last->next = sleeper;
    sleepers->last = sleeper;
}

/* Out of the list, and woken: the last that is done with it before it may end. */
static inline void sleepers_settle_first(struct sleepers *sleepers, int result)
{
    struct sleeper *sleeper = sleepers->first;
    sleepers->first = sleeper->next;
    sleeper->settled = result;
    event_signal(&sleeper->event);
}

static inline void sleepers_settle_all(struct sleepers *sleepers, int result)
{
    while (sleepers->first != NULL)
        sleepers_settle_first(sleepers, result);
}

/* For sleepers_sleep: the system's clock at the end of a timeout of the interface. */
uint64_t deadline_in(uint32_t timeout_ms);

/* Sleep, with the lock given away meanwhile, until settled; or -ETIMEDOUT, and out of the list. */
int sleepers_sleep(struct workpool *pool, struct sleepers *sleepers, uint64_t deadline_ms);

/* The same for one with a job. */
int sleeper_sleep(struct workpool *pool, struct sleepers *sleepers, struct sleeper *sleeper,
                  uint64_t deadline_ms);

/* In dump.c: for the documents of all pools. */
extern struct roll_kind workpool_kind;

#endif /* WORKPOOL_POOL_H */
