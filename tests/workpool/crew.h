/*
 * crew - pools for the tests, jobs that stand at a gate, and waiting for what must come.
 *
 * Nothing here needs Criterion: the storms run under ThreadSanitizer too.
 */
#ifndef TEST_WORKPOOL_CREW_H
#define TEST_WORKPOOL_CREW_H

#include <bufpool/workpool.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "pools.h"

/* Until a condition holds that must come to hold; the test's timeout ends it where it does not. */
#define AWAIT(condition)                                                                                     \
    do                                                                                                       \
        sched_yield();                                                                                       \
    while (!(condition))

/* A clock that the test owns. */
extern _Atomic uint64_t crew_now_ms;
uint64_t crew_clock(void *arg);

/* `workers` at most, `queue` places, full queues refuse, the clock above: nothing happens by itself. */
workpool_config_t crew_config(size_t workers, size_t queue);
/* Calls that must work. */
workpool_t *crew_from(const workpool_config_t *config);
workpool_t *crew_of(size_t workers, size_t queue);
void crew_submit(workpool_t *pool, void (*run)(void *arg), void *arg);
workpool_stats_t crew_stats(workpool_t *pool);

/* submits = queued + running + runs + dropped, and as many times in each histogram as runs. At rest. */
bool crew_accounts_hold(workpool_t *pool);

/* A job that waits inside until it may leave. */
struct gate {
    sem_t entered, may_leave;
    _Atomic uint64_t worker; /* the thread that stands in it, as crew_self */
    _Atomic unsigned passed;
};
void gate_init(struct gate *gate);
void gate_job(void *gate);
/* Have a worker stand in it. */
void gate_occupy(struct gate *gate, workpool_t *pool);
void gate_await(struct gate *gate);
void gate_open(struct gate *gate);

/* A number for the calling thread. */
uint64_t crew_self(void);

/* Jobs. */
void job_count(void *atomic_uint);

/* A list that jobs write themselves into. */
struct record {
    _Atomic unsigned used;
    _Atomic unsigned entry[4096];
};
struct entry {
    struct record *record;
    unsigned number;
};
void job_record(void *entry);

#endif /* TEST_WORKPOOL_CREW_H */
