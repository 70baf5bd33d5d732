/*
 * The pool's life: drain, close, stop, destroy, resize, pause.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "misuse.h"

static void *give_back(void *arg)
{
    return arg;
}

/* Fails when drain comes back early, or the pool does not go on. */
Test(workpool_life, drain_waits_for_what_is_queued_and_running_and_the_pool_goes_on)
{
    workpool_t *pool = crew_of(2, 64);
    struct gate gate;
    _Atomic unsigned runs = 0;

    cr_assert(eq(int, workpool_drain(pool, 0), 0), "of nothing");
    for (unsigned round = 1; round <= 3; round++) {
        gate_init(&gate);
        gate_occupy(&gate, pool);
        gate_occupy(&gate, pool);
        for (int i = 0; i < 10; i++)
            crew_submit(pool, job_count, &runs);
        cr_assert(eq(int, workpool_drain(pool, 0), -ETIMEDOUT));
        cr_assert(eq(int, workpool_drain(pool, 1), -ETIMEDOUT));
        gate_open(&gate);
        gate_open(&gate);
        cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
        cr_assert(eq(uint, atomic_load(&runs), 10 * round));
        cr_assert(eq(uint, atomic_load(&gate.passed), 2));
    }
    workpool_destroy(pool);
}

static void *wait_in_vain(void *arg)
{
    return (void *)(intptr_t)workpool_submit_within(arg, job_count, NULL, UINT32_MAX);
}

/* Fails when a job that was taken is not run, one is taken later, or who waits for room waits on. */
Test(workpool_life, close_runs_all_that_was_taken_and_takes_no_more, .timeout = 120)
{
    workpool_t *pool = crew_of(1, 10);
    struct gate gate;
    _Atomic unsigned runs = 0;
    pthread_t waiter;
    void *result;

    gate_init(&gate);
    gate_occupy(&gate, pool);
    for (int i = 0; i < 10; i++)
        crew_submit(pool, job_count, &runs);
    MUST(pthread_create(&waiter, NULL, wait_in_vain, pool) == 0);
    AWAIT(crew_stats(pool).waiters == 1);
    cr_assert(eq(int, workpool_close(pool, 0), -ETIMEDOUT));
    pthread_join(waiter, &result);
    cr_assert(eq(int, (int)(intptr_t)result, -ESHUTDOWN));
    cr_assert(eq(int, workpool_submit(pool, job_count, &runs), -ESHUTDOWN));
    cr_assert(eq(int, workpool_submit_wait(pool, job_count, &runs), -ESHUTDOWN));
    cr_assert(eq(int, workpool_resize(pool, 2, 0, 10), -ESHUTDOWN));
    cr_assert(eq(int, workpool_close(pool, 1), -ETIMEDOUT));
    gate_open(&gate);
    cr_assert(eq(int, workpool_close(pool, UINT32_MAX), 0));
    cr_assert(eq(int, workpool_close(pool, UINT32_MAX), 0), "again");
    cr_assert(eq(uint, atomic_load(&runs), 10));
    cr_assert(crew_accounts_hold(pool));
    AWAIT(crew_stats(pool).workers == 0);
    workpool_destroy(pool);
}

static struct record dropped_jobs;
static _Atomic unsigned foreign;

static void note_dropped(void (*run)(void *arg), void *job_arg, void *arg)
{
    if (run != job_record || arg != &dropped_jobs)
        atomic_fetch_add(&foreign, 1);
    job_record(job_arg);
}

