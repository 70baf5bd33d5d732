/*
 * ring - a bounded queue of pointers for any number of threads on both ends; how buffers travel between the
 * threads of a test. A push happens before the pop that returns its pointer.
 */
#ifndef CONCURRENCY_RING_H
#define CONCURRENCY_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring;

/* `size` is a power of two. */
struct ring *ring_new(size_t size);
void ring_free(struct ring *ring);

/* Waits (yields) while the ring is full. */
void ring_push(struct ring *ring, void *pointer);

/* NULL where the ring is empty. */
void *ring_pop(struct ring *ring);

#endif /* CONCURRENCY_RING_H */
