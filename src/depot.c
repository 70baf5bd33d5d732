#include "depot.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "region.h"

_Static_assert(sizeof(struct stack) == DESTRUCTIVE_SIZE, "no two heads on a line");

static void depot_clear(struct depot *depot)
{
    stack_init(&depot->empty);
    for (size_t i = 0; i < depot->stacks_size / sizeof(struct stack); i++)
        stack_init(&depot->stacks[i]);
    for (unsigned i = 0; i < depot->tiers; i++) {
        struct depot_tier *tier = &depot->tier[i];
        stack_init(&tier->cold[0]);
        stack_init(&tier->cold[1]);
        atomic_store_explicit(&tier->shared.nonempty, 0, memory_order_relaxed);
        atomic_store_explicit(&tier->victim.nonempty, 0, memory_order_relaxed);
    }
}

int depot_init(struct depot *depot, unsigned tiers)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);

    table_init(&depot->magazines, sizeof(struct magazine));
    depot->shards = (unsigned)min_u64(SHARDS_MAX, cpus < 1 ? 1 : (uint64_t)cpus);
    depot->tiers = tiers;
    depot->stacks_size = (size_t)2 * tiers * depot->shards * sizeof(struct stack);
    depot->stacks = region_map(depot->stacks_size);
    if (depot->stacks == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < tiers; i++) {
        depot->tier[i].shared.shard = &depot->stacks[(size_t)2 * i * depot->shards];
        depot->tier[i].victim.shard = &depot->stacks[((size_t)2 * i + 1) * depot->shards];
    }
    depot_clear(depot);
    return 0;
}

void depot_end(struct depot *depot)
{
    table_end(&depot->magazines);
    region_release(depot->stacks, depot->stacks_size);
}

void depot_after_fork(struct depot *depot)
{
    table_forget(&depot->magazines);
    depot_clear(depot);
}

unsigned depot_home(const struct depot *depot)
{
    unsigned cpu = (unsigned)sched_getcpu(); /* failed: a large number */
    return LIKELY(cpu < depot->shards) ? cpu : cpu % depot->shards;
}

/* ------------------------------------------------------------ empty magazines */

/* Ask for what a magazine holds: another core has written it. */
static void prefetch(const struct magazine *magazine)
{
    for (size_t line = 0; line < sizeof *magazine; line += LINE_SIZE)
        __builtin_prefetch((const char *)magazine + line);
}

/* Ask for its lines to write: another core has read them. */
static void claim(const struct magazine *magazine)
{
    for (size_t line = 0; line < sizeof *magazine; line += LINE_SIZE)
        line_claim((const char *)magazine + line);
}

/* It may list others: a bundle. */
static struct magazine *empty_pop(struct depot *depot)
{
    uint32_t index = stack_pop(&depot->empty, &depot->magazines);
    return index == INDEX_NONE ? NULL : table_at(&depot->magazines, index);
}

static struct magazine *empty_map(struct depot *depot)
{
    uint32_t index = table_add(&depot->magazines);
    if (index == INDEX_NONE)
        return NULL;
    struct magazine *magazine = table_at(&depot->magazines, index);
    magazine->self = index;
    return magazine;
}

struct magazine *magazine_new(struct depot *depot, bool may_map)
{
    struct magazine *magazine = empty_pop(depot);

    if (magazine == NULL)
        return may_map ? empty_map(depot) : NULL;
    if (magazine_count(magazine) > 0) {
        struct magazine *bundle = magazine;
        magazine = magazine_take(bundle);
        magazine_drop(depot, bundle);
    }
    magazine_set_place(magazine, PLACE_HAND, 0);
    return magazine;
}

void magazine_drop(struct depot *depot, struct magazine *magazine)
{
    magazine_set_place(magazine, PLACE_EMPTY, 0);
    stack_push(&depot->empty, &depot->magazines, magazine->self);
}

struct magazine *spares_take(struct spares *spares, struct depot *depot)
{
    if (spares->count == 0) {
        struct magazine *bundle = empty_pop(depot);
        if (bundle == NULL)
            return empty_map(depot);
        while (magazine_count(bundle) > 0)
            spares->magazine[spares->count++] = magazine_take(bundle);
        magazine_set_place(bundle, PLACE_HAND, 0);
        return bundle;
    }
    struct magazine *magazine = spares->magazine[--spares->count];
    if (spares->count > 0)
        claim(spares->magazine[spares->count - 1]); /* what is filled next */
    return magazine;
}

static void bundle_spares(struct spares *spares, struct depot *depot, struct magazine *bundle)
{
    while (spares->count > 0)
        magazine_add(bundle, spares->magazine[--spares->count]);
    magazine_drop(depot, bundle);
}