/* Fails when a dropped job is run, not told of, told of twice or out of order; or one that ran is told of. */
Test(workpool_life, stop_drops_what_is_queued_and_tells_which)
{
    static struct entry entries[20];
    workpool_config_t config = crew_config(1, 100);
    workpool_future_t *future;
    workpool_group_t *group;
    struct gate gate;
    size_t dropped = 0;

    config.dropped = note_dropped;
    config.arg = &dropped_jobs;
    workpool_t *pool = crew_from(&config);
    gate_init(&gate);
    cr_assert(eq(int, workpool_group_create(pool, &group), 0));
    gate_occupy(&gate, pool);
    for (unsigned i = 0; i < 20; i++) {
        entries[i] = (struct entry){&dropped_jobs, i};
        if (i % 2 == 0)
            crew_submit(pool, job_record, &entries[i]);
        else
            cr_assert(eq(int, workpool_group_submit(group, job_record, &entries[i]), 0));
    }
    cr_assert(eq(int, workpool_call(pool, give_back, &future, &future), 0));
    cr_assert(eq(int, workpool_stop(pool, 0, &dropped), -ETIMEDOUT), "one is running");
    cr_assert(eq(sz, dropped, 21));
    cr_assert(eq(uint, atomic_load(&dropped_jobs.used), 20), "a future's wait tells of its job");
    cr_assert(eq(uint, atomic_load(&foreign), 0));
    for (unsigned i = 0; i < 20; i++)
        cr_assert(eq(uint, atomic_load(&dropped_jobs.entry[i]), i));
    void *untouched = &gate;
    cr_assert(eq(int, workpool_future_wait(future, UINT32_MAX, &untouched), -ECANCELED));
    cr_assert(eq(ptr, untouched, &gate));
    cr_assert(eq(int, workpool_group_wait(group, UINT32_MAX), -ECANCELED));
    cr_assert(eq(int, workpool_submit(pool, job_count, &foreign), -ESHUTDOWN));
    gate_open(&gate);
    cr_assert(eq(int, workpool_stop(pool, UINT32_MAX, &dropped), 0), "again");
    cr_assert(eq(sz, dropped, 0));
    cr_assert(eq(uint, atomic_load(&gate.passed), 1), "what was running has ended");
    workpool_stats_t stats = crew_stats(pool);
    cr_assert(eq(u64, stats.dropped, 21));
    cr_assert(crew_accounts_hold(pool));
    workpool_group_destroy(group);
    workpool_destroy(pool);
}

/* What `dropped` tries, at the first job that it is told of. */
static struct {
    workpool_t *pool;
    workpool_group_t *own, *later;                /* the first job's, and one with a job behind it */
    workpool_future_t *before, *behind, *running; /* in the queue before it, behind it; in the gate */
    struct gate gate;
    unsigned calls;
    int drain, close, close_0, stop, stop_0, own_wait, later_wait, before_wait, behind_wait, running_wait,
        submit;
    size_t dropped;
} waiter;

static void wait_in_dropped(void (*run)(void *arg), void *job_arg, void *arg)
{
    (void)run, (void)job_arg, (void)arg;
    if (waiter.calls++ > 0)
        return;
    waiter.dropped = 7;
    waiter.drain = workpool_drain(waiter.pool, UINT32_MAX);
    waiter.close = workpool_close(waiter.pool, UINT32_MAX);
    waiter.close_0 = workpool_close(waiter.pool, 0);
    waiter.stop = workpool_stop(waiter.pool, UINT32_MAX, &waiter.dropped);
    waiter.stop_0 = workpool_stop(waiter.pool, 0, NULL);
    waiter.own_wait = workpool_group_wait(waiter.own, UINT32_MAX);
    waiter.later_wait = workpool_group_wait(waiter.later, UINT32_MAX);
    waiter.before_wait = workpool_future_wait(waiter.before, UINT32_MAX, NULL);
    waiter.behind_wait = workpool_future_wait(waiter.behind, UINT32_MAX, NULL);
    waiter.submit = workpool_submit_wait(waiter.pool, job_count, NULL);
    gate_open(&waiter.gate);
    waiter.running_wait = workpool_future_wait(waiter.running, UINT32_MAX, NULL);
    workpool_destroy(waiter.pool);
}

static void *give_back_at_gate(void *arg)
{
    gate_job(arg);
    return arg;
}

