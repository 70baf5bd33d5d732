/*
 * Threads that cannot be started: whoever counts on one is told, and nobody else is harmed.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>

#include "crew.h"
#include "hook.h"

static _Atomic int starts_left; /* so many succeed */

static bool refuse_threads(enum hook_call call)
{
    return call == HOOK_THREAD && atomic_fetch_sub(&starts_left, 1) <= 0;
}

static void allow_starts(int count)
{
    atomic_store(&starts_left, count);
    hook_on_call(refuse_threads);
}

/* Fails when create leaves threads or memory behind, or says 0. */
Test(workpool_hooked, create_fails_when_a_worker_it_owes_cannot_be_started)
{
    workpool_config_t config = crew_config(4, 4);
    workpool_t *untouched = (workpool_t *)&config, *pool = untouched;

    config.min_workers = 3;
    for (int i = 0; i < 3; i++) {
        allow_starts(i);
        cr_assert(eq(int, workpool_create(&pool, &config), -EAGAIN), "%d", i);
        cr_assert(eq(ptr, pool, untouched));
    }
    allow_starts(3);
    cr_assert(eq(int, workpool_create(&pool, &config), 0));
    workpool_destroy(pool);
}

/* Fails when a job is taken that nobody will run; or the pool is of no use afterwards. */
Test(workpool_hooked, without_a_worker_and_without_a_start_a_submit_is_refused_and_the_next_one_works)
{
    static const enum workpool_full policies[] = {WORKPOOL_WAIT, WORKPOOL_REFUSE};

    for (int i = 0; i < 2; i++) {
        workpool_config_t config = crew_config(2, 4);
        _Atomic unsigned runs = 0;
        config.when_full = policies[i];
        workpool_t *pool = crew_from(&config);
        allow_starts(0);
        for (int j = 0; j < 3; j++)
            cr_assert(eq(int, workpool_submit(pool, job_count, &runs), -EAGAIN));
        workpool_stats_t stats = crew_stats(pool);
        cr_assert(eq(u64, stats.start_failures, 3));
        cr_assert(eq(u64, stats.workers, 0));
        cr_assert(eq(u64, stats.queued, 0));
        hook_on_call(NULL);
        cr_assert(eq(int, workpool_submit_wait(pool, job_count, &runs), 0));
        cr_assert(eq(uint, atomic_load(&runs), 1));
        cr_assert(crew_accounts_hold(pool));
        workpool_destroy(pool);
    }
}

/* Fails when a pool that may have the submitter run jobs refuses one instead. */
Test(workpool_hooked, without_a_worker_and_without_a_start_run_means_run)
{
    workpool_config_t config = crew_config(2, 4);
    _Atomic unsigned runs = 0;

    config.when_full = WORKPOOL_RUN;
    workpool_t *pool = crew_from(&config);
    allow_starts(0);
    cr_assert(eq(int, workpool_submit(pool, job_count, &runs), 0));
    cr_assert(eq(uint, atomic_load(&runs), 1));
    cr_assert(eq(u64, crew_stats(pool).runs_by_submitters, 1));
    workpool_destroy(pool);
}

