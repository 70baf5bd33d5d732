#include "storms.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "crew.h"

enum { SUBMITTERS = 4, ROUNDS = 3000 };

struct storm {
    workpool_t *pool;
    _Atomic uint64_t taken, runs, dropped, faults;
    _Atomic bool is_over;
};

static void count_run(void *arg)
{
    struct storm *storm = arg;
    atomic_fetch_add_explicit(&storm->runs, 1, memory_order_relaxed);
}

static void count_dropped(void (*run)(void *arg), void *job_arg, void *arg)
{
    struct storm *storm = job_arg;
    (void)arg;
    atomic_fetch_add(run == count_run ? &storm->dropped : &storm->faults, 1);
}

static void run_crowd(struct storm *storm, void *(*body)(void *arg), unsigned count)
{
    pthread_t thread[SUBMITTERS];
    for (unsigned i = 0; i < count; i++)
        MUST(pthread_create(&thread[i], NULL, body, storm) == 0);
    for (unsigned i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
}

/* Submits of every kind; what they said is counted. */
static void *submit_all_kinds(void *arg)
{
    struct storm *storm = arg;
    uint64_t random = (uint64_t)(uintptr_t)&random | 1;

    for (int i = 0; i < ROUNDS; i++) {
        int error;
        switch (random_next(&random) >> 40 & 3) {
        case 0:
            error = workpool_submit_within(storm->pool, count_run, storm, 0);
            break;
        case 1:
            error = workpool_submit_within(storm->pool, count_run, storm, 1);
            break;
        case 2:
            error = workpool_submit_wait(storm->pool, count_run, storm);
            break;
        default:
            error = workpool_submit(storm->pool, count_run, storm);
        }
        if (error == 0 || error == -ECANCELED)
            atomic_fetch_add(&storm->taken, 1);
        else if (error != -EAGAIN && error != -ETIMEDOUT && error != -ESHUTDOWN)
            atomic_fetch_add(&storm->faults, 1);
    }
    return NULL;
}

static bool holds(struct storm *storm)
{
    bool all_ran = workpool_drain(storm->pool, UINT32_MAX) == 0 && crew_accounts_hold(storm->pool);
    workpool_destroy(storm->pool);
    return all_ran && atomic_load(&storm->faults) == 0 &&
           atomic_load(&storm->taken) == atomic_load(&storm->runs) + atomic_load(&storm->dropped);
}

bool storm_every_job_taken_is_run_once_under_each_policy(void)
{
    static const enum workpool_full policies[] = {WORKPOOL_WAIT, WORKPOOL_REFUSE, WORKPOOL_RUN};
    bool all = true;

    for (int i = 0; i < 3; i++) {
        workpool_config_t config = crew_config(3, 4);
        config.when_full = policies[i];
        struct storm storm = {.pool = crew_from(&config)};
        run_crowd(&storm, submit_all_kinds, SUBMITTERS);
        all = holds(&storm) && all;
    }
    return all;
}

/* ------------------------------------------------------------ hand-over */

struct letter {
    uint64_t question[8], answer[8]; /* plain: ThreadSanitizer says who did not wait */
};

static void answer(void *arg)
{
    struct letter *letter = arg;
    for (int i = 0; i < 8; i++)
        letter->answer[i] = letter->question[i] + 1;
}

static void *answer_for_result(void *arg)
{
    answer(arg);
    return arg;
}

static bool is_answered(const struct letter *letter, uint64_t seed)
{
    for (unsigned i = 0; i < 8; i++)
        if (letter->answer[i] != seed + i + 1)
            return false;
    return true;
}

static void *correspond(void *arg)
{
    struct storm *storm = arg;
    struct letter letter = {{0}, {0}};
    workpool_group_t *group;

    MUST(workpool_group_create(storm->pool, &group) == 0);
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        workpool_future_t *future;
        void *result = &letter;
        for (unsigned i = 0; i < 8; i++)
            letter.question[i] = seed + i;
        if (seed % 3 == 0) {
            MUST(workpool_submit_wait(storm->pool, answer, &letter) == 0);
        } else if (seed % 3 == 1) {
            MUST(workpool_call(storm->pool, answer_for_result, &letter, &future) == 0);
            MUST(workpool_future_wait(future, UINT32_MAX, &result) == 0);
        } else {
            MUST(workpool_group_submit(group, answer, &letter) == 0);
            MUST(workpool_group_wait(group, UINT32_MAX) == 0);
        }
        if (!is_answered(&letter, seed) || result != &letter)
            atomic_fetch_add(&storm->faults, 1);
    }
    workpool_group_destroy(group);
    return NULL;
}

bool storm_what_a_job_wrote_is_seen_by_who_waited_for_it(void)
{
    workpool_config_t config = crew_config(3, 2);
    config.when_full = WORKPOOL_WAIT;
    struct storm storm = {.pool = crew_from(&config)};

    run_crowd(&storm, correspond, SUBMITTERS);
    workpool_destroy(storm.pool);
    return atomic_load(&storm.faults) == 0;
}

/* ------------------------------------------------------------ limits in traffic */

static void *change_limits(void *arg)
{
    struct storm *storm = arg;
    uint64_t random = 11;

    while (!atomic_load(&storm->is_over)) {
        uint64_t dice = random_next(&random) >> 30;
        size_t workers = dice % 5, queue = dice >> 8 & 7;
        if (workpool_resize(storm->pool, workers, workers / 2, queue) != 0)
            atomic_fetch_add(&storm->faults, 1);
        sched_yield();
    }
    if (workpool_resize(storm->pool, 2, 0, 4) != 0)
        atomic_fetch_add(&storm->faults, 1);
    return NULL;
}

