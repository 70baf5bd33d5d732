/*
 * span.h: carve, park, take and purge at once. Each buffer has one owner, and
 * what the owner wrote stays while it holds it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#include "pools.h"
#include "rig.h"

/* MANY: all that a span of 2^27 bytes holds. Who grows it is not always alone: it may grow twice. */
enum { THREADS = 3, MANY = 1 << 18, IN_HAND = 24, ROUNDS = 40000 };

static struct rig rig;
static _Atomic unsigned char held[MANY];
static _Atomic bool done;
static pthread_barrier_t begin;

static uint64_t *first_word(uint32_t index)
{
    return (void *)rig_buffer(&rig, index);
}

static uint64_t *last_word(uint32_t index)
{
    return (uint64_t *)(void *)(rig_buffer(&rig, index) + rig.tier->capacity) - 1;
}

static bool get(uint32_t *index)
{
    return span_take_cold(&rig.span, index) || span_carve(&rig.span, 0, index) == CARVED;
}

static unsigned claim(uint32_t index, uint64_t stamp)
{
    unsigned fault = atomic_exchange_explicit(&held[index], 1, memory_order_relaxed) != 0;
    *first_word(index) = stamp;
    *last_word(index) = stamp;
    return fault;
}

static unsigned give_back(uint32_t index, uint64_t stamp)
{
    unsigned fault = *first_word(index) != stamp || *last_word(index) != stamp;
    atomic_store_explicit(&held[index], 0, memory_order_relaxed);
    return fault + (span_park(&rig.span, index) != PARKED);
}

static void *work(void *arg)
{
    uint64_t state = (uintptr_t)arg;
    uint32_t hand[IN_HAND];
    unsigned count = 0;
    uintptr_t faults = 0;

    pthread_barrier_wait(&begin);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t stamp = (uintptr_t)arg * 1000 + count;
        if (count < IN_HAND && (count == 0 || random_next(&state) >> 63 != 0)) {
            if (get(&hand[count]))
                faults += claim(hand[count++], stamp);
        } else {
            count--;
            faults += give_back(hand[count], stamp - 1);
        }
    }
    while (count > 0) {
        count--;
        faults += give_back(hand[count], (uintptr_t)arg * 1000 + count);
    }
    return (void *)faults; // NOLINT(performance-no-int-to-ptr)
}

static void *purge(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&begin);
    while (!atomic_load(&done))
        span_purge(&rig.span, UINT64_MAX);
    return NULL;
}

static void race(size_t size)
{
    pthread_t thread[THREADS], purger;
    uintptr_t faults = 0;

    rig_open(&rig, (struct rig_plan){.size = size, .span_shift = 27});
    atomic_store(&done, false);
    pthread_barrier_init(&begin, NULL, THREADS + 1);
    pthread_create(&purger, NULL, purge, NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, work, (void *)(i + 1)); // NOLINT(performance-no-int-to-ptr)
    for (unsigned i = 0; i < THREADS; i++) {
        void *found;
        pthread_join(thread[i], &found);
        faults += (uintptr_t)found;
    }
    atomic_store(&done, true);
    pthread_join(purger, NULL);
    cr_assert(eq(u64, faults, 0), "tier %zu", size);

    /* At rest everything is cold or unbacked, and the accounts say so. */
    cr_assert(eq(u64, atomic_load(&rig.backed.used), span_cold_count(&rig.span) * rig.tier->capacity));
    uint64_t cold = 0;
    for (uint32_t index; span_take_cold(&rig.span, &index);)
        cold++;
    cr_assert(eq(u64, cold * rig.tier->capacity, atomic_load(&rig.backed.used)));
    cr_assert(eq(u64, span_cold_count(&rig.span), 0));
    rig_close(&rig);
}

/* Fails when a purge takes a page from under a thread, or a claim and a take both win. */
Test(unit_span_race, buffers_keep_one_owner_while_purged)
{
    static const size_t sizes[] = {512, 640, 4096, 16384, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        race(sizes[i]);
}
