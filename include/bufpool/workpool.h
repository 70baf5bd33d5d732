/*
 * bufpool/workpool.h - threads kept ready for jobs: for what blocks, and for what would hold up an event
 * loop.
 *
 * A *job* is a function and its argument; a *worker* is a thread of the pool that runs jobs, one after
 * another. Jobs begin in the order of their submits. A job goes to the worker that has been idle for the
 * shortest time, so that a few stay warm and the others may go; a new worker is started when none is idle, up
 * to max_workers; jobs beyond that wait in a queue of max_queue. While the system gives no thread, the
 * workers there are do it all, and another start is tried some tens of jobs later.
 *
 * Waiting inside a job cannot deadlock the pool. A job may submit others and wait for them (a future, a
 * group): of what it waits for, it runs itself all that no worker has begun, and sleeps only for what is
 * running on other threads. So any chain or tree of jobs that wait for jobs of the same pool ends, be there
 * one worker and a queue of one, provided that no job waits, directly or through others, for itself. Nothing
 * else is run in a wait: a job waited for does not find itself on top of one that has nothing to do with it.
 *
 * A job must come back: it may not end its thread, or jump out of itself.
 *
 * Threads: every call may be made from any thread, and from jobs, at any time, but destroy. Submit takes a
 * lock for some tens of instructions: no code of yours, allocation or system call runs under it, but a
 * wake-up of who waits. In steady state it allocates nothing. Not for signal handlers. A child of fork must
 * not use its parent's pool: every call there gives -ECHILD or nothing. Workers have all signals blocked.
 * Link bufpool::workpool.
 *
 * Ordering: what was done before a submit is seen by its job; what a job did is seen by who waited for it,
 * and by who waited for all (drain, close).
 */
#ifndef BUFPOOL_WORKPOOL_H
#define BUFPOOL_WORKPOOL_H

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct workpool workpool_t;
typedef struct workpool_future workpool_future_t; /* one job whose result somebody waits for */
typedef struct workpool_group workpool_group_t;   /* jobs that are waited for together */

/* What a submit does when all workers are busy and the queue is full. */
enum workpool_full {
    WORKPOOL_WAIT,   /* waits for room, first come, first served, for wait_ms at most; inside a job: as
                        WORKPOOL_RUN */
    WORKPOOL_REFUSE, /* gives -EAGAIN */
    WORKPOOL_RUN     /* runs the job itself, at once, before what is queued */
};

enum { WORKPOOL_MAX_WORKERS = 4096, WORKPOOL_MAX_QUEUE = 1 << 20 };

/*
 * What workpool_create is told. Start from WORKPOOL_CONFIG_INIT. The struct is copied. Times are
 * milliseconds.
 *
 * dropped  a job that workpool_stop dropped, once for each in their order, on the thread that stops and with
 *          nothing locked. NULL: they are counted. Not called for futures, whose wait says so. It counts as
 *          inside a job of the pool, and of the dropped job's group. A wait in it for what is yet to be
 *          dropped is -EDEADLK, too (but not for a running job that waits for that: so a wait would never
 *          end); a stop in it drops none, as the one that called it goes on
 * clock    milliseconds that never go back: for idle times, and the histograms; not for timeouts.
 *          NULL: CLOCK_MONOTONIC. With a clock of your own no worker leaves by itself: call workpool_expire
 */
typedef struct workpool_config {
    size_t struct_size; /* set by WORKPOOL_CONFIG_INIT; lets the struct grow */
    const char *name;   /* in dumps and reports, and of the threads as far as it fits; NULL is "workpool" */
    size_t max_workers; /* 1 to WORKPOOL_MAX_WORKERS; 8 */
    size_t min_workers; /* so many are started by create and never leave; 0 */
    size_t max_queue; /* jobs that wait for a busy worker; WORKPOOL_MAX_QUEUE at most; 1024; 0: none waits */
    enum workpool_full when_full;
    uint32_t wait_ms;         /* of WORKPOOL_WAIT; UINT32_MAX: for ever, the default */
    uint32_t idle_timeout_ms; /* idle for longer: the worker ends, down to min_workers; 10,000; 0: never */
    void (*dropped)(void (*run)(void *arg), void *job_arg, void *arg);
    uint64_t (*clock)(void *arg);
    void *arg; /* for both */
} workpool_config_t;

