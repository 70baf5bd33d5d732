/*
 * Workers: how many there are, which one is called, and which one leaves.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>

#include "crew.h"

enum { CREW = 4 };

struct crew {
    workpool_t *pool;
    struct gate gate[CREW]; /* who stood in gate i became idle as the i-th */
};

/* Four workers, idle since now, now + 10, + 20, + 30; the last one is the warmest. */
static void rest_one_by_one(struct crew *crew, workpool_config_t config)
{
    crew->pool = crew_from(&config);
    for (int i = 0; i < CREW; i++) {
        gate_init(&crew->gate[i]);
        gate_occupy(&crew->gate[i], crew->pool);
    }
    for (unsigned i = 0; i < CREW; i++) {
        gate_open(&crew->gate[i]);
        AWAIT(crew_stats(crew->pool).idle == i + 1);
        atomic_fetch_add(&crew_now_ms, 10);
    }
}

/* Who takes the next job. */
static uint64_t next_worker(workpool_t *pool, struct gate *gate)
{
    gate_init(gate);
    gate_occupy(gate, pool);
    return atomic_load(&gate->worker);
}

/* Fails when any other idle worker is called: the coldest (a queue), the first made (a list). */
Test(workpool_workers, the_worker_that_became_idle_last_is_called_first)
{
    struct crew crew;
    struct gate again[CREW];

    rest_one_by_one(&crew, crew_config(CREW, 8));
    for (int i = CREW - 1; i >= 0; i--)
        cr_assert(eq(u64, next_worker(crew.pool, &again[i]), atomic_load(&crew.gate[i].worker)), "%d", i);
    cr_assert(eq(u64, crew_stats(crew.pool).starts, CREW));
    /* Another order of coming to rest, another order of calls. */
    static const int order[CREW] = {2, 0, 3, 1};
    for (unsigned i = 0; i < CREW; i++) {
        gate_open(&again[order[i]]);
        AWAIT(crew_stats(crew.pool).idle == i + 1);
    }
    struct gate last[CREW];
    for (int i = CREW - 1; i >= 0; i--)
        cr_assert(eq(u64, next_worker(crew.pool, &last[i]), atomic_load(&again[order[i]].worker)), "%d", i);
    for (int i = 0; i < CREW; i++)
        gate_open(&last[i]);
    workpool_destroy(crew.pool);
}

/* Fails when jobs one at a time spread over workers: the others could never go. */
Test(workpool_workers, one_job_at_a_time_needs_one_worker)
{
    workpool_t *pool = crew_of(8, 8);
    _Atomic unsigned runs = 0;

    for (int i = 0; i < 100; i++) {
        crew_submit(pool, job_count, &runs);
        AWAIT(crew_stats(pool).idle == 1);
    }
    cr_assert(eq(u64, crew_stats(pool).starts, 1));
    workpool_destroy(pool);
}

/* Fails when the wrong one leaves, too early, too late, or below the minimum. */
Test(workpool_workers, who_has_been_idle_longest_leaves_first_down_to_min_workers)
{
    struct crew crew;
    struct gate left;
    workpool_config_t config = crew_config(CREW, 8);

    config.idle_timeout_ms = 100;
    rest_one_by_one(&crew, config);
    cr_assert(eq(int, workpool_resize(crew.pool, CREW, 1, 8), 0));
    atomic_fetch_add(&crew_now_ms, 59); /* the first is idle for 99 */
    cr_assert(eq(sz, workpool_expire(crew.pool), 0));
    atomic_fetch_add(&crew_now_ms, 1);
    cr_assert(eq(sz, workpool_expire(crew.pool), 1));
    cr_assert(eq(sz, workpool_expire(crew.pool), 0));
    atomic_fetch_add(&crew_now_ms, 10);
    cr_assert(eq(sz, workpool_expire(crew.pool), 1));
    workpool_stats_t stats = crew_stats(crew.pool);
    cr_assert(eq(u64, stats.workers, 2));
    cr_assert(eq(u64, stats.idle, 2));
    atomic_fetch_add(&crew_now_ms, 1000000);
    cr_assert(eq(sz, workpool_expire(crew.pool), 1), "the minimum stays");
    cr_assert(eq(u64, crew_stats(crew.pool).expiries, 3));
    cr_assert(eq(u64, next_worker(crew.pool, &left), atomic_load(&crew.gate[CREW - 1].worker)),
              "the warmest");
    gate_open(&left);
    workpool_destroy(crew.pool);
}

