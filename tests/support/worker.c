#include "worker.h"

#include <sched.h>

#include "pools.h"

static void *worker_loop(void *arg)
{
    struct worker *worker = arg;
    for (;;) {
        pthread_barrier_wait(&worker->turn);
        if (worker->must_end)
            return NULL;
        worker->job(worker->arg);
        pthread_barrier_wait(&worker->turn);
    }
}

void worker_start(struct worker *worker)
{
    worker->must_end = false;
    MUST(pthread_barrier_init(&worker->turn, NULL, 2) == 0);
    MUST(pthread_create(&worker->thread, NULL, worker_loop, worker) == 0);
}

void worker_do(struct worker *worker, void (*job)(void *arg), void *arg)
{
    worker->job = job;
    worker->arg = arg;
    pthread_barrier_wait(&worker->turn);
    pthread_barrier_wait(&worker->turn);
}

void worker_end(struct worker *worker)
{
    worker->must_end = true;
    pthread_barrier_wait(&worker->turn);
    MUST(pthread_join(worker->thread, NULL) == 0);
    pthread_barrier_destroy(&worker->turn);
}

bool run_on_cpu(unsigned number)
{
    static cpu_set_t allowed; /* what the process began with; children of a bound thread inherit less */
    static bool is_known;
    cpu_set_t one;

    if (!is_known)
        MUST(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    is_known = true;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || number-- != 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return sched_setaffinity(0, sizeof one, &one) == 0;
    }
    return false;
}
