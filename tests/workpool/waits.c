/*
 * Futures and groups: results, errors, ends.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "crew.h"
#include "misuse.h"
#include "process.h"

static void *give_back(void *arg)
{
    return arg;
}

static void *give_back_at_gate(void *arg)
{
    gate_job(arg);
    return arg;
}

/* Fails when a result is another job's, or comes before its job has ended. */
Test(workpool_waits, a_future_gives_what_its_job_returned)
{
    workpool_t *pool = crew_of(3, 64);
    workpool_future_t *future[64];
    char marks[64];

    for (int i = 0; i < 64; i++)
        cr_assert(eq(int, workpool_call(pool, give_back, &marks[i], &future[i]), 0));
    for (int i = 0; i < 64; i++) {
        void *result = NULL;
        cr_assert(eq(int, workpool_future_wait(future[i], UINT32_MAX, &result), 0));
        cr_assert(eq(ptr, result, &marks[i]));
    }
    cr_assert(eq(int, workpool_call(pool, NULL, NULL, &future[0]), -EINVAL));
    cr_assert(eq(int, workpool_call(pool, give_back, NULL, NULL), -EINVAL));
    workpool_destroy(pool);
}

/* Fails when a timeout ends the future, or a wait of 0 waits. */
Test(workpool_waits, a_wait_that_timed_out_can_be_done_again)
{
    workpool_t *pool = crew_of(1, 4);
    workpool_future_t *future;
    struct gate gate;
    void *result = NULL;

    gate_init(&gate);
    cr_assert(eq(int, workpool_call(pool, give_back_at_gate, &gate, &future), 0));
    cr_assert(eq(int, workpool_future_wait(future, 0, &result), -ETIMEDOUT));
    cr_assert(eq(int, workpool_future_wait(future, 1, &result), -ETIMEDOUT));
    cr_assert(eq(ptr, result, NULL));
    gate_open(&gate);
    cr_assert(eq(int, workpool_future_wait(future, UINT32_MAX, &result), 0));
    cr_assert(eq(ptr, result, &gate));
    workpool_destroy(pool);
}

/* Fails when a forgotten job is not run, or its future is kept for ever: before, while and after it runs. */
Test(workpool_waits, a_forgotten_job_is_run_all_the_same)
{
    workpool_t *pool = crew_of(1, 4);
    workpool_future_t *running, *queued, *ended;
    struct gate gate;
    uint64_t in_use = stats_of(bufpool_default()).in_use_bytes;

    gate_init(&gate);
    cr_assert(eq(int, workpool_call(pool, give_back, &gate, &ended), 0));
    cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
    workpool_future_forget(ended);
    cr_assert(eq(int, workpool_call(pool, give_back_at_gate, &gate, &running), 0));
    gate_await(&gate);
    cr_assert(eq(int, workpool_call(pool, give_back_at_gate, &gate, &queued), 0));
    workpool_future_forget(running);
    workpool_future_forget(queued);
    gate_open(&gate);
    gate_open(&gate);
    workpool_destroy(pool);
    cr_assert(eq(uint, atomic_load(&gate.passed), 2));
    cr_assert(eq(u64, stats_of(bufpool_default()).in_use_bytes, in_use));
}