bool storm_limits_that_change_lose_no_job_and_wake_all_who_wait(void)
{
    workpool_config_t config = crew_config(2, 4);
    pthread_t changer;
    config.when_full = WORKPOOL_WAIT;
    struct storm storm = {.pool = crew_from(&config)};

    MUST(pthread_create(&changer, NULL, change_limits, &storm) == 0);
    run_crowd(&storm, submit_all_kinds, SUBMITTERS);
    atomic_store(&storm.is_over, true);
    pthread_join(changer, NULL);
    return holds(&storm);
}

/* ------------------------------------------------------------ nested */

struct branch {
    struct storm *storm;
    unsigned depth;
};

static void grow(void *arg)
{
    struct branch *branch = arg, below = {branch->storm, branch->depth - 1};
    workpool_group_t *group;

    atomic_fetch_add(&branch->storm->runs, 1);
    if (branch->depth == 0)
        return;
    MUST(workpool_group_create(branch->storm->pool, &group) == 0);
    for (int i = 0; i < 3; i++)
        MUST(workpool_group_submit(group, grow, &below) == 0);
    MUST(workpool_group_wait(group, UINT32_MAX) == 0);
    workpool_group_destroy(group);
}

static void *plant(void *arg)
{
    struct branch branch = {arg, 4};
    for (int i = 0; i < 10; i++)
        MUST(workpool_submit_wait(branch.storm->pool, grow, &branch) == 0);
    return NULL;
}

bool storm_groups_inside_jobs_end_on_few_workers(void)
{
    workpool_config_t config = crew_config(2, 3);
    config.when_full = WORKPOOL_WAIT;
    struct storm storm = {.pool = crew_from(&config)};

    run_crowd(&storm, plant, SUBMITTERS);
    bool all_ran = crew_accounts_hold(storm.pool);
    workpool_destroy(storm.pool);
    return all_ran && atomic_load(&storm.runs) == SUBMITTERS * 10 * 121;
}

/* ------------------------------------------------------------ ends */

static void *stop_amidst(void *arg)
{
    struct storm *storm = arg;
    size_t dropped;

    AWAIT(atomic_load(&storm->taken) > 200);
    if (workpool_stop(storm->pool, UINT32_MAX, &dropped) != 0 ||
        dropped > atomic_load(&storm->taken) + SUBMITTERS)
        atomic_fetch_add(&storm->faults, 1);
    return NULL;
}

bool storm_stop_in_traffic_runs_or_drops_each_job_that_was_taken(void)
{
    bool all = true;

    for (int i = 0; i < 20; i++) {
        workpool_config_t config = crew_config(2, 64);
        pthread_t stopper;
        config.when_full = WORKPOOL_WAIT;
        config.dropped = count_dropped;
        struct storm storm = {.pool = crew_from(&config)};
        MUST(pthread_create(&stopper, NULL, stop_amidst, &storm) == 0);
        run_crowd(&storm, submit_all_kinds, SUBMITTERS);
        pthread_join(stopper, NULL);
        all = holds(&storm) && all;
    }
    return all;
}

static void *let_leave(void *arg)
{
    struct storm *storm = arg;

    while (!atomic_load(&storm->is_over)) {
        atomic_fetch_add(&crew_now_ms, 1000000);
        workpool_expire(storm->pool);
        sched_yield();
    }
    return NULL;
}

bool storm_workers_that_leave_in_traffic_lose_no_job(void)
{
    workpool_config_t config = crew_config(3, 4);
    pthread_t clock;
    config.when_full = WORKPOOL_WAIT;
    struct storm storm = {.pool = crew_from(&config)};

    MUST(pthread_create(&clock, NULL, let_leave, &storm) == 0);
    run_crowd(&storm, submit_all_kinds, SUBMITTERS);
    atomic_store(&storm.is_over, true);
    pthread_join(clock, NULL);
    return holds(&storm);
}

/* ------------------------------------------------------------ futures */

static void *count_for_result(void *arg)
{
    count_run(arg);
    return arg;
}

static void *wait_a_little(void *arg)
{
    struct storm *storm = arg;
    uint64_t random = (uint64_t)(uintptr_t)&random | 1;

    for (int i = 0; i < ROUNDS; i++) {
        workpool_future_t *future;
        void *result = storm;
        uint64_t dice = random_next(&random) >> 40;
        MUST(workpool_call(storm->pool, count_for_result, storm, &future) == 0);
        atomic_fetch_add(&storm->taken, 1);
        int error = dice & 1 ? workpool_future_wait(future, dice >> 1 & 1, &result) : -ETIMEDOUT;
        if (error == -ETIMEDOUT && dice & 4)
            error = workpool_future_wait(future, UINT32_MAX, &result);
        if (error == -ETIMEDOUT)
            workpool_future_forget(future);
        else if (error != 0 || result != storm)
            atomic_fetch_add(&storm->faults, 1);
    }
    return NULL;
}

bool storm_futures_that_time_out_or_are_forgotten_are_all_given_back(void)
{
    uint64_t in_use = stats_of(bufpool_default()).in_use_bytes;
    workpool_config_t config = crew_config(3, 8);
    config.when_full = WORKPOOL_WAIT;
    struct storm storm = {.pool = crew_from(&config)};

    run_crowd(&storm, wait_a_little, SUBMITTERS);
    return holds(&storm) && stats_of(bufpool_default()).in_use_bytes == in_use;
}
