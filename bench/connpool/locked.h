/*
 * locked - what everybody writes first: connections on a stack behind a mutex, and a condition for those who
 * find none. No keys, no deadlines, no accounts, no order among those who wait: the least that such a pool
 * can do.
 */
#ifndef BENCH_LOCKED_H
#define BENCH_LOCKED_H

#include <stddef.h>

struct locked;

/* A pool of `count` connections, all idle. Never NULL. */
struct locked *locked_create(size_t count);
void locked_destroy(struct locked *pool);
void *locked_acquire(struct locked *pool);
void locked_release(struct locked *pool, void *resource);

#endif /* BENCH_LOCKED_H */
