/*
 * worker - a second thread that does what it is told, one job at a time, and
 * sleeps between jobs. While worker_do is not running, the thread sits in a
 * barrier and nowhere near the pool.
 */
#ifndef TEST_WORKER_H
#define TEST_WORKER_H

#include <pthread.h>
#include <stdbool.h>

struct worker {
    pthread_t thread;
    pthread_barrier_t turn; /* crossed twice a job: given, done */
    void (*job)(void *arg);
    void *arg;
    bool must_end;
};

void worker_start(struct worker *worker);
/* Returns when the job is done. */
void worker_do(struct worker *worker, void (*job)(void *arg), void *arg);
/* The thread's destructors have run when this returns. */
void worker_end(struct worker *worker);

/* Have the calling thread run on the n-th of the process' CPUs; false where there are fewer. First on the
 * main thread. */
bool run_on_cpu(unsigned number);

#endif /* TEST_WORKER_H */