/* Every default, as a brace initialiser for C11 and C++17. */
#define WORKPOOL_CONFIG_INIT                                                                                 \
    {                                                                                                        \
        sizeof(workpool_config_t), NULL, 8, 0, 1024, WORKPOOL_WAIT, UINT32_MAX, 10000, NULL, NULL, NULL      \
    }

/*
 * workpool_create - make a pool and start min_workers. NULL config: defaults. 0, or a negative errno with
 * *pool untouched: -EINVAL for limits out of their range, min_workers above max_workers, an unknown
 * when_full; -ENOMEM; -EAGAIN when a thread cannot be started. May block.
 */
BUFPOOL_API int workpool_create(workpool_t **pool, const workpool_config_t *config);

/*
 * workpool_destroy - workpool_close without a timeout, then the end of the threads and the memory. NULL does
 * nothing. Futures must have ended and groups been destroyed: those still out are told on stderr, may not be
 * used any more, and their memory stays out. No other call on the pool may run or come later. In a job of the
 * pool it is misuse (see bufpool_on_misuse), and nothing else happens, where the handler returns.
 */
BUFPOOL_API void workpool_destroy(workpool_t *pool);

/* ---- submitting */

/*
 * workpool_submit - have a worker call run(arg). 0: it will be run, or has been (WORKPOOL_RUN), once; or
 * dropped by workpool_stop. Else it is not, and:
 *
 *   -EAGAIN     the queue is full and nobody waits; or, but with WORKPOOL_RUN, there is no worker and none
 *               can be started
 *   -ETIMEDOUT  there was no room for wait_ms
 *   -ESHUTDOWN  the pool is closed, perhaps while this waited
 *   -EINVAL     run is NULL
 */
BUFPOOL_API int workpool_submit(workpool_t *pool, void (*run)(void *arg), void *arg);

/*
 * workpool_submit_within - workpool_submit, but whatever when_full says, it waits for room for timeout_ms at
 * most: 0 refuses (-EAGAIN) at once, UINT32_MAX waits for ever. Inside a job it never waits: there a full
 * queue is -EAGAIN.
 */
BUFPOOL_API int workpool_submit_within(workpool_t *pool, void (*run)(void *arg), void *arg,
                                       uint32_t timeout_ms);

/* workpool_submit_wait - workpool_submit, and come back when it has been run. Also -ECANCELED: workpool_stop
 * has dropped it. */
BUFPOOL_API int workpool_submit_wait(workpool_t *pool, void (*run)(void *arg), void *arg);

/*
 * workpool_call - workpool_submit for a job with a result: *future is set, and stands for it until a wait
 * gives 0 or -ECANCELED, or it is forgotten. Also -ENOMEM.
 */
BUFPOOL_API int workpool_call(workpool_t *pool, void *(*call)(void *arg), void *arg,
                              workpool_future_t **future);

/*
 * workpool_future_wait - what the job returned, in *result (NULL: nobody wants it), and the end of the
 * future.
 *
 *   -ETIMEDOUT  it has not ended within timeout_ms (0: do not wait; UINT32_MAX: for ever); wait again or
 *               forget. A timeout is for other threads' part: what this thread runs itself takes its time.
 *   -ECANCELED  workpool_stop has dropped it; the future has ended
 *   -EDEADLK    this thread is running it: it would wait for itself; or has yet to drop it (see `dropped`)
 * One thread at a time waits for a future.
 */
BUFPOOL_API int workpool_future_wait(workpool_future_t *future, uint32_t timeout_ms, void **result);

/* workpool_future_forget - nobody will wait: the future ends, the job is run all the same. NULL does nothing.
 */
BUFPOOL_API void workpool_future_forget(workpool_future_t *future);

/* ---- groups */

/* workpool_group_create - 0, or -ENOMEM. */
BUFPOOL_API int workpool_group_create(workpool_t *pool, workpool_group_t **group);

/* workpool_group_submit - workpool_submit, for a job that workpool_group_wait waits for. */
BUFPOOL_API int workpool_group_submit(workpool_group_t *group, void (*run)(void *arg), void *arg);

/*
 * workpool_group_wait - wait until no job of the group is queued or running. Its jobs may submit more of it;
 * it may be used again afterwards; several threads may wait.
 *
 *   -ETIMEDOUT  as workpool_future_wait
 *   -ECANCELED  none is, but workpool_stop has dropped some
 *   -EDEADLK    this thread is running one of them, or has yet to drop one
 */
BUFPOOL_API int workpool_group_wait(workpool_group_t *group, uint32_t timeout_ms);

