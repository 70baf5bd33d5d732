/*
 * workpool.h, sentence by sentence: what a submit does, and what a full queue does with it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "process.h"

/* Fails when a bad configuration is taken, or leaves something behind. */
Test(workpool_contract, create_refuses_what_its_contract_refuses)
{
    workpool_config_t good = crew_config(2, 4), bad[8];
    workpool_t *untouched = (workpool_t *)&good, *pool = untouched;

    for (size_t i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].max_workers = 0;
    bad[1].max_workers = WORKPOOL_MAX_WORKERS + 1;
    bad[2].min_workers = 3;
    bad[3].max_queue = WORKPOOL_MAX_QUEUE + 1;
    bad[4].when_full = (enum workpool_full)3;
    bad[5].struct_size = sizeof good - 1;
    bad[6].max_queue = SIZE_MAX;
    bad[7].min_workers = SIZE_MAX;
    for (size_t i = 0; i < 8; i++) {
        cr_assert(eq(int, workpool_create(&pool, &bad[i]), -EINVAL), "%zu", i);
        cr_assert(eq(ptr, pool, untouched));
    }
    cr_assert(eq(int, workpool_create(NULL, &good), -EINVAL));
    cr_assert(eq(int, workpool_create(NULL, NULL), -EINVAL));
    workpool_destroy(NULL);
    workpool_group_destroy(NULL);
    workpool_future_forget(NULL);
}

/* Fails when NULL is refused, or gives another pool than the header's defaults. */
Test(workpool_contract, without_a_configuration_there_are_the_defaults, .timeout = 120)
{
    enum { WORKERS = 8, QUEUE = 1024 };
    workpool_t *pool = NULL;
    struct gate gate;
    _Atomic unsigned runs = 0;

    gate_init(&gate);
    cr_assert(eq(int, workpool_create(&pool, NULL), 0));
    cr_assert(eq(u64, crew_stats(pool).workers, 0));
    for (int i = 0; i < WORKERS; i++)
        gate_occupy(&gate, pool);
    for (int i = 0; i < QUEUE; i++)
        crew_submit(pool, job_count, &runs);
    cr_assert(eq(int, workpool_submit_within(pool, job_count, &runs, 0), -EAGAIN));
    cr_assert(eq(u64, crew_stats(pool).workers, WORKERS));
    for (int i = 0; i < WORKERS; i++)
        gate_open(&gate);
    cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
    cr_assert(eq(uint, atomic_load(&runs), QUEUE));
    workpool_destroy(pool);
}

/* Fails when a job is lost, run twice, or run although its submit said no. */
Test(workpool_contract, every_job_that_is_taken_is_run_once)
{
    static _Atomic unsigned runs[20000];
    workpool_config_t config = crew_config(4, 100);
    config.when_full = WORKPOOL_WAIT;
    workpool_t *pool = crew_from(&config);

    for (size_t i = 0; i < 20000; i++)
        crew_submit(pool, job_count, &runs[i]);
    cr_assert(eq(int, workpool_submit(pool, NULL, runs), -EINVAL));
    cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
    for (size_t i = 0; i < 20000; i++)
        cr_assert(eq(uint, atomic_load(&runs[i]), 1), "job %zu", i);
    workpool_stats_t stats = crew_stats(pool);
    cr_assert(eq(u64, stats.submits, 20000));
    cr_assert(eq(u64, stats.runs, 20000));
    cr_assert(crew_accounts_hold(pool));
    workpool_destroy(pool);
}

/* Fails when a later job begins first: one worker shows the order of the begins. */
Test(workpool_contract, jobs_begin_in_the_order_of_their_submits)
{
    static struct record record;
    static struct entry entries[1000];
    struct gate gate;
    workpool_t *pool = crew_of(1, 1000);

    gate_init(&gate);
    gate_occupy(&gate, pool);
    for (unsigned i = 0; i < 1000; i++) {
        entries[i] = (struct entry){&record, i};
        crew_submit(pool, job_record, &entries[i]);
    }
    gate_open(&gate);
    cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
    for (unsigned i = 0; i < 1000; i++)
        cr_assert(eq(uint, atomic_load(&record.entry[i]), i));
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ full */

struct full {
    workpool_t *pool;
    struct gate gate;
    _Atomic unsigned runs;
};

/* Two workers stand in the gate, `queue` jobs wait. */
static void fill_up(struct full *full, enum workpool_full when_full, size_t queue)
{
    workpool_config_t config = crew_config(2, queue);

    config.when_full = when_full;
    atomic_store(&full->runs, 0);
    gate_init(&full->gate);
    full->pool = crew_from(&config);
    gate_occupy(&full->gate, full->pool);
    gate_occupy(&full->gate, full->pool);
    for (size_t i = 0; i < queue; i++)
        crew_submit(full->pool, job_count, &full->runs);
}

static void empty_out(struct full *full)
{
    gate_open(&full->gate);
    gate_open(&full->gate);
    cr_assert(eq(int, workpool_drain(full->pool, UINT32_MAX), 0));
    cr_assert(crew_accounts_hold(full->pool));
    workpool_destroy(full->pool);
}

/* Fails when the bound is off by one, on either side, for no place, one or many. */
Test(workpool_contract, a_queue_that_refuses_holds_exactly_max_queue)
{
    static const size_t queues[] = {0, 1, 3, 64, 1000};

    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        struct full full;
        fill_up(&full, WORKPOOL_REFUSE, queues[i]);
        cr_assert(eq(int, workpool_submit(full.pool, job_count, &full.runs), -EAGAIN), "%zu", queues[i]);
        workpool_stats_t stats = crew_stats(full.pool);
        cr_assert(eq(u64, stats.queued, queues[i]));
        cr_assert(eq(u64, stats.workers, 2));
        cr_assert(eq(u64, stats.refusals, 1));
        cr_assert(eq(u64, stats.running, 2));
        empty_out(&full);
        cr_assert(eq(uint, atomic_load(&full.runs), queues[i]), "what was refused is not run");
    }
}

