#include "ring.h"

#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pools.h"

/* Vyukov's: a cell's turn says whose it is: n: the n-th push's, n + 1: the n-th pop's. */
struct cell {
    _Atomic size_t turn;
    void *pointer;
};

struct ring {
    alignas(64) _Atomic size_t pushed;
    alignas(64) _Atomic size_t popped;
    alignas(64) size_t mask;
    struct cell cells[];
};

struct ring *ring_new(size_t size)
{
    struct ring *ring = aligned_alloc(64, (sizeof *ring + size * sizeof(struct cell) + 63) / 64 * 64);

    MUST(ring != NULL && (size & (size - 1)) == 0);
    atomic_init(&ring->pushed, 0);
    atomic_init(&ring->popped, 0);
    ring->mask = size - 1;
    for (size_t i = 0; i < size; i++)
        atomic_init(&ring->cells[i].turn, i);
    return ring;
}

void ring_free(struct ring *ring)
{
    free(ring);
}

/* The cell of the next position of `end`, whose turn must be position + ahead; NULL where it is not yet. */
static struct cell *claim(struct ring *ring, _Atomic size_t *end, size_t ahead, size_t *position)
{
    *position = atomic_load_explicit(end, memory_order_relaxed);
    for (;;) {
        struct cell *cell = &ring->cells[*position & ring->mask];
        /* acquire: what the other end did with the cell. */
        size_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);

        if ((ptrdiff_t)(turn - (*position + ahead)) < 0)
            return NULL;
        if (turn != *position + ahead)
            *position = atomic_load_explicit(end, memory_order_relaxed);
        else if (atomic_compare_exchange_weak_explicit(end, position, *position + 1, memory_order_relaxed,
                                                       memory_order_relaxed))
            return cell;
    }
}

void ring_push(struct ring *ring, void *pointer)
{
    struct cell *cell;
    size_t position;

    while ((cell = claim(ring, &ring->pushed, 0, &position)) == NULL)
        sched_yield();
    cell->pointer = pointer;
    atomic_store_explicit(&cell->turn, position + 1, memory_order_release);
}

void *ring_pop(struct ring *ring)
{
    size_t position;
    struct cell *cell = claim(ring, &ring->popped, 1, &position);

    if (cell == NULL)
        return NULL;
    void *pointer = cell->pointer;
    atomic_store_explicit(&cell->turn, position + ring->mask + 1, memory_order_release);
    return pointer;
}
