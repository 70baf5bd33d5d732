/*
 * depot.h: where a magazine is found, and what the bitmap says about it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "depot.h"
#include "hook.h"
#include "pools.h"

enum { TIERS = 3 };

static struct depot depot;
static struct stack wide[TIERS][2][SHARDS_MAX];

/* As on a machine with `shards` processors. */
static void open_depot(unsigned shards)
{
    MUST(depot_init(&depot, TIERS) == 0);
    depot.shards = shards;
    for (unsigned i = 0; i < TIERS; i++) {
        depot.tier[i].shared.shard = wide[i][0];
        depot.tier[i].victim.shard = wide[i][1];
        for (unsigned s = 0; s < SHARDS_MAX; s++) {
            stack_init(&wide[i][0][s]);
            stack_init(&wide[i][1][s]);
        }
    }
}

static struct magazine *filled(unsigned count)
{
    struct magazine *magazine = magazine_new(&depot, true);
    MUST(magazine != NULL && magazine_count(magazine) == 0);
    for (unsigned i = 0; i < count; i++)
        magazine_add(magazine, magazine);
    return magazine;
}

static void push(enum place place, unsigned shard)
{
    depot_push(&depot, place, 1, shard, filled(1));
}

/* The shard that a pop from `home` takes from, or UINT_MAX. */
static unsigned pop(enum place place, unsigned home)
{
    unsigned shard;
    struct magazine *magazine = depot_pop(&depot, place, 1, home, &shard);
    if (magazine == NULL)
        return ~0u;
    magazine_take(magazine);
    magazine_drop(&depot, magazine);
    return shard;
}

/* Fails when a thread steals what it could have had at home, or all thieves begin at one shard. */
Test(unit_depot, home_comes_first_and_then_the_others_upwards)
{
    for (enum place place = PLACE_SHARED; place <= PLACE_VICTIM; place++) {
        for (unsigned home = 0; home < SHARDS_MAX; home += 9) {
            open_depot(SHARDS_MAX);
            for (unsigned shard = 0; shard < SHARDS_MAX; shard++)
                push(place, shard);
            push(place, home);
            cr_assert(eq(uint, pop(place, home), home));
            for (unsigned i = 0; i < SHARDS_MAX; i++)
                cr_assert(eq(uint, pop(place, home), (home + i) % SHARDS_MAX));
            cr_assert(eq(uint, pop(place, home), ~0u));
            depot_end(&depot);
        }
    }
}

/* Fails when a full shard is hidden behind its bit, or an empty one looked at for ever. */
Test(unit_depot, bitmap_tells_full_shards_from_empty_ones)
{
    open_depot(SHARDS_MAX);
    const _Atomic uint64_t *nonempty = &depot.tier[1].shared.nonempty;
    for (unsigned shard = 0; shard < SHARDS_MAX; shard++) {
        push(PLACE_SHARED, shard);
        cr_assert(eq(u64, atomic_load(nonempty) >> shard, 1));
        cr_assert(eq(u64, atomic_load(&depot.tier[1].victim.nonempty), 0));
        cr_assert(eq(u64, atomic_load(&depot.tier[0].shared.nonempty), 0));
    }
    for (unsigned n = 0; n < SHARDS_MAX; n++)
        cr_assert(ne(uint, pop(PLACE_SHARED, 5), ~0u));
    cr_assert(eq(uint, pop(PLACE_SHARED, 5), ~0u));
    cr_assert(eq(u64, atomic_load(nonempty), 0), "one miss clears what is empty");
    push(PLACE_SHARED, 63);
    cr_assert(eq(u64, atomic_load(nonempty), UINT64_C(1) << 63));
    depot_end(&depot);
}

/* Fails when one place or one tier serves another's gets: a buffer too small would be handed out. */
Test(unit_depot, places_and_tiers_are_apart)
{
    unsigned shard;
    open_depot(4);
    depot_push(&depot, PLACE_SHARED, 0, 2, filled(1));
    depot_push(&depot, PLACE_VICTIM, 1, 2, filled(2));
    depot_push(&depot, PLACE_COLD, 2, 2, filled(3));
    for (unsigned tier = 0; tier < TIERS; tier++)
        for (enum place place = PLACE_SHARED; place < PLACES; place++) {
            struct magazine *magazine = depot_pop(&depot, place, tier, 1, &shard);
            cr_assert(eq(int, magazine != NULL, place == PLACE_SHARED + tier));
            if (magazine != NULL)
                cr_assert(eq(uint, magazine_count(magazine), tier + 1));
        }
    depot_end(&depot);
}

/* Fails when what a collection has poured into the second cold stack is out of reach. */
Test(unit_depot, both_cold_stacks_are_looked_at)
{
    unsigned shard;
    open_depot(2);
    struct magazine *old = filled(1);
    struct magazine *new = filled(1);
    depot_push(&depot, PLACE_COLD, 1, 0, old);
    cr_assert(eq(u32, stack_pop(&depot.tier[1].cold[0], &depot.magazines), old->self));
    stack_push(&depot.tier[1].cold[1], &depot.magazines, old->self);
    depot_push(&depot, PLACE_COLD, 1, 0, new);
    cr_assert(eq(ptr, depot_pop(&depot, PLACE_COLD, 1, 1, &shard), new));
    cr_assert(eq(ptr, depot_pop(&depot, PLACE_COLD, 1, 1, &shard), old));
    cr_assert(eq(ptr, depot_pop(&depot, PLACE_COLD, 1, 1, &shard), NULL));
    depot_end(&depot);
}

