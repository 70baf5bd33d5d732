#include "simulation.h"

/* As src/cache.c and src/magazine.h have them. */
#define CAP_START_BYTES ((uint64_t)32 << 10)
#define CAP_START_MOST 32u
#define CAP_MOST 256u
#define MAGAZINE_MOST 62u
#define MAGAZINE_BYTES ((uint64_t)1 << 20)

/* As src/growth.c has them. */
#define GROWTH_BATCH ((uint64_t)2 << 20)
#define GROWTH_FREE ((uint64_t)32 << 20)

#define PAGE ((uint64_t)4096)

/* A thread's bin of a tier. */
struct bin {
    uint32_t n, cap;
    bool flushed_since_refill;
};

/* Magazines, the last one pushed on top: of each how many buffers it has. */
#define PILE_MOST (UINT32_C(1) << 20)
struct pile {
    uint8_t *magazine;
    uint32_t n;
};

/* What a tier has in the depot, by age, and what was released. */
struct depot {
    struct pile shared, victim;
    uint64_t released;
};

struct state {
    const struct simulation_terms *terms;
    struct simulation *result;
    struct bin *bins;  /* [thread * TIERS_MOST + tier] */
    uint64_t *granted; /* bytes of all caps, by thread */
    uint32_t threads;
    struct depot depot[TIERS_MOST];
    uint64_t backed, in_use, asked, idle, carved, grown, paid; /* bytes */
    uint64_t ns, collected_ns;
    double backed_ns;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t capacity_of(const struct state *state, unsigned tier)
{
    return state->terms->tiers->capacity[tier];
}

static uint32_t magazine_of(const struct state *state, unsigned tier)
{
    return (uint32_t)most(1, least(MAGAZINE_MOST, MAGAZINE_BYTES / state->terms->tiers->size[tier]));
}

/* ------------------------------------------------------------ magazines */

static void push(struct pile *pile, uint64_t count)
{
    if (count == 0)
        return;
    if (pile->n == PILE_MOST)
        die("more than %u magazines of a tier", PILE_MOST);
    pile->magazine[pile->n++] = (uint8_t)count;
}

/* 0: there is none. */
static uint64_t pop(struct pile *pile)
{
    return pile->n ? pile->magazine[--pile->n] : 0;
}

/* ------------------------------------------------------------ the private cache */

static bool grow(struct state *state, uint32_t thread, unsigned tier, bool fetched_back)
{
    struct bin *bin = &state->bins[thread * TIERS_MOST + tier];
    uint64_t size = state->terms->tiers->size[tier], capacity = capacity_of(state, tier);
    uint64_t thread_bytes = state->terms->max_thread_bytes;
    uint64_t cap_most = most(2, least(CAP_MOST, thread_bytes / 2 / size)), target = bin->cap;

    if (bin->cap == 0)
        target = most(2, least(CAP_START_MOST, CAP_START_BYTES / size));
    else if (bin->cap <= magazine_of(state, tier) || fetched_back)
        target = 2 * (uint64_t)bin->cap;
    target = least(target, cap_most);
    uint64_t room = thread_bytes > state->granted[thread] ? thread_bytes - state->granted[thread] : 0;
    room /= bin->cap == 0 ? 1 : 3;
    if (target <= bin->cap || (room < capacity && bin->cap >= 2))
        return false;
    if ((target - bin->cap) * capacity > room)
        target = most(bin->cap + room / capacity, 2);
    if (target <= bin->cap)
        return false;
    state->granted[thread] += (target - bin->cap) * capacity;
    bin->cap = (uint32_t)target;
    return true;
}

static bool refill(struct state *state, uint32_t thread, unsigned tier)
{
    struct bin *bin = &state->bins[thread * TIERS_MOST + tier];
    struct depot *depot = &state->depot[tier];
    struct pile *from = depot->shared.n ? &depot->shared : &depot->victim;
    uint64_t count = pop(from);

    if (count == 0)
        return false;
    grow(state, thread, tier, bin->flushed_since_refill);
    bin->flushed_since_refill = false;
    uint64_t moved = least(count - 1, bin->cap);
    bin->n = (uint32_t)moved;
    push(from, count - 1 - moved);
    return true;
}

/* Victims of a tier go home, as many as are due. */
static uint64_t release(struct state *state, unsigned tier, uint64_t due)
{
    struct depot *depot = &state->depot[tier];
    uint64_t capacity = capacity_of(state, tier);
    uint64_t count = 0;

    while (depot->victim.n && count * capacity < due)
        count += pop(&depot->victim);
    depot->released += count;
    state->backed -= count * capacity;
    state->idle -= count * capacity;
    return count * capacity;
}

static void make_victims(struct depot *depot)
{
    for (uint64_t count; (count = pop(&depot->shared)) != 0;)
        push(&depot->victim, count);
}

/* Growth is paid for by what is idle, and at most three quarters of what is backed go between two
 * collections. */
static void grown(struct state *state, uint64_t bytes)
{
    uint64_t left = state->backed / 4 * 3, paid = 0;

    state->grown += bytes;
    if (state->grown < GROWTH_BATCH)
        return;
    uint64_t due = least(state->grown, left > state->paid ? left - state->paid : 0);
    state->grown = 0;
    if (state->backed < GROWTH_FREE)
        return;
    for (unsigned tier = state->terms->tiers->count; tier-- > 0 && paid < due;)
        paid += release(state, tier, due - paid);
    for (unsigned tier = 0; paid < due && tier < state->terms->tiers->count; tier++) {
        make_victims(&state->depot[tier]);
    }
    state->paid += paid;
}

static void carve(struct state *state, unsigned tier)
{
    uint64_t capacity = capacity_of(state, tier);

    state->result->carves++;
    state->backed += capacity;
    state->result->backed_peak = most(state->result->backed_peak, state->backed);
    grown(state, capacity);
    if (state->depot[tier].released == 0)
        return;
    state->depot[tier].released--;
    state->result->carves_again++;
    state->carved += capacity;
    state->result->carved_most = most(state->result->carved_most, state->carved);
}

static void get(struct state *state, uint32_t thread, unsigned tier)
{
    struct bin *bin = &state->bins[thread * TIERS_MOST + tier];
    uint64_t capacity = capacity_of(state, tier);

    state->in_use += capacity;
    if (bin->n > 0) {
        bin->n--;
        state->idle -= capacity;
        return;
    }
    state->result->misses++;
    if (refill(state, thread, tier))
        state->idle -= capacity;
    else
        carve(state, tier);
}

static void put(struct state *state, uint32_t thread, unsigned tier)
{
    struct bin *bin = &state->bins[thread * TIERS_MOST + tier];
    uint64_t capacity = capacity_of(state, tier);

    state->in_use -= capacity;
    state->idle += capacity;
    state->result->idle_peak = most(state->result->idle_peak, state->idle);
    if (bin->n == bin->cap && !grow(state, thread, tier, false) && bin->cap > 0) {
        uint64_t surplus = bin->flushed_since_refill ? bin->n - 1 : (bin->n + 1) / 2;
        uint64_t count = least(most(surplus, 1), magazine_of(state, tier));
        bin->n -= (uint32_t)count;
        push(&state->depot[tier].shared, count);
        bin->flushed_since_refill = true;
    }
    bin->n++;
}

/* ------------------------------------------------------------ time */

/* What has been idle for two of them goes; bins are emptied into the victims. */
static void collect(struct state *state)
{
    for (unsigned tier = 0; tier < state->terms->tiers->count; tier++) {
        struct depot *depot = &state->depot[tier];
        release(state, tier, UINT64_MAX);
        make_victims(depot);
        for (uint32_t thread = 0; thread < state->threads; thread++) {
            struct bin *bin = &state->bins[thread * TIERS_MOST + tier];
            for (uint32_t left = bin->n, now; left > 0; left -= now)
                push(&depot->victim, now = (uint32_t)least(left, magazine_of(state, tier)));
            bin->n = 0;
        }
    }
    state->carved = state->paid = 0;
}

static void advance(struct state *state, uint64_t ns)
{
    uint64_t interval = state->terms->interval_ns;

    while (interval && ns - state->collected_ns >= interval) {
        state->backed_ns += (double)state->backed * (double)(state->collected_ns + interval - state->ns);
        state->ns = state->collected_ns += interval;
        collect(state);
    }
    state->backed_ns += (double)state->backed * (double)(ns - state->ns);
    state->ns = ns;
}

/* ------------------------------------------------------------ the walk */

/* What a slot has: bytes asked for, 0 none; its tier; bytes of pages, of an oversized one. */
struct slot {
    uint64_t pages;
    uint32_t asked;
    uint8_t tier;
};

static void take(struct state *state, const struct trace_event *event, struct slot *slot)
{
    slot->asked = event->size ? event->size : 1;
    slot->tier = (uint8_t)tier_set_find(state->terms->tiers, event->size);
    state->result->gets++;
    if (slot->tier < state->terms->tiers->count) {
        get(state, event->thread, slot->tier);
    } else {
        state->result->oversized++;
        slot->pages = (event->size + PAGE - 1) / PAGE * PAGE;
        state->in_use += slot->pages;
        state->backed += slot->pages;
        state->result->backed_peak = most(state->result->backed_peak, state->backed);
    }
}

static void give(struct state *state, uint32_t thread, const struct slot *slot)
{
    if (slot->tier < state->terms->tiers->count) {
        put(state, thread, slot->tier);
    } else {
        state->in_use -= slot->pages;
        state->backed -= slot->pages;
    }
}

static void step(struct state *state, const struct trace_event *event, struct slot *slot)
{
    struct slot before = *slot;

    if (event->operation != TRACE_PUT && event->size < state->terms->size_least)
        return; /* left out, or it keeps its size */
    if (event->operation == TRACE_PUT || before.asked == 0) {
        *slot = (struct slot){.asked = 0};
        if (before.asked)
            give(state, event->thread, &before);
        else if (event->operation != TRACE_PUT)
            take(state, event, slot);
    } else if (before.tier == tier_set_find(state->terms->tiers, event->size) &&
               (before.tier < state->terms->tiers->count || event->size <= before.pages)) {
        slot->asked = event->size ? event->size : 1;
    } else { /* a resize that moves has both for a moment */
        take(state, event, slot);
        give(state, event->thread, &before);
    }
    state->asked += (uint64_t)slot->asked - before.asked;
}

void simulate(struct simulation *result, const struct trace *trace, const struct simulation_terms *terms)
{
    struct state state = {.terms = terms, .result = result, .threads = trace->threads};
    size_t bins_bytes = (size_t)trace->threads * TIERS_MOST * sizeof(*state.bins);
    size_t granted_bytes = trace->threads * sizeof(*state.granted);
    size_t slots_bytes = trace->slots * sizeof(struct slot);
    struct slot *slots = harness_map(slots_bytes, false);
    double in_use = 0, asked = 0;

    *result = (struct simulation){.gets = 0};
    state.bins = harness_map(bins_bytes, false);
    state.granted = harness_map(granted_bytes, false);
    for (unsigned tier = 0; tier < terms->tiers->count; tier++) {
        state.depot[tier].shared.magazine = harness_map(PILE_MOST, false);
        state.depot[tier].victim.magazine = harness_map(PILE_MOST, false);
    }
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        advance(&state, event->ns);
        step(&state, event, &slots[event->slot]);
        if (state.in_use > result->peak) {
            result->peak = state.in_use;
            result->peak_asked = state.asked;
        }
        in_use += (double)state.in_use;
        asked += (double)state.asked;
    }
    result->mean = in_use / trace->count;
    result->mean_asked = asked / trace->count;
    result->backed_mean = state.ns ? state.backed_ns / (double)state.ns : (double)state.backed;
    for (unsigned tier = 0; tier < terms->tiers->count; tier++) {
        harness_unmap(state.depot[tier].shared.magazine, PILE_MOST);
        harness_unmap(state.depot[tier].victim.magazine, PILE_MOST);
    }
    harness_unmap(state.bins, bins_bytes);
    harness_unmap(state.granted, granted_bytes);
    harness_unmap(slots, slots_bytes);
}