struct where {
    pthread_t thread;
    bool has_run;
};

static void note_where(void *arg)
{
    *(struct where *)arg = (struct where){pthread_self(), true};
}

/* Fails when the job is queued, refused or run by another thread. */
Test(workpool_contract, a_queue_that_lets_run_has_the_submitter_run_the_job_at_once)
{
    struct full full;
    struct where where = {.has_run = false};

    fill_up(&full, WORKPOOL_RUN, 2);
    cr_assert(eq(int, workpool_submit(full.pool, note_where, &where), 0));
    cr_assert(where.has_run);
    cr_assert(pthread_equal(where.thread, pthread_self()) != 0);
    cr_assert(eq(uint, atomic_load(&full.runs), 0), "what is queued waits on");
    cr_assert(eq(u64, crew_stats(full.pool).runs_by_submitters, 1));
    empty_out(&full);
}

static struct record arrivals;

struct waiting {
    struct entry entry;
    workpool_t *pool;
    pthread_t thread;
    uint32_t timeout_ms;
    int result;
};

static void *submit_and_wait_for_room(void *arg)
{
    struct waiting *waiting = arg;
    waiting->result = waiting->timeout_ms == 0 ? workpool_submit(waiting->pool, job_record, &waiting->entry)
                                               : workpool_submit_within(waiting->pool, job_record,
                                                                        &waiting->entry, waiting->timeout_ms);
    return NULL;
}

static void start_waiting(struct waiting *waiting, workpool_t *pool, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        waiting[i].pool = pool;
        waiting[i].entry = (struct entry){&arrivals, i};
        MUST(pthread_create(&waiting[i].thread, NULL, submit_and_wait_for_room, &waiting[i]) == 0);
        AWAIT(crew_stats(pool).waiters == i + 1);
    }
}

/* Fails when a submit that waits is passed by a later one, or is not served when there is room. */
Test(workpool_contract, who_waits_for_room_is_served_in_the_order_of_arrival, .timeout = 120)
{
    enum { WAITING = 6 };
    struct full full;
    struct waiting waiting[WAITING] = {{.timeout_ms = 0}};

    for (size_t queue = 0; queue < 3; queue++) {
        atomic_store(&arrivals.used, 0);
        fill_up(&full, WORKPOOL_WAIT, queue);
        start_waiting(waiting, full.pool, WAITING);
        gate_open(&full.gate); /* one worker: what it begins with is what comes first */
        for (unsigned i = 0; i < WAITING; i++) {
            pthread_join(waiting[i].thread, NULL);
            cr_assert(eq(int, waiting[i].result, 0));
        }
        AWAIT(atomic_load(&arrivals.used) == WAITING);
        for (unsigned i = 0; i < WAITING; i++)
            cr_assert(eq(uint, atomic_load(&arrivals.entry[i]), i));
        cr_assert(eq(u64, crew_stats(full.pool).waits, WAITING));
        empty_out(&full);
    }
}

/* Fails when a submit waits longer than for ever, or its job is run after it was told no. */
Test(workpool_contract, a_submit_that_waited_in_vain_is_never_run)
{
    struct full full;

    fill_up(&full, WORKPOOL_REFUSE, 1);
    atomic_store(&full.runs, 0);
    cr_assert(eq(int, workpool_submit_within(full.pool, job_count, &full.runs, 1), -ETIMEDOUT));
    cr_assert(eq(int, workpool_submit_within(full.pool, job_count, &full.runs, 0), -EAGAIN));
    workpool_stats_t stats = crew_stats(full.pool);
    cr_assert(eq(u64, stats.timeouts, 1));
    cr_assert(eq(u64, stats.waiters, 0));
    empty_out(&full);
    cr_assert(eq(uint, atomic_load(&full.runs), 1), "only what was queued before");
}

