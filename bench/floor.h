/*
 * floor - the least that a pool of buffers can cost: a thread-local array used
 * as a stack, one size, no synchronisation, no checks on the pointer.
 *
 * Once behind a call into a shared object (floor_get, floor_put), which is what
 * every allocator is measured against; once inlined, where only store-to-load
 * forwarding of the counter is left.
 *
 * What would fool it: a compiler that keeps the counter in a register from one
 * pair to the next. The loops put a barrier between get and put (see peer.h).
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>

#define FLOOR_CAPACITY 1024

struct floor_list {
    size_t count;
    void *buffer[FLOOR_CAPACITY];
};

/* NULL when the list is empty. `size` is not looked at: all buffers have one size. */
static inline void *floor_list_get(struct floor_list *list)
{
    if (__builtin_expect(list->count == 0, 0))
        return NULL;
    return list->buffer[--list->count];
}

/* Forgets the buffer when the list is full. */
static inline void floor_list_put(struct floor_list *list, void *buffer)
{
    if (__builtin_expect(list->count < FLOOR_CAPACITY, 1))
        list->buffer[list->count++] = buffer;
}

/* The same on a list of the calling thread, behind a call. */
__attribute__((visibility("default"))) void *floor_get(size_t size);
__attribute__((visibility("default"))) void floor_put(void *buffer);

#endif /* FLOOR_H */