/* Fails when one of them waits for what this thread has yet to do, or a wait that can end is refused. */
Test(workpool_life, a_wait_in_dropped_for_what_is_yet_to_be_dropped_is_refused, .timeout = 120)
{
    struct misuse_record misuse = {0};
    workpool_config_t config = crew_config(1, 8);
    size_t dropped = 0;

    config.dropped = wait_in_dropped;
    config.name = "told";
    workpool_t *pool = waiter.pool = crew_from(&config);
    gate_init(&waiter.gate);
    cr_assert(eq(int, workpool_group_create(pool, &waiter.own), 0));
    cr_assert(eq(int, workpool_group_create(pool, &waiter.later), 0));
    cr_assert(eq(int, workpool_call(pool, give_back_at_gate, &waiter.gate, &waiter.running), 0));
    gate_await(&waiter.gate);
    cr_assert(eq(int, workpool_call(pool, give_back, NULL, &waiter.before), 0));
    cr_assert(eq(int, workpool_group_submit(waiter.own, job_count, NULL), 0));
    cr_assert(eq(int, workpool_group_submit(waiter.later, job_count, NULL), 0));
    cr_assert(eq(int, workpool_call(pool, give_back, NULL, &waiter.behind), 0));
    misuse_record(&misuse);
    cr_assert(eq(int, workpool_stop(pool, UINT32_MAX, &dropped), 0));
    cr_assert(eq(sz, dropped, 4));
    cr_assert(eq(uint, waiter.calls, 2));
    cr_assert(eq(int, waiter.drain, -EDEADLK));
    cr_assert(eq(int, waiter.close, -EDEADLK));
    cr_assert(eq(int, waiter.close_0, -ETIMEDOUT));
    cr_assert(eq(int, waiter.stop, -EDEADLK));
    cr_assert(eq(sz, waiter.dropped, 0), "the stop around it drops the rest");
    cr_assert(eq(int, waiter.stop_0, -ETIMEDOUT));
    cr_assert(eq(int, waiter.own_wait, -EDEADLK));
    cr_assert(eq(int, waiter.later_wait, -EDEADLK));
    cr_assert(eq(int, waiter.before_wait, -ECANCELED));
    cr_assert(eq(int, waiter.behind_wait, -EDEADLK));
    cr_assert(eq(int, waiter.running_wait, 0));
    cr_assert(eq(int, waiter.submit, -ESHUTDOWN));
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(strncmp(misuse.line,
                      "workpool: pool 'told': workpool_destroy inside its callback dropped, thread ",
                      76) == 0,
              "%s", misuse.line);
    cr_assert(eq(int, workpool_group_wait(waiter.own, 0), -ECANCELED), "once it is done");
    cr_assert(eq(int, workpool_group_wait(waiter.later, 0), -ECANCELED));
    cr_assert(eq(int, workpool_future_wait(waiter.behind, 0, NULL), -ECANCELED));
    cr_assert(crew_accounts_hold(pool));
    workpool_group_destroy(waiter.own);
    workpool_group_destroy(waiter.later);
    workpool_destroy(pool);
}

struct late {
    workpool_t *pool;
    struct gate gate;
    int wait;
};

static void wait_for_dropped(void *arg)
{
    struct late *late = arg;
    workpool_future_t *future;

    MUST(workpool_call(late->pool, give_back, NULL, &future) == 0);
    gate_job(&late->gate); /* meanwhile the pool is stopped */
    late->wait = workpool_future_wait(future, UINT32_MAX, NULL);
}

/* Fails when a running job waits for ever for one that was dropped. */
Test(workpool_life, a_running_job_hears_that_what_it_waits_for_was_dropped, .timeout = 120)
{
    struct late late = {.pool = crew_of(1, 4)};
    size_t dropped;

    gate_init(&late.gate);
    crew_submit(late.pool, wait_for_dropped, &late);
    gate_await(&late.gate);
    cr_assert(eq(int, workpool_stop(late.pool, 0, &dropped), -ETIMEDOUT));
    cr_assert(eq(sz, dropped, 1));
    gate_open(&late.gate);
    workpool_destroy(late.pool);
    cr_assert(eq(int, late.wait, -ECANCELED));
}