/* Fails when workers that exist are not enough, or starts are tried for each job. */
Test(workpool_hooked, one_worker_does_it_all_where_no_other_can_be_started)
{
    workpool_config_t config = crew_config(4, 16);
    _Atomic unsigned runs = 0;

    config.when_full = WORKPOOL_WAIT;
    workpool_t *pool = crew_from(&config);
    allow_starts(1);
    for (int i = 0; i < 5000; i++)
        crew_submit(pool, job_count, &runs);
    cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
    workpool_stats_t stats = crew_stats(pool);
    cr_assert(eq(uint, atomic_load(&runs), 5000));
    cr_assert(eq(u64, stats.starts, 1));
    cr_assert(eq(u64, stats.workers, 1));
    cr_assert(crew_accounts_hold(pool));
    hook_on_call(NULL);
    struct gate gate;
    gate_init(&gate);
    gate_occupy(&gate, pool);
    for (int i = 0; i < 100; i++)
        crew_submit(pool, job_count, &runs); /* the queue fills up: it is tried again */
    AWAIT(atomic_load(&runs) == 5100);
    cr_assert(ge(u64, crew_stats(pool).starts, 2));
    gate_open(&gate);
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ a start that takes its time */

static sem_t start_begun, start_may_go_on;
static _Atomic bool start_fails;

static bool hold_start(enum hook_call call)
{
    if (call != HOOK_THREAD)
        return false;
    sem_post(&start_begun);
    while (sem_wait(&start_may_go_on) != 0)
        continue;
    return atomic_load(&start_fails);
}

struct starter {
    workpool_t *pool;
    _Atomic unsigned runs;
};

static void *submit_one(void *arg)
{
    struct starter *starter = arg;
    crew_submit(starter->pool, job_count, &starter->runs);
    return NULL;
}

/* Fails when a job waits for a thread that is still being created while a worker is idle. */
Test(workpool_hooked, an_idle_worker_is_called_while_another_is_being_started, .timeout = 120)
{
    for (int fails = 0; fails < 2; fails++) {
        struct starter starter = {.pool = crew_of(2, 8)};
        struct gate gate;
        pthread_t thread;

        gate_init(&gate);
        gate_occupy(&gate, starter.pool);
        MUST(sem_init(&start_begun, 0, 0) == 0 && sem_init(&start_may_go_on, 0, 0) == 0);
        atomic_store(&start_fails, fails != 0);
        hook_on_call(hold_start);
        MUST(pthread_create(&thread, NULL, submit_one, &starter) == 0);
        while (sem_wait(&start_begun) != 0)
            continue;
        gate_open(&gate); /* the first worker takes that job, and rests */
        AWAIT(crew_stats(starter.pool).idle == 1);
        cr_assert(eq(uint, atomic_load(&starter.runs), 1));
        for (unsigned i = 2; i < 5; i++) {
            crew_submit(starter.pool, job_count, &starter.runs);
            AWAIT(atomic_load(&starter.runs) == i);
        }
        sem_post(&start_may_go_on);
        pthread_join(thread, NULL);
        hook_on_call(NULL);
        cr_assert(eq(int, workpool_drain(starter.pool, UINT32_MAX), 0));
        cr_assert(eq(u64, crew_stats(starter.pool).workers, fails ? 1 : 2));
        cr_assert(crew_accounts_hold(starter.pool));
        workpool_destroy(starter.pool);
    }
}

/* Fails when a failed resize changes a limit, or lets a paused pool begin. */
Test(workpool_hooked, a_resize_that_cannot_start_its_workers_changes_nothing)
{
    workpool_t *pool = crew_of(1, 4);
    _Atomic unsigned runs = 0;

    cr_assert(eq(int, workpool_resize(pool, 0, 0, 4), 0));
    for (int i = 0; i < 4; i++)
        crew_submit(pool, job_count, &runs);
    allow_starts(0);
    cr_assert(eq(int, workpool_resize(pool, 2, 0, 64), -EAGAIN));
    cr_assert(eq(int, workpool_resize(pool, 2, 2, 64), -EAGAIN));
    hook_on_call(NULL);
    cr_assert(eq(int, workpool_submit(pool, job_count, &runs), -EAGAIN),
              "the queue is what it was, and paused");
    cr_assert(eq(uint, atomic_load(&runs), 0));
    cr_assert(eq(int, workpool_resize(pool, 2, 2, 64), 0));
    cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
    cr_assert(eq(uint, atomic_load(&runs), 4));
    workpool_destroy(pool);
}

/* Fails when destroy waits for a worker that nobody can start. */
Test(workpool_hooked, close_runs_a_paused_pool_s_jobs_itself_where_no_worker_can_be_started)
{
    workpool_t *pool = crew_of(1, 4);
    _Atomic unsigned runs = 0;

    cr_assert(eq(int, workpool_resize(pool, 0, 0, 4), 0));
    for (int i = 0; i < 4; i++)
        crew_submit(pool, job_count, &runs);
    allow_starts(0);
    cr_assert(eq(int, workpool_close(pool, UINT32_MAX), 0));
    cr_assert(eq(uint, atomic_load(&runs), 4));
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ now and then */

static bool refuse_two_of_three(enum hook_call call)
{
    return call == HOOK_THREAD && atomic_fetch_add(&starts_left, 1) % 3 != 0;
}

struct racers {
    workpool_t *pool;
    _Atomic unsigned taken, runs;
};

static void *race(void *arg)
{
    struct racers *racers = arg;

    for (int i = 0; i < 3000; i++) {
        int error = workpool_submit(racers->pool, job_count, &racers->runs);
        MUST(error == 0 || error == -EAGAIN);
        atomic_fetch_add(&racers->taken, error == 0);
        if (i % 16 == 0) {
            atomic_fetch_add(&crew_now_ms, 100000);
            workpool_expire(racers->pool);
        }
    }
    return NULL;
}

/* Fails when a start that failed leaves another submit's job without a worker: drain would wait for ever. */
Test(workpool_hooked, every_job_taken_is_run_while_most_starts_fail_and_workers_leave, .timeout = 120)
{
    for (size_t workers = 1; workers <= 3; workers++) {
        struct racers racers = {.pool = crew_of(workers, 2)};
        pthread_t thread[4];

        hook_on_call(refuse_two_of_three);
        for (int i = 0; i < 4; i++)
            MUST(pthread_create(&thread[i], NULL, race, &racers) == 0);
        for (int i = 0; i < 4; i++)
            pthread_join(thread[i], NULL);
        cr_assert(eq(int, workpool_drain(racers.pool, UINT32_MAX), 0));
        cr_assert(eq(uint, atomic_load(&racers.runs), atomic_load(&racers.taken)));
        cr_assert(crew_accounts_hold(racers.pool));
        workpool_destroy(racers.pool);
        hook_on_call(NULL);
    }
}
