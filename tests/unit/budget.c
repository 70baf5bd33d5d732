/*
 * budget.h: a bound that holds exactly.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#include "budget.h"
#include "pools.h"

static struct budget budget;

static uint64_t used(void)
{
    return atomic_load(&budget.used);
}

/* Fails when the last unit that fits is refused, or one that does not is granted. */
Test(unit_budget, grants_exactly_what_fits)
{
    budget_init(&budget, 1000);
    cr_assert(eq(u64, budget_take(&budget, 300, 1), 1));
    cr_assert(eq(u64, budget_take(&budget, 300, 9), 2));
    cr_assert(eq(u64, used(), 900));
    cr_assert(eq(u64, budget_take(&budget, 300, 1), 0));
    cr_assert(eq(u64, budget_take(&budget, 101, 1), 0));
    cr_assert(eq(u64, budget_take(&budget, 100, 1), 1));
    cr_assert(eq(u64, budget_take(&budget, 1, 1), 0));
    budget_give(&budget, 1000);
    cr_assert(eq(u64, used(), 0));
}

/* Fails when "none" costs something, or is not none. */
Test(unit_budget, nothing_wanted_is_nothing_granted)
{
    budget_init(&budget, 1000);
    cr_assert(eq(u64, budget_take(&budget, 10, 0), 0));
    budget_init(&budget, 0);
    cr_assert(eq(u64, budget_take(&budget, 64, 1), 0));
    cr_assert(eq(u64, used(), 0));
    budget_init(&budget, UINT64_MAX);
    cr_assert(eq(u64, budget_take(&budget, 64, 0), 0));
}

/* Fails when a product wraps: a huge request would be granted in full. */
Test(unit_budget, huge_requests_do_not_wrap)
{
    budget_init(&budget, UINT64_MAX - 1);
    cr_assert(eq(u64, budget_take(&budget, UINT64_C(1) << 33, UINT64_C(1) << 33), (UINT64_C(1) << 31) - 1));
    budget_init(&budget, 1 << 20);
    cr_assert(eq(u64, budget_take(&budget, UINT64_MAX, 1), 0));
    cr_assert(eq(u64, budget_take(&budget, 1 << 20, UINT64_MAX), 1));
}

/* Fails when the word is written where there is no limit: every thread would share its line for nothing. */
Test(unit_budget, unlimited_never_touches_the_word)
{
    budget_init(&budget, UINT64_MAX);
    atomic_store(&budget.used, 0x5a5a);
    cr_assert(eq(u64, budget_take(&budget, MIB, UINT64_MAX), UINT64_MAX));
    budget_give(&budget, 12345);
    budget_force(&budget, 54321);
    cr_assert(eq(u64, used(), 0x5a5a));
}

/* Fails when a forked child's adoptions let it take more than the limit, or wrap the room below zero. */
Test(unit_budget, what_is_forced_counts_and_leaves_no_room)
{
    budget_init(&budget, 1000);
    budget_force(&budget, 1500);
    cr_assert(eq(u64, budget_take(&budget, 1, 1), 0));
    budget_give(&budget, 600);
    cr_assert(eq(u64, budget_take(&budget, 1, 200), 100));
    cr_assert(eq(u64, used(), 1000));
}

enum { THREADS = 4, ROUNDS = 200000, LIMIT = 1000 };

static _Atomic uint64_t held;
static _Atomic unsigned excesses;
static pthread_barrier_t begin;

/* Counts what it holds after taking and before giving: the sum of all may never pass the limit. */
static void *take_and_give(void *arg)
{
    uint64_t state = (uintptr_t)arg;

    pthread_barrier_wait(&begin);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t unit = 1 + random_next(&state) % 97;
        uint64_t want = 1 + random_next(&state) % 12;
        uint64_t bytes = unit * budget_take(&budget, unit, want);
        if (bytes > unit * want || atomic_fetch_add(&held, bytes) + bytes > LIMIT)
            atomic_fetch_add(&excesses, 1);
        atomic_fetch_sub(&held, bytes);
        budget_give(&budget, bytes);
    }
    return NULL;
}

/* Fails when the check and the taking are two steps. */
Test(unit_budget, takes_of_many_threads_never_pass_the_limit)
{
    pthread_t thread[THREADS];

    budget_init(&budget, LIMIT);
    pthread_barrier_init(&begin, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, take_and_give, (void *)(i + 1)); // NOLINT(performance-no-int-to-ptr)
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    cr_assert(eq(uint, excesses, 0));
    cr_assert(eq(u64, used(), 0));
}
