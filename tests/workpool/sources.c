/*
 * What other worker pools' own tests ask, asked of ours; named after them: fasthttp's workerpool, ants, pond,
 * gammazero/workerpool. Where theirs sleep and hope, these wait for conditions.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>

#include "crew.h"

/* ------------------------------------------------------------ valyala/fasthttp workerpool_test.go */

static void *start_and_stop(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        workpool_t *pool = crew_of(10, 0);
        size_t dropped = 1;
        cr_assert(eq(int, workpool_stop(pool, UINT32_MAX, &dropped), 0));
        cr_assert(eq(sz, dropped, 0));
        workpool_destroy(pool);
    }
    return NULL;
}

Test(workpool_sources, fasthttp_TestWorkerPoolStartStopSerial)
{
    start_and_stop(NULL);
}

Test(workpool_sources, fasthttp_TestWorkerPoolStartStopConcurrent)
{
    pthread_t thread[10];

    for (int i = 0; i < 10; i++)
        MUST(pthread_create(&thread[i], NULL, start_and_stop, NULL) == 0);
    for (int i = 0; i < 10; i++)
        pthread_join(thread[i], NULL);
}

/* Ten are served, the eleventh is not; when they are done, ten are again. */
static void *serve_as_many_as_there_are_workers(void *arg)
{
    workpool_t *pool = crew_of(10, 0);
    (void)arg;

    for (int round = 0; round < 5; round++) {
        struct gate gate;
        gate_init(&gate);
        for (int i = 0; i < 10; i++)
            crew_submit(pool, gate_job, &gate);
        for (int i = 0; i < 5; i++)
            cr_assert(eq(int, workpool_submit(pool, gate_job, &gate), -EAGAIN));
        for (int i = 0; i < 10; i++)
            gate_open(&gate);
        cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
        cr_assert(eq(uint, atomic_load(&gate.passed), 10));
    }
    workpool_destroy(pool);
    return NULL;
}

Test(workpool_sources, fasthttp_TestWorkerPoolMaxWorkersCountSerial)
{
    serve_as_many_as_there_are_workers(NULL);
}