/* Fails when submit_within goes by the configuration instead of its argument. */
Test(workpool_contract, submit_within_waits_whatever_is_configured)
{
    struct full full;
    struct waiting waiting = {.timeout_ms = UINT32_MAX};

    atomic_store(&arrivals.used, 0);
    fill_up(&full, WORKPOOL_REFUSE, 1);
    start_waiting(&waiting, full.pool, 1);
    gate_open(&full.gate);
    pthread_join(waiting.thread, NULL);
    cr_assert(eq(int, waiting.result, 0));
    empty_out(&full);
    cr_assert(eq(uint, atomic_load(&arrivals.used), 1));
}

/* Fails when a configured wait is for ever, or none. */
Test(workpool_contract, wait_ms_bounds_the_wait_of_a_submit)
{
    workpool_config_t config = crew_config(1, 0);
    struct gate gate;
    _Atomic unsigned runs = 0;

    config.when_full = WORKPOOL_WAIT;
    config.wait_ms = 1;
    workpool_t *pool = crew_from(&config);
    gate_init(&gate);
    gate_occupy(&gate, pool);
    cr_assert(eq(int, workpool_submit(pool, job_count, &runs), -ETIMEDOUT));
    gate_open(&gate);
    workpool_destroy(pool);
    cr_assert(eq(uint, atomic_load(&runs), 0));
}

/* Fails when a submit asks malloc: in the main thread's arena, which mallinfo2 counts. */
Test(workpool_contract, in_steady_state_a_submit_allocates_nothing)
{
    workpool_t *pool = crew_of(2, 512);
    _Atomic unsigned runs = 0;

    for (int round = 0; round < 2; round++) {
        size_t before = mallinfo2().uordblks;
        for (int i = 0; i < 500; i++)
            crew_submit(pool, job_count, &runs);
        cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
        if (round > 0)
            cr_assert(eq(sz, mallinfo2().uordblks, before));
    }
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ workers' surroundings */

static sigset_t worker_signals;

static void note_signals(void *arg)
{
    (void)arg;
    pthread_sigmask(SIG_BLOCK, NULL, &worker_signals);
}

/* Fails when a signal of the program may be delivered to a worker. */
Test(workpool_contract, workers_have_all_signals_blocked)
{
    workpool_t *pool = crew_of(1, 1);

    cr_assert(eq(int, workpool_submit_wait(pool, note_signals, NULL), 0));
    cr_assert(eq(int, sigismember(&worker_signals, SIGTERM), 1));
    cr_assert(eq(int, sigismember(&worker_signals, SIGINT), 1));
    cr_assert(eq(int, sigismember(&worker_signals, SIGUSR1), 1));
    workpool_destroy(pool);
}

static int use_in_child(void *arg)
{
    workpool_t *pool = arg;
    workpool_future_t *future = NULL;
    workpool_group_t *group = NULL;
    workpool_stats_t stats = WORKPOOL_STATS_INIT;
    size_t dropped = 7;
    bool ok = workpool_submit(pool, job_count, &dropped) == -ECHILD &&
              workpool_submit_within(pool, job_count, &dropped, 5) == -ECHILD &&
              workpool_submit_wait(pool, job_count, &dropped) == -ECHILD &&
              workpool_call(pool, NULL, NULL, &future) == -ECHILD &&
              workpool_group_create(pool, &group) == -ECHILD && workpool_drain(pool, UINT32_MAX) == -ECHILD &&
              workpool_close(pool, UINT32_MAX) == -ECHILD &&
              workpool_stop(pool, UINT32_MAX, &dropped) == -ECHILD &&
              workpool_resize(pool, 1, 0, 1) == -ECHILD && workpool_expire(pool) == 0 &&
              workpool_stats(pool, &stats) == -ECHILD && workpool_dump(pool, stderr, BUFPOOL_JSON) == -ECHILD;
    workpool_destroy(pool);
    if (!ok)
        return 1;
    /* A pool of its own it may have. */
    _Atomic unsigned runs = 0;
    workpool_t *own = crew_of(2, 4);
    crew_submit(own, job_count, &runs);
    workpool_destroy(own);
    return atomic_load(&runs) == 1 ? 0 : 2;
}

/* Fails when a child touches the copy of a lock that somebody may hold, or waits for threads it has not. */
Test(workpool_contract, a_child_of_fork_is_told_so_by_every_call, .timeout = 120)
{
    struct full full;

    fill_up(&full, WORKPOOL_REFUSE, 2);
    struct child_end end = child_run(use_in_child, full.pool);
    cr_assert(child_exited(&end, 0), "status %d: %s", end.status, end.errors);
    empty_out(&full);
}
