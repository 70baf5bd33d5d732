/*
 * Waits inside jobs: no chain or tree of them comes to a stop, and nobody waits for himself.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "crew.h"

static void *give_back(void *arg)
{
    return arg;
}

struct tree {
    workpool_t *pool;
    workpool_group_t *group;
    unsigned depth;
    _Atomic unsigned *leaves;
};

struct chain {
    workpool_t *pool;
    unsigned left;
    _Atomic unsigned ended;
    int error;
};

static void *call_next(void *arg)
{
    struct chain *chain = arg;
    workpool_future_t *future;

    if (chain->left-- > 0) {
        int error = workpool_call(chain->pool, call_next, chain, &future);
        if (error == 0)
            error = workpool_future_wait(future, UINT32_MAX, NULL);
        if (error != 0)
            chain->error = error;
    }
    atomic_fetch_add(&chain->ended, 1);
    return NULL;
}

static void assert_chain_ends(size_t workers, size_t queue, enum workpool_full when_full)
{
    workpool_config_t config = crew_config(workers, queue);
    config.when_full = when_full;
    struct chain chain = {.pool = crew_from(&config), .left = 300};
    workpool_future_t *future;

    cr_assert(eq(int, workpool_call(chain.pool, call_next, &chain, &future), 0));
    cr_assert(eq(int, workpool_future_wait(future, UINT32_MAX, NULL), 0));
    cr_assert(eq(int, chain.error, 0));
    cr_assert(eq(uint, atomic_load(&chain.ended), 301));
    cr_assert(crew_accounts_hold(chain.pool));
    workpool_destroy(chain.pool);
}

/* Fails when all workers wait for jobs that are queued behind them; or when a job that was taken out of the
 * queue keeps its place there: the chain is longer than queue and workers together. */
Test(workpool_nested, a_chain_of_waits_longer_than_workers_and_queue_ends, .timeout = 120)
{
    static const enum workpool_full policies[] = {WORKPOOL_WAIT, WORKPOOL_REFUSE, WORKPOOL_RUN};

    for (size_t i = 0; i < 3; i++)
        for (size_t workers = 1; workers <= 3; workers++)
            for (size_t queue = 1; queue <= 2; queue++)
                assert_chain_ends(workers, queue, policies[i]);
    assert_chain_ends(1, 0, WORKPOOL_RUN);
    assert_chain_ends(2, 0, WORKPOOL_WAIT);
}

static void grow(void *arg)
{
    struct tree *tree = arg;
    struct tree below = {.pool = tree->pool, .depth = tree->depth - 1, .leaves = tree->leaves};

    if (tree->depth == 0) {
        atomic_fetch_add(tree->leaves, 1);
        return;
    }
    MUST(workpool_group_create(tree->pool, &below.group) == 0);
    for (int i = 0; i < 3; i++)
        MUST(workpool_group_submit(below.group, grow, &below) == 0);
    MUST(workpool_group_wait(below.group, UINT32_MAX) == 0);
    workpool_group_destroy(below.group);
}

/* Fails when a worker that waits for a group does not run the group's queued jobs. */
Test(workpool_nested, a_tree_of_groups_deeper_than_the_workers_ends, .timeout = 120)
{
    for (size_t workers = 1; workers <= 3; workers++) {
        workpool_config_t config = crew_config(workers, 2);
        _Atomic unsigned leaves = 0;
        config.when_full = WORKPOOL_WAIT;
        struct tree tree = {.pool = crew_from(&config), .depth = 6, .leaves = &leaves};
        cr_assert(eq(int, workpool_submit_wait(tree.pool, grow, &tree), 0));
        cr_assert(eq(uint, atomic_load(&leaves), 729));
        cr_assert(crew_accounts_hold(tree.pool));
        workpool_destroy(tree.pool);
    }
}

struct picky {
    workpool_t *pool;
    _Atomic unsigned others_before, others;
    struct gate gate;
};

static void wait_for_own(void *arg)
{
    struct picky *picky = arg;
    workpool_future_t *future;

    gate_job(&picky->gate); /* meanwhile others are queued */
    MUST(workpool_call(picky->pool, give_back, NULL, &future) == 0);
    MUST(workpool_future_wait(future, UINT32_MAX, NULL) == 0);
    atomic_store(&picky->others_before, atomic_load(&picky->others));
}

