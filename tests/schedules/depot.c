/*
 * The depot alone: its stacks, the bits that say which have something, and the
 * way of empty magazines.
 */
#include "scenarios.h"

#include "places.h"
#include "pool.h"
#include "system.h"

/* Magazines in hand, of each thread; kept. Full ones list a buffer that the ledger says is nobody's. */
static struct magazine *in_hand[THREADS_MAX][HANDS];
static struct spares spares[THREADS_MAX];

static struct depot *depot(void)
{
    return &ledger_pool()->depot;
}

static void pop(unsigned n)
{
    unsigned me = explore_thread();
    unsigned shard;
    struct magazine *magazine = depot_pop(depot(), PLACE_SHARED, 0, depot_home(depot()), &shard);

    in_hand[me][n] = magazine;
    for (unsigned i = 0; magazine != NULL && i < magazine_count(magazine); i++)
        ledger_take(magazine->buffer[i]);
}

static void push(unsigned n)
{
    struct magazine *magazine = in_hand[explore_thread()][n];
    if (magazine == NULL)
        return;
    in_hand[explore_thread()][n] = NULL;
    for (unsigned i = 0; i < magazine_count(magazine); i++)
        ledger_give(magazine->buffer[i]);
    depot_push(depot(), PLACE_SHARED, 0, depot_home(depot()), magazine);
}

/* The magazines are of one buffer, those of thread 0 first; `count` of them to begin with. */
static void make_magazines(unsigned count)
{
    small_pool(SIZE_MAX, SIZE_MAX);
    explore_keep(in_hand, sizeof in_hand);
    explore_keep(spares, sizeof spares);
    thread_gets(0, count);
    for (unsigned i = 0; i < HANDS; i++) {
        in_hand[0][i] = NULL;
        if (i >= count)
            continue;
        in_hand[0][i] = magazine_new(depot(), true);
        magazine_add(in_hand[0][i], hand[0][i]);
        hand[0][i] = NULL;
    }
}

static void push_all(void)
{
    for (unsigned i = HANDS; i-- > 0;)
        push(i);
}

/* What is in a hand is where it should be; the rest the depot must have. No accounts: nobody called get. */
static void check(void)
{
    struct bufpool *pool = ledger_pool();
    struct magazine *held[THREADS_MAX * HANDS];
    unsigned count = 0;
    uint64_t none[LEDGER_TIERS] = {0};
    struct places places;

    for (unsigned t = 0; t < THREADS_MAX; t++) {
        for (unsigned i = 0; i < HANDS; i++) {
            if (in_hand[t][i] == NULL)
                continue;
            held[count++] = in_hand[t][i];
            in_hand[t][i] = NULL;
        }
        spares_end(&spares[t], depot());
    }
    for (unsigned i = 0; i < count; i++) {
        if (magazine_count(held[i]) == 0)
            magazine_drop(depot(), held[i]);
        else
            depot_push(depot(), PLACE_COLD, 0, 0, held[i]); /* touches no shard's bit */
    }
    places_find(pool, none, &places);
}

/* ------------------------------------------------------------ one stack */

static void three_in_one_shard(void)
{
    make_magazines(3);
    explore_as(0, push_all);
    for (unsigned i = 0; i < THREADS_MAX; i++)
        system_sit_on(i, 0);
}

static void three_in_one_shard_wrapping(void)
{
    three_in_one_shard();
    counters_wrap_soon();
}

static void pop_push(void)
{
    pop(0);
    push(0);
}

static void pop_pop_push(void)
{
    pop(0);
    pop(1);
    push(0);
}

static void pop_pop(void)
{
    pop(0);
    pop(1);
}

/* ------------------------------------------------------------ stealing */

/* One in shard 0, two in thread 0's hands. */
static void one_in_a_shard(void)
{
    make_magazines(3);
    explore_as(0, push_all);
    explore_as(0, pop_pop);
}

static void push_push(void)
{
    push(0);
    push(1);
}

/* ------------------------------------------------------------ empty magazines */

static void take_empty(unsigned n)
{
    unsigned me = explore_thread();
    in_hand[me][n] = spares_take(&spares[me], depot());
}

static void give_empty(unsigned n)
{
    unsigned me = explore_thread();
    spares_give(&spares[me], depot(), in_hand[me][n]);
    in_hand[me][n] = NULL;
}

static void bundle_up(void)
{
    for (unsigned i = 0; i < 3; i++)
        take_empty(i);
    for (unsigned i = 0; i < 3; i++)
        give_empty(i);
    spares_end(&spares[explore_thread()], depot());
}

/* Two bundles of three, and one more magazine. */
static void bundles(void)
{
    make_magazines(0);
    explore_as(0, bundle_up);
    in_hand[1][0] = spares_take(&spares[1], depot());
    explore_as(2, bundle_up);
    magazine_drop(depot(), in_hand[1][0]);
    in_hand[1][0] = NULL;
}

static void take_and_end(void)
{
    take_empty(0);
    take_empty(1);
    give_empty(0);
    spares_end(&spares[explore_thread()], depot());
}

static void new_and_drop(void)
{
    unsigned me = explore_thread();
    in_hand[me][0] = magazine_new(depot(), true);
    in_hand[me][1] = magazine_new(depot(), false);
    magazine_drop(depot(), in_hand[me][0]);
    in_hand[me][0] = NULL;
}

const struct scenario depot_scenarios[] = {
    SCENARIO("depot-pop-pop-push", three_in_one_shard, check, pop_push, pop_pop_push),
    SCENARIO("depot-pop-pop-push-of-three", three_in_one_shard, check, pop_push, pop_pop_push, pop_push),
    SCENARIO("depot-pop-pop-push-wrapping", three_in_one_shard_wrapping, check, pop_push, pop_pop_push,
             pop_pop),
    SCENARIO("depot-steal-against-push", one_in_a_shard, check, push_push, pop_pop),
    SCENARIO("depot-two-thieves-against-push", one_in_a_shard, check, push_push, pop_pop, pop_push),
    SCENARIO("depot-bundles-of-empty-ones", bundles, check, take_and_end, new_and_drop, take_and_end),
    {.name = NULL},
};
