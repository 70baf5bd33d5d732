/*
 * rig - made-up connections whose every open and close is on record, with failures on order and a
 * clock of the test's own. Nothing in it needs Criterion.
 */
#ifndef CONNPOOL_RIG_H
#define CONNPOOL_RIG_H

#include <bufpool/connpool.h>
#include <pthread.h>
#include <stdatomic.h>

#define FOR_EVER UINT32_MAX

struct rig {
    _Atomic uint64_t opened, closed, open_calls, checks, resets;
    _Atomic int fail_with;   /* what open gives instead; 0: it works */
    _Atomic bool is_dead;    /* what check says of connections made before now */
    _Atomic bool spoils;     /* reset fails */
    _Atomic uint64_t now;    /* ms */
    _Atomic uint64_t faults; /* what a resource has seen that must not be */
    _Atomic uint32_t last_timeout;
};

/* A made-up connection. */
struct wire {
    struct rig *rig;
    uint64_t number; /* of the open, from 1 */
    char key[CONNPOOL_MAX_KEY + 1];
    size_t key_size;
    _Atomic int owners; /* who holds it now */
    _Atomic int closes;
    _Atomic bool is_dead;
    uint64_t written; /* plain: whoever owns it writes, so ThreadSanitizer sees a bad hand-over */
};

/* open, close, check, clock and arg of the rig; no keeper; all else by default. */
connpool_config_t rig_config(struct rig *rig);
/* For config.reset; without one, a release is a hit. */
bool rig_reset(void *resource, void *arg);
/* connpool_create that must work. */
connpool_t *rig_pool(const connpool_config_t *config);
/* What all checks say from now on of those open now. */
void rig_kill(connpool_lease_t lease);

struct wire *wire_of(connpool_lease_t lease);
/* The wire is this thread's now; its end. Faults are counted in the rig. */
void wire_own(connpool_lease_t lease);
void wire_disown(connpool_lease_t lease);

/* Acquires and releases that must work. */
connpool_lease_t lease_from(connpool_t *pool);
connpool_lease_t lease_of(connpool_t *pool, const char *key);

connpool_stats_t conn_stats(connpool_t *pool);
/* NULL, or what does not add up in a pool at rest. */
const char *books_fault(connpool_t *pool, struct rig *rig);
/* Destroy; then NULL, or what was not closed exactly once. */
const char *end_fault(connpool_t *pool, struct rig *rig);

/* A thread in connpool_acquire. */
struct borrower {
    pthread_t thread;
    connpool_t *pool;
    const char *key; /* NULL: none */
    uint32_t timeout_ms;
    connpool_lease_t lease;
    int error;
    _Atomic bool is_back;
};

/* Start it, and return when it is in the queue behind those that are there. */
void borrower_start(struct borrower *borrower, connpool_t *pool, const char *key, uint32_t timeout_ms);
/* Join it; what connpool_acquire returned. */
int borrower_end(struct borrower *borrower);
/* Until so many wait. */
void await_waiters(connpool_t *pool, uint64_t count);

#endif /* CONNPOOL_RIG_H */
