/*
 * bench/partition.h against every partition there is.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "partition.h"

#define SIZES_MOST 10u

struct costs {
    unsigned n;
    uint64_t size[SIZES_MOST], count[SIZES_MOST];
    uint64_t any[SIZES_MOST][SIZES_MOST]; /* costs that follow no rule */
    bool by_rule;
};

static uint64_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *state >> 33;
}

/* What nobody asked for: all of a run is served by its largest size. */
static uint64_t cost(const void *context, unsigned from, unsigned to)
{
    const struct costs *costs = context;
    uint64_t sum = 0;
    if (!costs->by_rule)
        return costs->any[from][to];
    for (unsigned i = from; i <= to; i++)
        sum += costs->count[i] * (costs->size[to] - costs->size[i]);
    return sum;
}

static void make_costs(struct costs *costs, uint64_t *random, bool by_rule)
{
    costs->n = 1 + (unsigned)(random_next(random) % SIZES_MOST);
    costs->by_rule = by_rule;
    for (unsigned i = 0; i < costs->n; i++) {
        costs->size[i] = (i ? costs->size[i - 1] : 0) + 64 * (1 + random_next(random) % 50);
        costs->count[i] = random_next(random) % 20;
        for (unsigned j = 0; j < costs->n; j++)
            costs->any[i][j] = random_next(random) % 1000;
    }
}

/* A bit for each place where a run can end but the last; UINT64_MAX where that is not so many runs. */
static uint64_t cost_of(const struct costs *costs, unsigned ends, unsigned runs)
{
    unsigned from = 0, found = 0;
    uint64_t sum = 0;
    for (unsigned i = 0; i < costs->n; i++) {
        if (i + 1 < costs->n && (ends >> i & 1) == 0)
            continue;
        sum += cost(costs, from, i);
        from = i + 1;
        found++;
    }
    return found == runs ? sum : UINT64_MAX;
}

static uint64_t least_of_all(const struct costs *costs, unsigned runs)
{
    uint64_t least = UINT64_MAX;
    for (unsigned ends = 0; ends < 1u << (costs->n - 1); ends++) {
        uint64_t one = cost_of(costs, ends, runs);
        least = one < least ? one : least;
    }
    return least;
}

static void assert_best(const struct costs *costs)
{
    struct partition best[SIZES_MOST];
    unsigned count = partition_best(best, SIZES_MOST, costs->n, cost, costs);

    cr_assert(eq(uint, count, costs->n));
    for (unsigned k = 0; k < count; k++) {
        unsigned from = 0;
        uint64_t sum = 0;
        cr_assert(eq(uint, best[k].runs, k + 1));
        for (unsigned run = 0; run <= k; run++) { /* what it says it costs is what its runs cost */
            cr_assert(best[k].last[run] >= from && best[k].last[run] < costs->n);
            sum += cost(costs, from, best[k].last[run]);
            from = best[k].last[run] + 1;
        }
        cr_assert(eq(uint, from, costs->n));
        cr_assert(eq(u64, best[k].cost, sum));
        cr_assert(eq(u64, best[k].cost, least_of_all(costs, k + 1)));
    }
}

/* Fails when a better partition is overlooked, or its runs are read back wrong. */
Test(advise_partition, no_partition_of_all_is_better)
{
    uint64_t random = 3;
    for (unsigned round = 0; round < 400; round++) {
        struct costs costs;
        make_costs(&costs, &random, round % 2 == 0);
        assert_best(&costs);
    }
}

/* Fails when more runs are asked for than can be. */
Test(advise_partition, of_few_sizes_there_are_few)
{
    struct costs costs = {.n = 1, .size = {64}, .count = {5}, .by_rule = true};
    struct partition best[4];
    cr_assert(eq(uint, partition_best(best, 4, 1, cost, &costs), 1));
    cr_assert(eq(u64, best[0].cost, 0));
    cr_assert(eq(uint, partition_best(best, 4, 0, cost, &costs), 0));
}

/* Fails when a run is kept that saves less than it is charged, or one is left out that saves more. */
Test(advise_partition, as_many_runs_as_pay_for_themselves)
{
    const struct partition best[] = {
        {.cost = 1000}, {.cost = 500}, {.cost = 450}, {.cost = 100}, {.cost = 99}};
    cr_assert(eq(uint, partition_choose(best, 5, 0), 4));
    cr_assert(eq(uint, partition_choose(best, 5, 1), 3));   /* equals: the fewer */
    cr_assert(eq(uint, partition_choose(best, 5, 199), 3)); /* two at once may pay where one does not */
    cr_assert(eq(uint, partition_choose(best, 5, 201), 1));
    cr_assert(eq(uint, partition_choose(best, 5, 501), 0));
    cr_assert(eq(uint, partition_choose(best, 1, 7), 0));
}
