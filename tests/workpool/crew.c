#include "crew.h"

#include <unistd.h>

_Atomic uint64_t crew_now_ms;

uint64_t crew_clock(void *arg)
{
    (void)arg;
    return atomic_load(&crew_now_ms);
}

workpool_config_t crew_config(size_t workers, size_t queue)
{
    workpool_config_t config = WORKPOOL_CONFIG_INIT;

    config.max_workers = workers;
    config.max_queue = queue;
    config.when_full = WORKPOOL_REFUSE;
    config.clock = crew_clock;
    return config;
}

workpool_t *crew_from(const workpool_config_t *config)
{
    workpool_t *pool = NULL;
    MUST(workpool_create(&pool, config) == 0);
    return pool;
}

workpool_t *crew_of(size_t workers, size_t queue)
{
    workpool_config_t config = crew_config(workers, queue);
    return crew_from(&config);
}

void crew_submit(workpool_t *pool, void (*run)(void *arg), void *arg)
{
    MUST(workpool_submit(pool, run, arg) == 0);
}

workpool_stats_t crew_stats(workpool_t *pool)
{
    workpool_stats_t stats = WORKPOOL_STATS_INIT;
    MUST(workpool_stats(pool, &stats) == 0);
    return stats;
}

bool crew_accounts_hold(workpool_t *pool)
{
    workpool_stats_t stats = crew_stats(pool);
    uint64_t waits = 0, runs = 0;

    for (unsigned i = 0; i < WORKPOOL_BUCKETS; i++) {
        waits += stats.wait_histogram[i];
        runs += stats.run_histogram[i];
    }
    return stats.submits == stats.queued + stats.running + stats.runs + stats.dropped &&
           waits == stats.runs && runs == stats.runs;
}

void gate_init(struct gate *gate)
{
    MUST(sem_init(&gate->entered, 0, 0) == 0 && sem_init(&gate->may_leave, 0, 0) == 0);
    atomic_store(&gate->worker, 0);
    atomic_store(&gate->passed, 0);
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue;
}

void gate_job(void *arg)
{
    struct gate *gate = arg;

    atomic_store(&gate->worker, crew_self());
    sem_post(&gate->entered);
    wait_for(&gate->may_leave);
    atomic_fetch_add(&gate->passed, 1);
}

void gate_await(struct gate *gate)
{
    wait_for(&gate->entered);
}

void gate_occupy(struct gate *gate, workpool_t *pool)
{
    crew_submit(pool, gate_job, gate);
    gate_await(gate);
}

void gate_open(struct gate *gate)
{
    sem_post(&gate->may_leave);
}

uint64_t crew_self(void)
{
    return (uint64_t)gettid();
}

void job_count(void *arg)
{
    atomic_fetch_add((_Atomic unsigned *)arg, 1);
}

void job_record(void *arg)
{
    const struct entry *entry = arg;
    atomic_store(&entry->record->entry[atomic_fetch_add(&entry->record->used, 1)], entry->number);
}