static void destroy_own(void *pool)
{
    workpool_destroy(pool);
}

/* Fails when it is done, waits for itself, or nobody is told. */
Test(workpool_life, destroy_inside_a_job_is_misuse_and_does_nothing, .timeout = 120)
{
    struct misuse_record misuse = {0};
    workpool_config_t config = crew_config(1, 4);
    _Atomic unsigned runs = 0;

    config.name = "suicidal";
    workpool_t *pool = crew_from(&config);
    misuse_record(&misuse);
    cr_assert(eq(int, workpool_submit_wait(pool, destroy_own, pool), 0));
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(strncmp(misuse.line,
                      "workpool: pool 'suicidal': workpool_destroy inside a job of the pool, thread ",
                      76) == 0,
              "%s", misuse.line);
    cr_assert(eq(int, workpool_submit_wait(pool, job_count, &runs), 0));
    workpool_destroy(pool);
    cr_assert(eq(uint, atomic_load(&runs), 1));
}

/* Fails when destroy leaves out a job, or a thread that is still inside one. */
Test(workpool_life, destroy_runs_all_that_was_taken)
{
    _Atomic unsigned runs = 0;

    for (int round = 0; round < 50; round++) {
        workpool_t *pool = crew_of(3, 256);
        for (int i = 0; i < 200; i++)
            crew_submit(pool, job_count, &runs);
        workpool_destroy(pool);
        cr_assert(eq(uint, atomic_load(&runs), 200 * ((unsigned)round + 1)));
    }
}

/* ------------------------------------------------------------ resize */

/* Fails when new limits do not count for what is queued and who waits. */
Test(workpool_life, resize_serves_those_who_wait_with_the_new_room, .timeout = 120)
{
    workpool_t *pool = crew_of(1, 1);
    struct gate gate;
    pthread_t waiters[3];
    _Atomic unsigned runs = 0;

    gate_init(&gate);
    gate_occupy(&gate, pool);
    crew_submit(pool, job_count, &runs);
    for (unsigned i = 0; i < 3; i++) {
        MUST(pthread_create(&waiters[i], NULL, wait_in_vain, pool) == 0);
        AWAIT(crew_stats(pool).waiters == i + 1);
    }
    cr_assert(eq(int, workpool_resize(pool, 1, 0, 3), 0));
    workpool_stats_t stats = crew_stats(pool);
    cr_assert(eq(u64, stats.queued, 3));
    cr_assert(eq(u64, stats.waiters, 1));
    cr_assert(eq(int, workpool_resize(pool, 1, 0, 1), 0));
    cr_assert(eq(u64, crew_stats(pool).queued, 3), "what is queued stays queued");
    cr_assert(eq(int, workpool_resize(pool, 1, 2, 1), -EINVAL));
    cr_assert(eq(int, workpool_resize(pool, WORKPOOL_MAX_WORKERS + 1, 0, 1), -EINVAL));
    cr_assert(eq(int, workpool_resize(pool, 1, 0, WORKPOOL_MAX_QUEUE + 1), -EINVAL));
    cr_assert(eq(int, workpool_resize(pool, 1, 0, 4), 0));
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(waiters[i], &result);
        cr_assert(eq(ptr, result, NULL));
    }
    /* Three of the jobs count to NULL; they are replaced by dropping them. */
    size_t dropped;
    cr_assert(eq(int, workpool_stop(pool, 0, &dropped), -ETIMEDOUT));
    cr_assert(eq(sz, dropped, 4));
    gate_open(&gate);
    workpool_destroy(pool);
}

