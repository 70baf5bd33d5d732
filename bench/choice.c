#include "choice.h"

#include <string.h>

#include "harness.h"
#include "partition.h"

/* A get that is oversized costs two system calls and new pages, some thousand times a hit. */
#define OVERSIZED_ONE_IN 10000u
/* A tier is there to save this share of what was asked for at the peak, and these bytes. */
#define PRICE_ONE_IN 1000u
#define PRICE_LEAST ((uint64_t)8 << 10)
/* Between these, a stride that is no whole number of pages keeps pages from going home: src/README.md. */
#define PAGES_FROM ((uint64_t)4096)
#define PAGES_TO ((uint64_t)16384)
#define TIER_BYTES_MOST ((uint64_t)1 << 30)

/* What a tier holds that is made for this many bytes. */
static uint64_t capacity_for(uint64_t bytes)
{
    if (bytes > PAGES_FROM && bytes < PAGES_TO)
        bytes = (bytes + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    return tier_capacity(tier_size_for(bytes));
}

static uint64_t most_in_use(const struct demand *demand, unsigned from, unsigned to)
{
    uint32_t most = 0;
    for (unsigned moment = 0; moment < demand->moments; moment++) {
        uint32_t in_use = demand_in_use(demand, moment, from, to);
        most = in_use > most ? in_use : most;
    }
    return most;
}

/* Bytes that nobody asked for: on the mean of all moments, and at the peak. */
static uint64_t waste(const struct demand *demand, unsigned from, unsigned to, uint64_t capacity)
{
    uint64_t mean = 0, peak = 0;
    for (unsigned i = from; i <= to; i++) {
        uint64_t in_use = 0;
        for (unsigned moment = 0; moment < demand->moments; moment++)
            in_use += demand_in_use(demand, moment, i, i);
        mean += in_use * (capacity - demand->size[i]);
        peak += demand_in_use(demand, 0, i, i) * (capacity - demand->size[i]);
    }
    return mean / demand->moments + peak;
}

static uint64_t cost_of_run(const void *context, unsigned from, unsigned to)
{
    const struct demand *demand = context;
    uint64_t capacity = capacity_for(demand->size[to]);
    return most_in_use(demand, from, to) * capacity + waste(demand, from, to, capacity);
}

uint64_t choice_cost(const struct demand *demand, const struct tier_set *tiers)
{
    uint64_t cost = 0;
    unsigned from = 0;

    for (unsigned tier = 0; tier < tiers->count; tier++) {
        unsigned to = from;
        while (to < demand->count && demand->size[to] <= tiers->capacity[tier])
            to++;
        if (to > from)
            cost += most_in_use(demand, from, to - 1) * tiers->capacity[tier] +
                    waste(demand, from, to - 1, tiers->capacity[tier]);
        from = to;
    }
    return cost;
}

/* All sizes but the largest, as long as those are asked for next to never. */
static void find_largest(struct choice *choice, const struct demand *demand)
{
    choice->sizes = demand->count;
    while (choice->sizes > 1) {
        unsigned last = choice->sizes - 1;
        uint64_t oversized = choice->oversized_gets + demand->gets[last];
        if (oversized * OVERSIZED_ONE_IN > demand->asked_gets &&
            tier_size_for(demand->size[last]) <= TIER_BYTES_MOST)
            break;
        choice->oversized_gets = oversized;
        choice->sizes--;
    }
}

void choose_tiers(struct choice *choice, const struct demand *demand)
{
    *choice = (struct choice){.price = demand->asked_peak / PRICE_ONE_IN};
    if (choice->price < PRICE_LEAST)
        choice->price = PRICE_LEAST;
    find_largest(choice, demand);

    size_t best_bytes = PARTITION_RUNS_MOST * sizeof(struct partition);
    struct partition *best = harness_map(best_bytes, false);
    unsigned count = partition_best(best, PARTITION_RUNS_MOST, choice->sizes, cost_of_run, demand);
    unsigned chosen = partition_choose(best, count, choice->price);
    choice->cost = best[chosen].cost;
    choice->cost_one_fewer = chosen > 0 ? best[chosen - 1].cost : 0;
    choice->cost_one_more = chosen + 1 < count ? best[chosen + 1].cost : 0;
    for (unsigned run = 0; run < best[chosen].runs; run++) {
        struct tier_set *tiers = &choice->tiers;
        uint64_t capacity = capacity_for(demand->size[best[chosen].last[run]]);
        if (tiers->count && tiers->capacity[tiers->count - 1] == capacity)
            continue; /* two that are one, in whole pages */
        tiers->capacity[tiers->count] = capacity;
        tiers->size[tiers->count++] = tier_size_for(capacity);
    }
    harness_unmap(best, best_bytes);
}

/* What those tiers cost, and each of them that serves any. */
static uint64_t charged(const struct demand *demand, const struct choice *choice,
                        const struct tier_set *tiers)
{
    uint64_t cost = choice_cost(demand, tiers);
    unsigned serves = TIERS_MOST;

    for (unsigned i = 0; i < choice->sizes; i++) {
        unsigned tier = tier_set_find(tiers, demand->size[i]);
        cost += tier != serves ? choice->price : 0;
        serves = tier;
    }
    return cost;
}

void choose_steps(bufpool_config_t *config, struct tier_set *tiers, const struct demand *demand,
                  const struct choice *choice)
{
    const uint64_t largest = choice->tiers.size[choice->tiers.count - 1];
    uint64_t power = 64, cost_least = UINT64_MAX;

    while (power < largest)
        power *= 2;
    for (unsigned i = 0; i < 2 * 3 * 11; i++) {
        bufpool_config_t try = BUFPOOL_CONFIG_INIT;
        struct tier_set made;
        /* 512 first, then 64, 128 ... 32768: of equals the default stays. */
        try.min_size = i / 6 == 0 ? try.min_size : (size_t)64 << (i / 6 - 1);
        try.tier_steps = (size_t)1 << i / 2 % 3;
        try.max_size = i % 2 == 0 ? power : largest;
        if (try.max_size > TIER_BYTES_MOST || try.min_size > try.max_size)
            continue;
        tier_set_of(&made, &try);
        uint64_t cost = charged(demand, choice, &made);
        if (cost < cost_least) {
            cost_least = cost;
            *tiers = made;
            config->tier_steps = try.tier_steps;
            config->min_size = try.min_size;
            config->max_size = try.max_size;
        }
    }
}
