/*
 * locked - the control: a pool of the same shape behind a lock. A thread that is
 * stopped while it holds the lock stops everybody, and the watcher must see that. And,
 * behind the same calls, connections of a connpool, all idle, where it must not.
 */
#ifndef LOCKFREE_LOCKED_H
#define LOCKFREE_LOCKED_H

#include <stdbool.h>
#include <stddef.h>

enum lock_kind {
    LOCK_MUTEX,   /* who waits sleeps */
    LOCK_SPIN,    /* who waits burns time */
    LOCK_NONE,    /* connections: the thread has released one before */
    LOCK_NONE_FAR /* the same, and it has not */
};

struct locked;

struct locked *locked_create(enum lock_kind kind, size_t size, unsigned buffers);
void locked_destroy(struct locked *pool);

/* NULL where all are out. */
void *locked_get(struct locked *pool);
void locked_put(struct locked *pool, void *buffer);

#endif /* LOCKFREE_LOCKED_H */