/* Fails when new workers do not come for what waits already, with a queue and without. */
Test(workpool_life, resize_upwards_has_new_workers_come_for_what_waits, .timeout = 120)
{
    workpool_t *pool = crew_of(1, 8);
    struct gate gate;

    gate_init(&gate);
    for (int i = 0; i < 4; i++)
        crew_submit(pool, gate_job, &gate);
    gate_await(&gate);
    cr_assert(eq(int, workpool_resize(pool, 4, 0, 8), 0));
    for (int i = 0; i < 3; i++)
        gate_await(&gate);
    cr_assert(eq(u64, crew_stats(pool).running, 4));
    for (int i = 0; i < 4; i++)
        gate_open(&gate);
    workpool_destroy(pool);
}

/* Fails when surplus workers stay, or the last jobs are lost with them. */
Test(workpool_life, resize_downwards_ends_surplus_workers_when_they_are_idle, .timeout = 120)
{
    workpool_t *pool = crew_of(4, 64);
    struct gate gate;
    _Atomic unsigned runs = 0;

    gate_init(&gate);
    for (int i = 0; i < 4; i++)
        gate_occupy(&gate, pool);
    for (int i = 0; i < 20; i++)
        crew_submit(pool, job_count, &runs);
    gate_open(&gate);
    gate_open(&gate);
    AWAIT(atomic_load(&runs) == 20 && crew_stats(pool).idle == 2);
    cr_assert(eq(int, workpool_resize(pool, 1, 0, 64), 0));
    cr_assert(eq(u64, crew_stats(pool).workers, 2), "the idle ones are gone, the busy ones stay");
    gate_open(&gate);
    gate_open(&gate);
    AWAIT(crew_stats(pool).workers == 1);
    cr_assert(eq(int, workpool_submit_wait(pool, job_count, &runs), 0));
    cr_assert(eq(u64, crew_stats(pool).workers, 1));
    workpool_destroy(pool);
}

/* Fails when min_workers are not there after create and resize. */
Test(workpool_life, min_workers_are_started_by_create_and_by_resize)
{
    workpool_config_t config = crew_config(8, 8);
    config.min_workers = 3;
    workpool_t *pool = crew_from(&config);

    cr_assert(eq(u64, crew_stats(pool).workers, 3));
    cr_assert(eq(int, workpool_resize(pool, 8, 6, 8), 0));
    cr_assert(eq(u64, crew_stats(pool).workers, 6));
    cr_assert(eq(int, workpool_resize(pool, 2, 1, 8), 0));
    AWAIT(crew_stats(pool).workers == 2);
    workpool_destroy(pool);
}

/* Fails when a paused pool begins a job, refuses one while it has room, or does not go on; or close waits for
 * ever. */
Test(workpool_life, a_pause_begins_nothing_and_ends_by_resize_or_close, .timeout = 120)
{
    for (int by_close = 0; by_close < 2; by_close++) {
        workpool_t *pool = crew_of(2, 10);
        struct gate gate;
        _Atomic unsigned runs = 0;

        gate_init(&gate);
        gate_occupy(&gate, pool);
        cr_assert(eq(int, workpool_resize(pool, 0, 0, 10), 0));
        for (int i = 0; i < 10; i++)
            crew_submit(pool, job_count, &runs);
        cr_assert(eq(int, workpool_submit(pool, job_count, &runs), -EAGAIN));
        gate_open(&gate);
        AWAIT(crew_stats(pool).workers == 0);
        cr_assert(eq(uint, atomic_load(&gate.passed), 1), "what was running has ended");
        cr_assert(eq(int, workpool_drain(pool, 1), -ETIMEDOUT));
        cr_assert(eq(uint, atomic_load(&runs), 0));
        if (by_close)
            cr_assert(eq(int, workpool_close(pool, UINT32_MAX), 0));
        else
            cr_assert(eq(int, workpool_resize(pool, 1, 0, 10), 0));
        AWAIT(atomic_load(&runs) == 10);
        workpool_destroy(pool);
    }
}