/* workpool_group_destroy - NULL does nothing. While jobs of it are queued or running it is misuse, and
 * nothing happens. No other call on the group, a wait of another thread's included, may run or come later. */
BUFPOOL_API void workpool_group_destroy(workpool_group_t *group);

/* ---- the pool's life */

/*
 * workpool_resize - new limits for a pool in traffic. 0; or a negative errno, and nothing changes: -EINVAL,
 * -ENOMEM, -EAGAIN as for create, -ESHUTDOWN when it is closed. Workers above the new maximum end as soon as
 * they are idle; who waits for room gets the new one; what is queued stays queued. Here max_workers 0 is a
 * pause: what is running ends, and no worker begins anything; who runs a job himself (WORKPOOL_RUN, waits in
 * jobs) still does.
 */
BUFPOOL_API int workpool_resize(workpool_t *pool, size_t max_workers, size_t min_workers, size_t max_queue);

/*
 * workpool_drain - wait until at one moment no job is queued or running. The pool goes on. 0, -ETIMEDOUT, or
 * -EDEADLK inside a job of the pool. A paused pool with a queue is not drained.
 */
BUFPOOL_API int workpool_drain(workpool_t *pool, uint32_t timeout_ms);

/*
 * workpool_close - take no more jobs, and wait until all that were taken have been run. It ends a pause. May
 * be called again. 0, -ETIMEDOUT; -EDEADLK inside a job of the pool, unless timeout_ms is 0: closed it is.
 * Submits give -ESHUTDOWN from now on, also those of jobs and those that wait for room.
 */
BUFPOOL_API int workpool_close(workpool_t *pool, uint32_t timeout_ms);

/* workpool_stop - workpool_close, but what is queued is dropped (see the configuration), how many jobs in
 * *dropped (NULL: nobody wants it). What is running is waited for. */
BUFPOOL_API int workpool_stop(workpool_t *pool, uint32_t timeout_ms, size_t *dropped);

/* workpool_expire - end those above min_workers that have been idle for idle_timeout_ms; how many. Without a
 * clock of your own they do it themselves. */
BUFPOOL_API size_t workpool_expire(workpool_t *pool);

/* ---- what it did */

/* Buckets of the time histograms: bucket i counts times below 2^i microseconds, and not below half of that;
 * the last all longer ones. */
#define WORKPOOL_BUCKETS 32

/* Since create; exact at rest. Start from WORKPOOL_STATS_INIT. */
typedef struct workpool_stats {
    size_t struct_size;
    uint64_t workers;            /* threads, now */
    uint64_t idle;               /* of them, those without a job */
    uint64_t queued;             /* jobs that wait for a worker, now */
    uint64_t running;            /* jobs being run, on whatever thread, now */
    uint64_t waiters;            /* submits that wait for room, now */
    uint64_t peak_workers;       /* most at once */
    uint64_t peak_queued;        /* most at once, those included that a worker is on its way for */
    uint64_t submits;            /* jobs taken: 0 was given */
    uint64_t runs;               /* jobs that have ended; submits = queued + running + runs + dropped */
    uint64_t runs_by_submitters; /* of them, by submitters, the queue being full */
    uint64_t runs_by_waiters;    /* of them, by jobs that waited for them */
    uint64_t dropped;            /* jobs dropped by stop */
    uint64_t waits;              /* submits that waited for room */
    uint64_t timeouts;           /* of them, those in vain: -ETIMEDOUT */
    uint64_t refusals;           /* -EAGAIN */
    uint64_t starts;             /* of workers */
    uint64_t start_failures;     /* of workers */
    uint64_t expiries;           /* workers that left for being idle */
    uint64_t wait_ns;            /* from submits to begins, of all runs */
    uint64_t run_ns;             /* from begins to ends, of all runs */
    uint64_t wait_histogram[WORKPOOL_BUCKETS]; /* from a submit to its job's begin */
    uint64_t run_histogram[WORKPOOL_BUCKETS];  /* from its begin to its end */
} workpool_stats_t;
#define WORKPOOL_STATS_INIT                                                                                  \
    {                                                                                                        \
        sizeof(workpool_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0},           \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* workpool_stats - 0, or -EINVAL for a struct_size too small. */
BUFPOOL_API int workpool_stats(workpool_t *pool, workpool_stats_t *stats);

/* workpool_dump - the statistics as a table, JSON, or Prometheus text; 0, or a negative errno of writing. */
BUFPOOL_API int workpool_dump(workpool_t *pool, FILE *out, enum bufpool_format format);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_WORKPOOL_H */
