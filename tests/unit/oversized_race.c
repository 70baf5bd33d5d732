/*
 * oversized.h among threads: granules have one owner, of two puts one wins.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#include "oversized.h"
#include "pools.h"
#include "region.h"

enum { THREADS = 4, GRANULES = 130, IN_HAND = 12, ROUNDS = 6000 };

static struct oversized oversized;
static struct budget backed;
static _Atomic unsigned char owner[GRANULES];
static pthread_barrier_t begin;

struct piece {
    char *buffer;
    size_t size;
    uint64_t stamp;
};

static void open_space(void)
{
    budget_init(&backed, UINT64_MAX - 1);
    oversized_init(&oversized, GRANULES * MIB, region_page(), &backed);
    cr_assert(oversized.base != NULL);
}

static unsigned mark(const struct piece *piece, bool take)
{
    size_t first = (size_t)(piece->buffer - oversized.base) / MIB;
    size_t last = (size_t)(piece->buffer + piece->size + region_page() - 1 - oversized.base) / MIB;
    unsigned faults = last >= GRANULES;
    for (size_t at = first; at <= last && at < GRANULES; at++)
        faults += atomic_exchange_explicit(&owner[at], take, memory_order_relaxed) == take;
    return faults;
}

static uint64_t *last_word(const struct piece *piece)
{
    return (uint64_t *)(void *)(piece->buffer + piece->size) - 1;
}

static bool get(struct piece *piece, uint64_t *state, uint64_t stamp, uintptr_t *faults)
{
    piece->size = round_up(random_size(state, 12 * MIB), region_page());
    piece->buffer = oversized_get(&oversized, piece->size);
    piece->stamp = stamp;
    if (piece->buffer == NULL)
        return false;
    *faults += mark(piece, true);
    *faults += *(uint64_t *)(void *)piece->buffer != 0; /* released pages come back as zeros */
    *(uint64_t *)(void *)piece->buffer = stamp;
    *last_word(piece) = stamp;
    return true;
}

static void put(const struct piece *piece, uintptr_t *faults)
{
    size_t capacity, inside;
    *faults += *last_word(piece) != piece->stamp || *(uint64_t *)(void *)piece->buffer != piece->stamp;
    *faults += mark(piece, false);
    *faults += oversized_put(&oversized, piece->buffer, &capacity, &inside) != OVERSIZED_IN_USE;
}

static void *work(void *arg)
{
    uint64_t state = (uintptr_t)arg;
    struct piece hand[IN_HAND];
    unsigned count = 0;
    uintptr_t faults = 0;

    pthread_barrier_wait(&begin);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        if (count < IN_HAND && (count == 0 || random_next(&state) >> 63 != 0))
            count += get(&hand[count], &state, (uintptr_t)arg << 32 | (i + 1), &faults);
        else
            put(&hand[--count], &faults);
    }
    while (count > 0)
        put(&hand[--count], &faults);
    return (void *)faults; // NOLINT(performance-no-int-to-ptr)
}

static uintptr_t run_threads(void *(*body)(void *arg), unsigned threads)
{
    pthread_t thread[THREADS];
    uintptr_t sum = 0;

    pthread_barrier_init(&begin, NULL, threads);
    for (uintptr_t i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, body, (void *)(i + 1)); // NOLINT(performance-no-int-to-ptr)
    for (unsigned i = 0; i < threads; i++) {
        void *found;
        pthread_join(thread[i], &found);
        sum += (uintptr_t)found;
    }
    pthread_barrier_destroy(&begin);
    return sum;
}

static void assert_at_rest(void)
{
    for (uint32_t i = 0; i < (GRANULES + 63) / 64; i++)
        cr_assert(eq(u64, atomic_load(&oversized.taken[i]), 0));
    cr_assert(eq(u64, atomic_load(&backed.used), 0));
    cr_assert(eq(u64, atomic_load(&oversized.in_use_bytes), 0));
}

/* Fails when a claim that has to be undone frees another's granule, or a release comes too early. */
Test(unit_oversized_race, granules_have_one_owner)
{
    open_space();
    cr_assert(eq(u64, run_threads(work, THREADS), 0));
    assert_at_rest();
    oversized_end(&oversized);
}

enum { DUELS = 40000 };

static _Atomic bool done;

static bool put_whole(void *buffer)
{
    size_t capacity, inside;
    return oversized_put(&oversized, buffer, &capacity, &inside) == OVERSIZED_IN_USE;
}

static void *take_second_word(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&begin);
    while (!atomic_load(&done)) {
        atomic_store(&oversized.hint, 64);
        void *buffer = oversized_get(&oversized, 1);
        if (buffer != NULL && !put_whole(buffer))
            return &oversized;
    }
    return NULL;
}

/* Fails when a claim that meets another one half way keeps what it had, or frees what it had not. */
Test(unit_oversized_race, claim_that_fails_in_the_second_word_is_undone)
{
    pthread_t thread;
    void *fault;
    open_space();
    void *below = oversized_get(&oversized, 59 * MIB); /* granules 0 to 59 */
    void *room = oversized_get(&oversized, 9 * MIB);   /* 60 to 69 */
    void *above = oversized_get(&oversized, 59 * MIB);
    MUST(below != NULL && room != NULL && above != NULL && oversized_get(&oversized, 1) == NULL);
    MUST(put_whole(room));

    atomic_store(&done, false);
    pthread_barrier_init(&begin, NULL, 2);
    pthread_create(&thread, NULL, take_second_word, NULL);
    pthread_barrier_wait(&begin);
    for (int i = 0; i < DUELS; i++) {
        atomic_store(&oversized.hint, 60);
        void *buffer = oversized_get(&oversized, 9 * MIB);
        if (buffer != NULL && !put_whole(buffer))
            cr_fail("a buffer that was got cannot be put");
    }
    atomic_store(&done, true);
    pthread_join(thread, &fault);
    cr_assert(eq(ptr, fault, NULL));
    MUST(put_whole(below) && put_whole(above));
    assert_at_rest();
    oversized_end(&oversized);
}

static _Atomic(void *) contested;
static unsigned stolen;

/* The same buffer again and again: a caller's bug, which must not become two owners. */
static void *put_contested(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&begin);
    while (!atomic_load_explicit(&done, memory_order_relaxed))
        stolen += put_whole(atomic_load_explicit(&contested, memory_order_relaxed));
    return NULL;
}

/* Fails when two threads that put the same buffer both release it: the second takes another's pages. */
Test(unit_oversized_race, of_two_puts_of_one_buffer_one_wins)
{
    pthread_t thread;
    unsigned won = 0;
    open_space();
    atomic_store(&done, false);
    atomic_store(&contested, oversized.base);
    pthread_barrier_init(&begin, NULL, 2);
    pthread_create(&thread, NULL, put_contested, NULL);
    pthread_barrier_wait(&begin);
    for (int i = 0; i < DUELS; i++) {
        atomic_store(&oversized.hint, 0); /* the same address nearly always */
        void *buffer = oversized_get(&oversized, MIB);
        MUST(buffer != NULL);
        atomic_store(&contested, buffer);
        won += put_whole(buffer);
    }
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    cr_assert(eq(uint, won + stolen, DUELS));
    assert_at_rest();
    oversized_end(&oversized);
}