/* Fails when a refused call leaves its future behind. */
Test(workpool_waits, a_call_that_is_refused_costs_nothing)
{
    workpool_t *pool = crew_of(1, 0);
    struct gate gate;
    workpool_future_t *untouched = (workpool_future_t *)&gate, *future = untouched;
    uint64_t in_use = stats_of(bufpool_default()).in_use_bytes;

    gate_init(&gate);
    gate_occupy(&gate, pool);
    for (int i = 0; i < 100; i++)
        cr_assert(eq(int, workpool_call(pool, give_back, NULL, &future), -EAGAIN));
    cr_assert(eq(ptr, future, untouched));
    cr_assert(eq(u64, stats_of(bufpool_default()).in_use_bytes, in_use));
    gate_open(&gate);
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ groups */

struct chain {
    workpool_group_t *group;
    unsigned left;
    _Atomic unsigned ends;
};

static void *wait_for_group(void *group)
{
    return (void *)(intptr_t)workpool_group_wait(group, UINT32_MAX);
}

/* Fails when a wait ends before the group has, one of several waiters is left, or a group serves once only.
 */
Test(workpool_waits, a_group_is_waited_for_by_any_number_of_threads_any_number_of_times, .timeout = 120)
{
    workpool_t *pool = crew_of(2, 64);
    workpool_group_t *group;
    struct gate gate;
    pthread_t waiters[3];

    cr_assert(eq(int, workpool_group_create(pool, &group), 0));
    cr_assert(eq(int, workpool_group_wait(group, UINT32_MAX), 0), "of no jobs");
    for (unsigned round = 1; round <= 3; round++) {
        gate_init(&gate);
        for (int i = 0; i < 8; i++)
            cr_assert(eq(int, workpool_group_submit(group, gate_job, &gate), 0));
        cr_assert(eq(int, workpool_group_wait(group, 0), -ETIMEDOUT));
        cr_assert(eq(int, workpool_group_wait(group, 1), -ETIMEDOUT));
        for (int i = 0; i < 3; i++)
            MUST(pthread_create(&waiters[i], NULL, wait_for_group, group) == 0);
        for (int i = 0; i < 8; i++)
            gate_open(&gate);
        for (int i = 0; i < 3; i++) {
            void *result;
            pthread_join(waiters[i], &result);
            cr_assert(eq(ptr, result, NULL));
            cr_assert(eq(uint, atomic_load(&gate.passed), 8));
        }
    }
    cr_assert(eq(int, workpool_group_submit(group, NULL, NULL), -EINVAL));
    workpool_group_destroy(group);
    workpool_destroy(pool);
}

static void submit_more(void *arg)
{
    struct chain *chain = arg;

    if (chain->left-- > 0)
        MUST(workpool_group_submit(chain->group, submit_more, chain) == 0);
    else
        atomic_fetch_add(&chain->ends, 1);
}

/* Fails when a group is taken for empty between two of its jobs, of which the first submits the second. */
Test(workpool_waits, a_group_s_jobs_may_submit_more_of_it)
{
    workpool_t *pool = crew_of(2, 64);
    struct chain chain = {.left = 1000};

    cr_assert(eq(int, workpool_group_create(pool, &chain.group), 0));
    submit_more(&chain);
    cr_assert(eq(int, workpool_group_wait(chain.group, UINT32_MAX), 0));
    cr_assert(eq(uint, atomic_load(&chain.ends), 1));
    workpool_group_destroy(chain.group);
    workpool_destroy(pool);
}

/* Fails when a group in use is freed, or nobody is told. */
Test(workpool_waits, destroying_a_group_in_use_is_misuse_and_does_nothing)
{
    struct misuse_record misuse = {0};
    workpool_config_t config = crew_config(1, 4);
    struct gate gate;
    workpool_group_t *group;

    config.name = "victims";
    workpool_t *pool = crew_from(&config);
    gate_init(&gate);
    cr_assert(eq(int, workpool_group_create(pool, &group), 0));
    cr_assert(eq(int, workpool_group_submit(group, gate_job, &gate), 0));
    misuse_record(&misuse);
    workpool_group_destroy(group);
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(strncmp(misuse.line, "workpool: pool 'victims': workpool_group_destroy while", 54) == 0, "%s",
              misuse.line);
    gate_open(&gate);
    cr_assert(eq(int, workpool_group_wait(group, UINT32_MAX), 0));
    workpool_group_destroy(group);
    cr_assert(eq(uint, misuse.calls, 1));
    workpool_destroy(pool);
}

/* ------------------------------------------------------------ still out at destroy */

struct left {
    unsigned futures, groups;
    const char *line;
};

/* Of each kind one more than is left is made, and ended. */
static int destroy_with_some_out(void *arg)
{
    const struct left *left = arg;
    workpool_config_t config = crew_config(2, 64);
    workpool_future_t *future = NULL;
    workpool_group_t *group = NULL;
    bool ok = true;

    config.name = "debts";
    workpool_t *pool = crew_from(&config);
    for (unsigned i = 0; i <= left->futures; i++)
        ok = ok && workpool_call(pool, give_back, NULL, &future) == 0;
    ok = ok && workpool_future_wait(future, UINT32_MAX, NULL) == 0;
    ok = ok && workpool_call(pool, give_back, NULL, &future) == 0;
    workpool_future_forget(future);
    for (unsigned i = 0; i <= left->groups; i++)
        ok = ok && workpool_group_create(pool, &group) == 0;
    workpool_group_destroy(group);
    workpool_destroy(pool);
    return ok ? 0 : 1;
}

/* Fails when one is not told of, one is that has ended, or anything is said where all have. */
Test(workpool_waits, destroy_tells_of_futures_and_groups_still_out)
{
    static struct left cases[] = {
        {0, 0, ""},
        {1, 0, "workpool: pool 'debts': destroyed with 1 future still out\n"},
        {0, 1, "workpool: pool 'debts': destroyed with 1 group still out\n"},
        {3, 2, "workpool: pool 'debts': destroyed with 3 futures and 2 groups still out\n"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct child_end end = child_run(destroy_with_some_out, &cases[i]);
        cr_assert(child_exited(&end, 0), "%s", end.errors);
        cr_assert(strcmp(end.errors, cases[i].line) == 0, "%s", end.errors);
    }
}