/* Fails when a job that waits runs others' jobs: on top of it they could wait for it. */
Test(workpool_nested, a_wait_runs_nothing_but_what_it_waits_for)
{
    struct picky picky = {.pool = crew_of(1, 64)};

    gate_init(&picky.gate);
    crew_submit(picky.pool, wait_for_own, &picky);
    gate_await(&picky.gate);
    for (int i = 0; i < 10; i++)
        crew_submit(picky.pool, job_count, &picky.others);
    gate_open(&picky.gate);
    workpool_stats_t stats;
    cr_assert(eq(int, workpool_drain(picky.pool, UINT32_MAX), 0));
    stats = crew_stats(picky.pool);
    cr_assert(eq(uint, atomic_load(&picky.others_before), 0));
    cr_assert(eq(uint, atomic_load(&picky.others), 10));
    cr_assert(eq(u64, stats.runs_by_waiters, 1));
    workpool_destroy(picky.pool);
}

struct flood {
    workpool_t *pool;
    _Atomic unsigned runs;
    int within;
};

static void flood(void *arg)
{
    struct flood *flood = arg;

    for (int i = 0; i < 100; i++)
        crew_submit(flood->pool, job_count, &flood->runs);
    flood->within = workpool_submit_within(flood->pool, job_count, &flood->runs, UINT32_MAX);
}

/* Fails when a job waits for a place in the queue that only it could make. */
Test(workpool_nested, a_job_that_finds_the_queue_full_runs_its_job_instead_of_waiting, .timeout = 120)
{
    workpool_config_t config = crew_config(1, 3);
    config.when_full = WORKPOOL_WAIT;
    struct flood all = {.pool = crew_from(&config)};

    cr_assert(eq(int, workpool_submit_wait(all.pool, flood, &all), 0));
    cr_assert(eq(int, all.within, -EAGAIN), "submit_within never runs it");
    cr_assert(eq(int, workpool_drain(all.pool, UINT32_MAX), 0));
    cr_assert(eq(uint, atomic_load(&all.runs), 100));
    cr_assert(eq(u64, crew_stats(all.pool).runs_by_submitters, 97));
    workpool_destroy(all.pool);
}

struct selfish {
    workpool_t *pool;
    workpool_group_t *group;
    workpool_future_t *future;
    struct gate gate;
    int group_wait, future_wait, drain, close, close_at_once;
};

static void *wait_for_self(void *arg)
{
    struct selfish *self = arg;
    gate_job(&self->gate);
    self->future_wait = workpool_future_wait(self->future, UINT32_MAX, NULL);
    return NULL;
}

static void wait_for_own_group(void *arg)
{
    struct selfish *self = arg;
    self->group_wait = workpool_group_wait(self->group, UINT32_MAX);
    self->drain = workpool_drain(self->pool, UINT32_MAX);
    self->close = workpool_close(self->pool, UINT32_MAX);
    self->close_at_once = workpool_close(self->pool, 0);
}

/* Fails when a job may wait for itself: for ever. */
Test(workpool_nested, waiting_for_oneself_is_told_instead_of_done, .timeout = 120)
{
    struct selfish self = {.pool = crew_of(2, 4)};

    gate_init(&self.gate);
    cr_assert(eq(int, workpool_group_create(self.pool, &self.group), 0));
    cr_assert(eq(int, workpool_call(self.pool, wait_for_self, &self, &self.future), 0));
    gate_open(&self.gate);
    cr_assert(eq(int, workpool_future_wait(self.future, UINT32_MAX, NULL), 0));
    cr_assert(eq(int, self.future_wait, -EDEADLK));
    cr_assert(eq(int, workpool_group_submit(self.group, wait_for_own_group, &self), 0));
    cr_assert(eq(int, workpool_group_wait(self.group, UINT32_MAX), 0));
    cr_assert(eq(int, self.group_wait, -EDEADLK));
    cr_assert(eq(int, self.drain, -EDEADLK));
    cr_assert(eq(int, self.close, -EDEADLK));
    cr_assert(eq(int, self.close_at_once, -ETIMEDOUT), "closed, and this job is still running");
    cr_assert(eq(int, workpool_submit(self.pool, job_count, &self), -ESHUTDOWN), "closed all the same");
    workpool_group_destroy(self.group);
    workpool_destroy(self.pool);
}
