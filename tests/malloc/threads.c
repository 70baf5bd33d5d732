/*
 * Eight threads that free each other's memory, all of malloc's calls mixed. Its
 * contents are the witness, and a sanitizer that must be silent.
 */
#include <bufpool/malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "property.h"

#include "../concurrency/scale.h"

enum { THREADS = 8, EXCHANGE = 256 };

/* Stands at the begin of each piece; the rest is filled with `seed`. */
struct stamp {
    size_t size;
    uint64_t seed;
};

static _Atomic(struct stamp *) exchange[EXCHANGE];
static _Atomic unsigned faults;

static struct stamp *stamped(struct stamp *piece, size_t size, uint64_t seed)
{
    *piece = (struct stamp){.size = size, .seed = seed};
    fill(piece + 1, size - sizeof *piece, seed);
    return piece;
}

static bool is_whole(const struct stamp *piece, size_t size)
{
    return is_filled(piece + 1, size - sizeof *piece, piece->seed);
}

static size_t any_size(uint64_t *random)
{
    size_t size = random_size(random, random_next(random) % 512 == 0 ? 2 * MIB : 20000);
    return size < sizeof(struct stamp) ? sizeof(struct stamp) : size;
}

static struct stamp *get(uint64_t *random)
{
    size_t size = any_size(random);
    struct stamp *piece;

    switch ((random_next(random) >> 32) % 4) {
    case 0:
        piece = bufpool_calloc(1, size);
        MUST(piece != NULL && is_zero(piece, size));
        break;
    case 1:
        piece = bufpool_aligned_alloc(64, (size + 63) / 64 * 64);
        break;
    default:
        piece = bufpool_malloc(size);
    }
    MUST(piece != NULL);
    return stamped(piece, size, random_next(random));
}

/* Somebody else's, perhaps: look at it, and give it back in one way or another. */
static void give_back(struct stamp *piece, uint64_t *random)
{
    size_t before = piece->size;

    if (!is_whole(piece, before))
        atomic_fetch_add(&faults, 1);
    if ((random_next(random) >> 32) % 4 == 0) {
        size_t after = any_size(random);
        piece = bufpool_realloc(piece, after);
        MUST(piece != NULL);
        if (!is_whole(piece, before < after ? before : after))
            atomic_fetch_add(&faults, 1);
    }
    bufpool_free(piece);
}

static void *trade(void *number)
{
    uint64_t random = (uintptr_t)number + 1;

    for (unsigned i = 0; i < SCALED(40000); i++) {
        struct stamp *piece = get(&random);
        /* acq_rel: who takes a piece sees what its last holder wrote. */
        piece = atomic_exchange_explicit(&exchange[(random_next(&random) >> 32) % EXCHANGE], piece,
                                         memory_order_acq_rel);
        if (piece != NULL)
            give_back(piece, &random);
    }
    return NULL;
}

/* Fails when a piece has two holders, loses bytes on its way, or is lost. */
static bool pieces_cross_threads_whole(void)
{
    pthread_t threads[THREADS];
    uint64_t random = 77;

    for (uintptr_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, trade, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    for (unsigned i = 0; i < EXCHANGE; i++)
        if (exchange[i] != NULL)
            give_back(exchange[i], &random);
    REQUIRE(faults == 0);
    bufpool_stats_t stats = stats_of(NULL);
    REQUIRE(stats.in_use_bytes == 0 && stats.misuses == 0);
    REQUIRE(stats.gets > SCALED(100000) && stats.oversized_gets > 0);
    const char *fault = accounts_fault(NULL);
    if (fault != NULL)
        fprintf(stderr, "%s\n", fault);
    REQUIRE(fault == NULL);
    return true;
}

int main(void)
{
    static const struct property properties[] = {PROPERTY(pieces_cross_threads_whole)};
    return properties_run(properties, 1);
}