/* Fails when the newest is not the first: it is what is still warm. */
Test(unit_depot, last_pushed_is_first_popped)
{
    struct magazine *magazine[20];
    unsigned shard;

    open_depot(2);
    for (enum place place = PLACE_SHARED; place < PLACES; place++) {
        for (unsigned i = 0; i < 20; i++)
            depot_push(&depot, place, 1, 1, magazine[i] = filled(1));
        for (unsigned i = 20; i-- > 0;)
            cr_assert(eq(ptr, depot_pop(&depot, place, 1, 1, &shard), magazine[i]));
    }
    depot_end(&depot);
}

/* Fails when a buffer is counted where it is not, or one in somebody's hand as shared. */
Test(unit_depot, count_is_by_tier_and_place)
{
    uint64_t count[TIERS][PLACES] = {{0}};
    uint64_t expected[TIERS][PLACES] = {{0}};
    uint64_t state = 51;
    unsigned shard;

    open_depot(8);
    for (int i = 0; i < 2000; i++) {
        unsigned tier = (unsigned)(random_next(&state) % TIERS);
        enum place place = (enum place)(PLACE_SHARED + random_next(&state) % 3);
        unsigned n = 1 + (unsigned)(random_next(&state) % MAGAZINE_MAX);
        depot_push(&depot, place, tier, (unsigned)(random_next(&state) % 8), filled(n));
        expected[tier][place] += n;
    }
    struct magazine *hand = depot_pop(&depot, PLACE_VICTIM, 2, 3, &shard);
    expected[2][PLACE_VICTIM] -= magazine_count(hand);
    expected[2][PLACE_HAND] += magazine_count(hand);
    depot_count(&depot, count);
    for (unsigned tier = 0; tier < TIERS; tier++)
        for (unsigned place = 0; place < PLACES; place++)
            cr_assert(eq(u64, count[tier][place], expected[tier][place]), "tier %u, place %u", tier, place);
    depot_end(&depot);
}

static bool maps_fail(enum hook_call call)
{
    return call == HOOK_MAP;
}

/* Fails when put would wait for memory, or dropped magazines are not used again. */
Test(unit_depot, dropped_magazines_are_used_again_before_memory_is_asked_for)
{
    open_depot(2);
    cr_assert(eq(ptr, magazine_new(&depot, false), NULL));
    struct magazine *magazine = magazine_new(&depot, true);
    magazine_drop(&depot, magazine);
    hook_on_call(maps_fail);
    cr_assert(eq(ptr, magazine_new(&depot, false), magazine));
    cr_assert(eq(ptr, magazine_new(&depot, false), NULL));
    unsigned got = 0;
    while (magazine_new(&depot, true) != NULL)
        got++;
    cr_assert(lt(uint, got, 1000), "a chunk, then no more");
    hook_on_call(NULL);
    cr_assert(magazine_new(&depot, true) != NULL);
    depot_end(&depot);
}

/* Fails when a forked child finds its parent's lists. */
Test(unit_depot, everything_is_forgotten_after_fork)
{
    unsigned shard;
    uint64_t count[TIERS][PLACES] = {{0}};

    MUST(depot_init(&depot, TIERS) == 0);
    for (unsigned tier = 0; tier < TIERS; tier++)
        for (enum place place = PLACE_SHARED; place < PLACES; place++)
            depot_push(&depot, place, tier, depot.shards - 1, filled(9));
    magazine_drop(&depot, magazine_new(&depot, true));
    depot_after_fork(&depot);
    for (unsigned tier = 0; tier < TIERS; tier++)
        for (enum place place = PLACE_SHARED; place < PLACES; place++)
            cr_assert(eq(ptr, depot_pop(&depot, place, tier, 0, &shard), NULL));
    cr_assert(eq(ptr, magazine_new(&depot, false), NULL));
    depot_count(&depot, count);
    for (unsigned i = 0; i < TIERS * PLACES; i++)
        cr_assert(eq(u64, count[i / PLACES][i % PLACES], 0));
    cr_assert(eq(uint, magazine_count(magazine_new(&depot, true)), 0));
    depot_end(&depot);
}

/* Fails when home is a shard that is not there. */
Test(unit_depot, home_is_one_of_the_shards)
{
    MUST(depot_init(&depot, TIERS) == 0);
    cr_assert(ge(uint, depot.shards, 1));
    cr_assert(le(uint, depot.shards, SHARDS_MAX));
    cr_assert(lt(uint, depot_home(&depot), depot.shards));
    depot.shards = 1;
    cr_assert(eq(uint, depot_home(&depot), 0));
    depot_end(&depot);
}