void spares_give(struct spares *spares, struct depot *depot, struct magazine *magazine)
{
    if (spares->count == SPARES_MAX)
        bundle_spares(spares, depot, magazine);
    else
        spares->magazine[spares->count++] = magazine;
}

void spares_end(struct spares *spares, struct depot *depot)
{
    if (spares->count > 0)
        bundle_spares(spares, depot, spares->magazine[--spares->count]);
}

/* ------------------------------------------------------------ generations */

static struct generation *generation_of(struct depot *depot, enum place place, unsigned tier)
{
    return place == PLACE_SHARED ? &depot->tier[tier].shared : &depot->tier[tier].victim;
}

void depot_push(struct depot *depot, enum place place, unsigned tier, unsigned shard,
                struct magazine *magazine)
{
    magazine_set_place(magazine, place, tier);
    if (place == PLACE_COLD) {
        stack_push(&depot->tier[tier].cold[0], &depot->magazines, magazine->self);
        return;
    }
    struct generation *generation = generation_of(depot, place, tier);
    uint64_t bit = UINT64_C(1) << shard;
    stack_push(&generation->shard[shard], &depot->magazines, magazine->self);
    /*
     * seq_cst [nonempty]: either we see the bit gone that a taker has just
     * cleared, or the taker sees our push when it looks again.
     */
    if ((atomic_load_explicit(&generation->nonempty, memory_order_seq_cst) & bit) == 0)
        atomic_fetch_or_explicit(&generation->nonempty, bit, memory_order_seq_cst);
}

/* The top's lines while its link is still on its way: the CAS that pops it waits for that. */
static void prefetch_top(const struct depot *depot, const struct stack *stack)
{
    line_claim(stack);
    /* relaxed: a hint; where the top is popped meanwhile, somebody else has use for them. */
    uint32_t top = tagged_index(atomic_load_explicit(&stack->head, memory_order_relaxed));
    if (top != INDEX_NONE)
        prefetch(table_at(&depot->magazines, top));
}

static struct magazine *shard_pop(struct depot *depot, struct generation *generation, unsigned shard)
{
    uint64_t bit = UINT64_C(1) << shard;

    prefetch_top(depot, &generation->shard[shard]);
    uint32_t index = stack_pop(&generation->shard[shard], &depot->magazines);

    if (index == INDEX_NONE) {
        /* seq_cst [nonempty]: clear, look again, set back; see depot_push. */
        atomic_fetch_and_explicit(&generation->nonempty, ~bit, memory_order_seq_cst);
        if (stack_is_empty(&generation->shard[shard]))
            return NULL;
        atomic_fetch_or_explicit(&generation->nonempty, bit, memory_order_seq_cst);
        index = stack_pop(&generation->shard[shard], &depot->magazines);
    }
    return index == INDEX_NONE ? NULL : table_at(&depot->magazines, index);
}

static struct magazine *generation_pop(struct depot *depot, struct generation *generation, unsigned home,
                                       unsigned *shard)
{
    /* relaxed: a bit missed is a push that has not returned yet. */
    uint64_t word = atomic_load_explicit(&generation->nonempty, memory_order_relaxed);
    while (word != 0) {
        /* From home upwards, then from 0: thieves of different homes start at different places. */
        uint64_t upward = word & bits_between(home, 63);
        unsigned probe = (unsigned)__builtin_ctzll(upward != 0 ? upward : word);
        struct magazine *magazine = shard_pop(depot, generation, probe);
        if (magazine != NULL) {
            *shard = probe;
            return magazine;
        }
        word &= ~(UINT64_C(1) << probe);
    }
    return NULL;
}

struct magazine *depot_pop(struct depot *depot, enum place place, unsigned tier, unsigned home,
                           unsigned *shard)
{
    struct magazine *magazine = NULL;

    if (place == PLACE_COLD) {
        uint32_t index = INDEX_NONE;
        *shard = home;
        for (unsigned i = 0; i < 2 && index == INDEX_NONE; i++)
            index = stack_pop(&depot->tier[tier].cold[i], &depot->magazines);
        if (index != INDEX_NONE)
            magazine = table_at(&depot->magazines, index);
    } else {
        magazine = generation_pop(depot, generation_of(depot, place, tier), home, shard);
    }
    if (magazine != NULL)
        magazine_set_place(magazine, PLACE_HAND, tier);
    return magazine;
}

void depot_count(const struct depot *depot, uint64_t count[][PLACES])
{
    uint32_t used = table_used(&depot->magazines);
    for (uint32_t i = 0; i < used; i++) {
        const struct magazine *magazine = table_at(&depot->magazines, i);
        unsigned tier = atomic_load_explicit(&magazine->tier, memory_order_relaxed);
        unsigned place = atomic_load_explicit(&magazine->place, memory_order_relaxed);
        count[tier][place] += magazine_count(magazine);
    }
}
