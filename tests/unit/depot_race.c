/*
 * depot.h among threads: nothing is lost behind a bit that says empty.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#include "depot.h"
#include "meet.h"
#include "pools.h"

enum { THREADS = 4, SHARDS = 3, ROUNDS = 100000 };

static struct depot depot;
static struct stack shard_of[2][SHARDS];
static _Atomic unsigned char held[1024];
static pthread_barrier_t begin;
static unsigned shards;
static bool victims_too;

static void open_depot(void)
{
    MUST(depot_init(&depot, 1) == 0);
    depot.shards = shards;
    depot.tier[0].shared.shard = shard_of[0];
    depot.tier[0].victim.shard = shard_of[1];
    for (unsigned i = 0; i < 2 * SHARDS; i++)
        stack_init(&shard_of[i / SHARDS][i % SHARDS]);
}

/* Few magazines, so that shards run empty all the time: a bit is cleared as another sets it. */
static void *move_about(void *arg)
{
    uint64_t state = (uintptr_t)arg;
    uintptr_t faults = 0;

    pthread_barrier_wait(&begin);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t number = random_next(&state) >> 32;
        enum place from = victims_too && number & 1 ? PLACE_VICTIM : PLACE_SHARED;
        enum place to = victims_too && number & 2 ? PLACE_VICTIM : PLACE_SHARED;
        unsigned shard;
        struct magazine *magazine = depot_pop(&depot, from, 0, (unsigned)(number >> 4) % shards, &shard);
        if (magazine == NULL)
            continue;
        faults += atomic_exchange_explicit(&held[magazine->self], 1, memory_order_relaxed) != 0;
        faults += magazine_count(magazine) != 1 || magazine_take(magazine) != magazine;
        magazine_add(magazine, magazine);
        atomic_store_explicit(&held[magazine->self], 0, memory_order_relaxed);
        depot_push(&depot, to, 0, (unsigned)(number >> 8) % shards, magazine);
    }
    return (void *)faults; // NOLINT(performance-no-int-to-ptr)
}

static unsigned hidden(const struct generation *generation)
{
    unsigned count = 0;
    for (unsigned shard = 0; shard < SHARDS; shard++)
        count += !stack_is_empty(&generation->shard[shard]) &&
                 (atomic_load(&generation->nonempty) >> shard & 1) == 0;
    return count;
}

static void race(unsigned magazines)
{
    pthread_t thread[THREADS];
    uintptr_t faults = 0;
    unsigned shard, count = 0;

    open_depot();
    for (unsigned i = 0; i < magazines; i++) {
        struct magazine *magazine = magazine_new(&depot, true);
        magazine_add(magazine, magazine);
        depot_push(&depot, PLACE_SHARED, 0, i % shards, magazine);
    }
    pthread_barrier_init(&begin, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, move_about, (void *)(i + 1)); // NOLINT(performance-no-int-to-ptr)
    for (unsigned i = 0; i < THREADS; i++) {
        void *found;
        pthread_join(thread[i], &found);
        faults += (uintptr_t)found;
    }
    cr_assert(eq(u64, faults, 0));
    cr_assert(eq(uint, hidden(&depot.tier[0].shared) + hidden(&depot.tier[0].victim), 0));
    while (depot_pop(&depot, PLACE_SHARED, 0, 0, &shard) != NULL ||
           depot_pop(&depot, PLACE_VICTIM, 0, 0, &shard) != NULL)
        count++;
    cr_assert(eq(uint, count, magazines));
    depot_end(&depot);
}

/* Fails when two poppers return one magazine, or one is lost on its way between places and shards. */
Test(unit_depot_race, every_magazine_has_one_owner)
{
    shards = SHARDS;
    victims_too = true;
    for (int round = 0; round < 3; round++)
        race(6);
}

enum { DUELS = 150000 };

static struct meeting meeting;
static struct magazine *lonely;

static void *push_lonely(void *arg)
{
    (void)arg;
    for (int i = 0; i < DUELS; i++) {
        meet(&meeting, 1);
        depot_push(&depot, PLACE_SHARED, 0, 0, lonely);
        meet(&meeting, 1);
    }
    return NULL;
}

/*
 * Fails when a popper clears the bit that a pusher relies on, and does not look
 * again: the magazine is on its stack, and nobody looks there.
 */
Test(unit_depot_race, no_magazine_is_hidden_behind_a_cleared_bit)
{
    pthread_t thread;
    unsigned lost = 0;

    shards = 1;
    open_depot();
    lonely = magazine_new(&depot, true);
    magazine_add(lonely, lonely);
    pthread_create(&thread, NULL, push_lonely, NULL);
    for (int i = 0; i < DUELS; i++) {
        unsigned shard;
        /* The bit is still set from the last time, the stack is empty. */
        meet(&meeting, 0);
        bool popped = depot_pop(&depot, PLACE_SHARED, 0, 0, &shard) != NULL;
        meet(&meeting, 0);
        if (!popped && depot_pop(&depot, PLACE_SHARED, 0, 0, &shard) == NULL) {
            lost++;
            stack_pop(&depot.tier[0].shared.shard[0], &depot.magazines);
        }
        atomic_store(&depot.tier[0].shared.nonempty, 1);
    }
    pthread_join(thread, NULL);
    cr_assert(eq(uint, lost, 0));
    depot_end(&depot);
}