Test(workpool_sources, fasthttp_TestWorkerPoolMaxWorkersCountConcurrent)
{
    pthread_t thread[4];

    for (int i = 0; i < 4; i++)
        MUST(pthread_create(&thread[i], NULL, serve_as_many_as_there_are_workers, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
}

/* ------------------------------------------------------------ panjf2000/ants ants_test.go */

Test(workpool_sources, ants_TestNonblockingSubmit)
{
    workpool_t *pool = crew_of(10, 0);
    struct gate gate, last;
    _Atomic unsigned runs = 0;

    gate_init(&gate);
    gate_init(&last);
    for (int i = 0; i < 9; i++)
        crew_submit(pool, gate_job, &gate);
    crew_submit(pool, gate_job, &last);
    cr_assert(eq(int, workpool_submit(pool, job_count, &runs), -EAGAIN));
    gate_open(&last);
    AWAIT(crew_stats(pool).runs == 1);
    cr_assert(eq(int, workpool_submit(pool, job_count, &runs), 0));
    for (int i = 0; i < 9; i++)
        gate_open(&gate);
    workpool_destroy(pool);
    cr_assert(eq(uint, atomic_load(&runs), 1));
}

Test(workpool_sources, ants_TestPurgePool_all_workers_leave)
{
    enum { SIZE = 100 };
    workpool_t *pool = crew_of(SIZE, 0);
    struct gate gate;

    gate_init(&gate);
    for (int i = 0; i < SIZE; i++)
        crew_submit(pool, gate_job, &gate);
    for (int i = 0; i < SIZE; i++)
        gate_await(&gate);
    cr_assert(eq(u64, crew_stats(pool).running, SIZE));
    for (int i = 0; i < SIZE; i++)
        gate_open(&gate);
    AWAIT(crew_stats(pool).idle == SIZE);
    atomic_fetch_add(&crew_now_ms, 10000);
    cr_assert(eq(sz, workpool_expire(pool), SIZE));
    cr_assert(eq(u64, crew_stats(pool).workers, 0));
    workpool_destroy(pool);
}

/* Theirs is used again after Release; a closed pool of ours stays closed, and a pause is what can be ended.
 */
Test(workpool_sources, ants_TestRebootNewPool_a_paused_pool_goes_on)
{
    workpool_t *pool = crew_of(10, 10);
    _Atomic unsigned runs = 0;

    cr_assert(eq(int, workpool_submit_wait(pool, job_count, &runs), 0));
    cr_assert(eq(int, workpool_resize(pool, 0, 0, 0), 0));
    AWAIT(crew_stats(pool).workers == 0);
    cr_assert(eq(int, workpool_submit(pool, job_count, &runs), -EAGAIN));
    cr_assert(eq(int, workpool_resize(pool, 10, 0, 10), 0));
    cr_assert(eq(int, workpool_submit_wait(pool, job_count, &runs), 0));
    cr_assert(eq(uint, atomic_load(&runs), 2));
    workpool_destroy(pool);
}

Test(workpool_sources, ants_TestPoolTuneScaleUp, .timeout = 120)
{
    workpool_t *pool = crew_of(2, 0);
    struct gate gate;

    gate_init(&gate);
    for (unsigned workers = 2; workers <= 12; workers += 5) {
        cr_assert(eq(int, workpool_resize(pool, workers, 0, 0), 0));
        while (workpool_submit(pool, gate_job, &gate) == 0)
            continue;
        cr_assert(eq(u64, crew_stats(pool).workers, workers));
    }
    for (int i = 0; i < 12; i++)
        gate_open(&gate);
    workpool_destroy(pool);
    cr_assert(eq(uint, atomic_load(&gate.passed), 12));
}

Test(workpool_sources, ants_TestReleaseTimeout)
{
    workpool_t *pool = crew_of(10, 0);
    struct gate gate;

    gate_init(&gate);
    for (int i = 0; i < 10; i++)
        crew_submit(pool, gate_job, &gate);
    cr_assert(eq(int, workpool_close(pool, 1), -ETIMEDOUT));
    for (int i = 0; i < 10; i++)
        gate_open(&gate);
    cr_assert(eq(int, workpool_close(pool, UINT32_MAX), 0));
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ alitto/pond */

Test(workpool_sources, pond_TestPoolWithQueueSizeAndNonBlocking)
{
    workpool_t *pool = crew_of(10, 10);
    struct gate gate;
    unsigned taken = 0;

    gate_init(&gate);
    for (int i = 0; i < 50; i++)
        taken += workpool_submit(pool, gate_job, &gate) == 0;
    cr_assert(eq(uint, taken, 20), "ten run, ten wait");
    for (int i = 0; i < 20; i++)
        gate_open(&gate);
    workpool_destroy(pool);
    cr_assert(eq(uint, atomic_load(&gate.passed), 20));
}

Test(workpool_sources, pond_TestPoolResize, .timeout = 120)
{
    workpool_t *pool = crew_of(1, 10);
    struct gate gate;

    gate_init(&gate);
    for (int i = 0; i < 10; i++)
        crew_submit(pool, gate_job, &gate);
    gate_await(&gate);
    workpool_stats_t stats = crew_stats(pool);
    cr_assert(eq(u64, stats.running, 1));
    cr_assert(eq(u64, stats.queued, 9));
    cr_assert(eq(int, workpool_resize(pool, 3, 0, 10), 0));
    AWAIT(crew_stats(pool).running == 3 && crew_stats(pool).queued == 7);
    cr_assert(eq(int, workpool_resize(pool, 2, 0, 10), 0));
    gate_open(&gate);
    AWAIT(crew_stats(pool).running == 2 && crew_stats(pool).queued == 7);
    for (int i = 0; i < 9; i++)
        gate_open(&gate);
    workpool_destroy(pool);
    cr_assert(eq(uint, atomic_load(&gate.passed), 10));
}

struct stopping {
    workpool_t *pool;
    struct gate gate;
    int error;
};

static void submit_while_stopping(void *arg)
{
    struct stopping *stopping = arg;
    gate_job(&stopping->gate);
    stopping->error = workpool_submit_wait(stopping->pool, job_count, stopping);
}

Test(workpool_sources, pond_TestPoolSubmitWhileStopping)
{
    struct stopping stopping = {.pool = crew_of(10, 10)};

    gate_init(&stopping.gate);
    crew_submit(stopping.pool, submit_while_stopping, &stopping);
    cr_assert(eq(int, workpool_close(stopping.pool, 0), -ETIMEDOUT));
    gate_open(&stopping.gate);
    workpool_destroy(stopping.pool);
    cr_assert(eq(int, stopping.error, -ESHUTDOWN));
}

Test(workpool_sources, pond_TestNewGroup)
{
    workpool_t *pool = crew_of(10, 1000);
    workpool_group_t *groups[5];
    _Atomic unsigned runs[5] = {0};

    for (int i = 0; i < 5; i++)
        MUST(workpool_group_create(pool, &groups[i]) == 0);
    for (int i = 0; i < 500; i++)
        cr_assert(eq(int, workpool_group_submit(groups[i % 5], job_count, &runs[i % 5]), 0));
    for (int i = 0; i < 5; i++) {
        cr_assert(eq(int, workpool_group_wait(groups[i], UINT32_MAX), 0));
        cr_assert(eq(uint, atomic_load(&runs[i]), 100));
        workpool_group_destroy(groups[i]);
    }
    workpool_destroy(pool);
}

Test(workpool_sources, pond_TestTaskGroupWithStoppedPool)
{
    workpool_t *pool = crew_of(10, 10);
    workpool_group_t *group;

    MUST(workpool_group_create(pool, &group) == 0);
    cr_assert(eq(int, workpool_stop(pool, UINT32_MAX, NULL), 0));
    cr_assert(eq(int, workpool_group_submit(group, job_count, group), -ESHUTDOWN));
    cr_assert(eq(int, workpool_group_wait(group, UINT32_MAX), 0), "of no jobs");
    workpool_group_destroy(group);
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ gammazero/workerpool */

Test(workpool_sources, gammazero_TestMaxWorkers)
{
    enum { MOST = 20 };
    workpool_t *pool = crew_of(MOST, 2 * MOST);
    struct gate gate;

    gate_init(&gate);
    for (int i = 0; i < 2 * MOST; i++)
        crew_submit(pool, gate_job, &gate);
    for (int i = 0; i < MOST; i++)
        gate_await(&gate);
    cr_assert(eq(u64, crew_stats(pool).workers, MOST));
    for (int i = 0; i < 2 * MOST; i++)
        gate_open(&gate);
    workpool_destroy(pool);
}

Test(workpool_sources, gammazero_TestReuseWorkers)
{
    workpool_t *pool = crew_of(5, 5);
    struct gate gate;

    gate_init(&gate);
    for (int i = 0; i < 10; i++) {
        gate_occupy(&gate, pool);
        gate_open(&gate);
        AWAIT(crew_stats(pool).idle == 1);
    }
    cr_assert(eq(u64, crew_stats(pool).starts, 1));
    workpool_destroy(pool);
}

Test(workpool_sources, gammazero_TestOverflow_stop_tells_of_all_that_did_not_begin)
{
    workpool_t *pool = crew_of(2, 64);
    struct gate gate;
    size_t dropped;

    gate_init(&gate);
    for (int i = 0; i < 64; i++)
        crew_submit(pool, gate_job, &gate);
    gate_await(&gate);
    gate_await(&gate);
    cr_assert(eq(int, workpool_stop(pool, 0, &dropped), -ETIMEDOUT));
    cr_assert(eq(sz, dropped, 62));
    gate_open(&gate);
    gate_open(&gate);
    workpool_destroy(pool);
    cr_assert(eq(uint, atomic_load(&gate.passed), 2));
}

Test(workpool_sources, gammazero_TestStopWait)
{
    workpool_t *pool = crew_of(5, 1000);
    _Atomic unsigned runs = 0;

    for (int i = 0; i < 1000; i++)
        crew_submit(pool, job_count, &runs);
    cr_assert(eq(int, workpool_close(pool, UINT32_MAX), 0));
    cr_assert(eq(uint, atomic_load(&runs), 1000));
    cr_assert(eq(int, workpool_close(pool, UINT32_MAX), 0));
    cr_assert(eq(int, workpool_submit(pool, job_count, &runs), -ESHUTDOWN));
    workpool_destroy(pool);
}

Test(workpool_sources, gammazero_TestSubmitWait)
{
    workpool_t *pool = crew_of(1, 8);
    _Atomic unsigned runs = 0;

    crew_submit(pool, job_count, &runs);
    cr_assert(eq(int, workpool_submit_wait(pool, job_count, &runs), 0));
    cr_assert(eq(uint, atomic_load(&runs), 2), "it and all before it");
    workpool_destroy(pool);
}

Test(workpool_sources, gammazero_TestPause)
{
    workpool_t *pool = crew_of(25, 25);
    _Atomic unsigned runs = 0;

    cr_assert(eq(int, workpool_resize(pool, 0, 0, 25), 0));
    for (int i = 0; i < 25; i++)
        crew_submit(pool, job_count, &runs);
    cr_assert(eq(u64, crew_stats(pool).queued, 25));
    cr_assert(eq(uint, atomic_load(&runs), 0));
    cr_assert(eq(int, workpool_resize(pool, 25, 0, 25), 0));
    cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
    cr_assert(eq(uint, atomic_load(&runs), 25));
    workpool_destroy(pool);
}