/* Fails when a job does not make its worker warm again, or a busy worker is taken for an idle one. */
Test(workpool_workers, who_works_does_not_leave)
{
    struct crew crew;
    struct gate gate;
    workpool_config_t config = crew_config(CREW, 8);

    config.idle_timeout_ms = 100;
    rest_one_by_one(&crew, config);
    uint64_t warm = next_worker(crew.pool, &gate);
    atomic_fetch_add(&crew_now_ms, 1000);
    cr_assert(eq(sz, workpool_expire(crew.pool), 3), "all but the busy one");
    gate_open(&gate);
    AWAIT(crew_stats(crew.pool).idle == 1);
    cr_assert(eq(sz, workpool_expire(crew.pool), 0), "idle for no time");
    struct gate again;
    cr_assert(eq(u64, next_worker(crew.pool, &again), warm));
    gate_open(&again);
    AWAIT(crew_stats(crew.pool).idle == 1);
    atomic_fetch_add(&crew_now_ms, 100);
    cr_assert(eq(sz, workpool_expire(crew.pool), 1), "of a minimum of 0 the last one too");
    cr_assert(eq(u64, crew_stats(crew.pool).workers, 0));
    _Atomic unsigned runs = 0;
    cr_assert(eq(int, workpool_submit_wait(crew.pool, job_count, &runs), 0), "and a new one comes");
    workpool_destroy(crew.pool);
}

/* Fails when 0 means at once instead of never. */
Test(workpool_workers, without_an_idle_timeout_nobody_leaves)
{
    struct crew crew;
    workpool_config_t config = crew_config(CREW, 8);

    config.idle_timeout_ms = 0;
    rest_one_by_one(&crew, config);
    atomic_fetch_add(&crew_now_ms, UINT32_MAX);
    cr_assert(eq(sz, workpool_expire(crew.pool), 0));
    cr_assert(eq(u64, crew_stats(crew.pool).workers, CREW));
    workpool_destroy(crew.pool);
}

/* Fails when workers of a pool with the system's clock need somebody to tell them. */
Test(workpool_workers, with_the_system_s_clock_they_leave_by_themselves, .timeout = 120)
{
    workpool_config_t config = crew_config(CREW, 8);
    struct gate gate;

    config.clock = NULL;
    config.idle_timeout_ms = 1;
    config.min_workers = 1;
    workpool_t *pool = crew_from(&config);
    gate_init(&gate);
    for (int i = 0; i < CREW; i++)
        gate_occupy(&gate, pool);
    for (int i = 0; i < CREW; i++)
        gate_open(&gate);
    AWAIT(crew_stats(pool).workers == 1 && crew_stats(pool).idle == 1);
    cr_assert(eq(u64, crew_stats(pool).expiries, CREW - 1));
    workpool_destroy(pool);
}

/* Fails when a stack is kept for each worker that ever ended. */
Test(workpool_workers, workers_that_leave_are_made_use_of_again, .timeout = 120)
{
    workpool_t *pool = crew_of(2, 8);
    _Atomic unsigned runs = 0;

    for (int i = 0; i < 200; i++) {
        crew_submit(pool, job_count, &runs);
        AWAIT(crew_stats(pool).idle >= 1 && crew_stats(pool).running == 0);
        atomic_fetch_add(&crew_now_ms, 10000);
        AWAIT(workpool_expire(pool) + crew_stats(pool).expiries > (uint64_t)i);
    }
    cr_assert(eq(uint, atomic_load(&runs), 200));
    cr_assert(ge(u64, crew_stats(pool).starts, 200));
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ never more */

struct crowd {
    workpool_t *pool;
    _Atomic unsigned inside, most, runs;
};

static void enter(void *arg)
{
    struct crowd *crowd = arg;
    unsigned now = atomic_fetch_add(&crowd->inside, 1) + 1, most = atomic_load(&crowd->most);

    while (now > most && !atomic_compare_exchange_weak(&crowd->most, &most, now))
        continue;
    sched_yield();
    atomic_fetch_sub(&crowd->inside, 1);
    atomic_fetch_add(&crowd->runs, 1);
}

static void *press(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < 2000; i++)
        crew_submit(crowd->pool, enter, crowd);
    return NULL;
}

/* Fails when a race starts one worker more. */
Test(workpool_workers, there_are_never_more_than_max_workers, .timeout = 400)
{
    workpool_config_t config = crew_config(3, 5);
    struct crowd crowd = {.pool = NULL};
    pthread_t thread[8];

    config.when_full = WORKPOOL_WAIT;
    crowd.pool = crew_from(&config);
    for (int i = 0; i < 8; i++)
        MUST(pthread_create(&thread[i], NULL, press, &crowd) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    cr_assert(eq(int, workpool_drain(crowd.pool, UINT32_MAX), 0));
    cr_assert(eq(uint, atomic_load(&crowd.runs), 16000));
    cr_assert(le(uint, atomic_load(&crowd.most), 3));
    workpool_stats_t stats = crew_stats(crowd.pool);
    cr_assert(le(u64, stats.peak_workers, 3));
    cr_assert(le(u64, stats.peak_queued, 5 + 3),
              "five that wait, and three that are on their way to a worker");
    cr_assert(crew_accounts_hold(crowd.pool));
    workpool_destroy(crowd.pool);
}
