/*
 * waits - threads that are in a call: one that borrows, one that sees the pool closed.
 */
#ifndef CONNPOOL_WAITS_H
#define CONNPOOL_WAITS_H

#include <bufpool/connpool.h>
#include <pthread.h>
#include <stdatomic.h>

#define FOR_EVER UINT32_MAX

/* A thread that acquires once. */
struct borrower {
    pthread_t thread;
    connpool_t *pool;
    const char *key; /* NULL: none */
    uint32_t timeout_ms;
    connpool_lease_t lease;
    int error; /* what the call gave */
    _Atomic bool is_back;
};

/* Start it; the second and third return when it is in the queue, behind those that are there. */
void borrower_start(struct borrower *borrower, connpool_t *pool, const char *key, uint32_t timeout_ms);
void borrower_queue(struct borrower *borrower, connpool_t *pool, const char *key, uint32_t timeout_ms);
/* So many, the first first, who wait for ever. */
void borrowers_queue(struct borrower *borrowers, size_t count, connpool_t *pool, const char *key);
/* Join it: its error. */
int borrower_end(struct borrower *borrower);

/* A thread that closes the pool, and waits until all is. */
struct closer {
    pthread_t thread;
    connpool_t *pool;
    int error;
};

void closer_start(struct closer *closer, connpool_t *pool);
int closer_end(struct closer *closer);

/* Until so many wait in the queue, or so many opens are under way. */
void await_waiters(connpool_t *pool, uint64_t count);
void await_opening(connpool_t *pool, uint64_t count);

#endif /* CONNPOOL_WAITS_H */
