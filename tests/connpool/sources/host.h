/*
 * host - a made-up server whose connections know what they went through, a clock
 * that stands until it is told, and threads that acquire for a test.
 *
 * Free of Criterion, so that programs built for ThreadSanitizer use it too; a broken
 * precondition aborts. What is counted as a fault is what no pool may ever do: hand out what is
 * closed or in use, close twice, call two callbacks at once for one connection.
 */
#ifndef CONNPOOL_HOST_H
#define CONNPOOL_HOST_H

#include <bufpool/connpool.h>
#include <pthread.h>
#include <stdatomic.h>

enum { HOST_CONNECTIONS = 1 << 16, FOREVER = -1 };

struct connection {
    struct host *host;
    uint64_t serial; /* the n-th of its host, from 1 */
    char key[16];    /* what it was opened for; "" without keys */
    _Atomic int life;
    _Atomic int calls;      /* callbacks that run for it now */
    _Atomic uint64_t owner; /* 0: nobody */
    _Atomic bool is_dead;   /* the next check says so */
    _Atomic bool is_dirty;  /* the next reset fails */
    int near_end, far_end;  /* of a socket pair, where the host has sockets; else -1 */
};

/* All zero to begin with. */
struct host {
    connpool_t *pool;
    struct connection *connections;
    bool has_sockets;
    _Atomic uint64_t asked;          /* calls of open */
    _Atomic uint64_t opened, closed; /* that worked; calls of close */
    _Atomic uint64_t checks, resets;
    _Atomic uint64_t faults;
    _Atomic int refuses;       /* what opens give; 0: they work */
    _Atomic bool holds;        /* opens wait until it is false */
    _Atomic bool holds_resets; /* and resets */
    _Atomic int64_t live;      /* what it has to serve: from the call of open to the end of close */
    _Atomic int64_t most;      /* of these at one time */
    _Atomic uint64_t now_ms;
    _Atomic uint64_t reports;
    char report[512]; /* the last; to be read when nobody reports */
};

/*
 * All defaults with the host's callbacks and clock, without a keeper and without jitter. Name
 * "host"; misuse is the process' business.
 */
connpool_config_t host_config(struct host *host);

/* connpool_create that must work. */
void host_start(struct host *host, const connpool_config_t *config);

/* connpool_destroy. Every connection must have been closed, once, without a fault. */
void host_end(struct host *host);

/* The accounts, which must be had, and whose sums must hold: for a pool at rest. */
connpool_stats_t host_stats(struct host *host);

/* Move the clock and have the keeper look; what it opened or closed. */
size_t host_pass(struct host *host, uint64_t ms);

/* Return when so many wait in the queue, or so many opens are under way. Aborts after a minute. */
void host_wait_waiters(struct host *host, uint64_t count);
void host_wait_opening(struct host *host, uint64_t count);

/* connpool_acquire that must work, at once or when somebody releases; for a key when it is not NULL. */
connpool_lease_t take(struct host *host);
connpool_lease_t take_key(struct host *host, const char *key);
void take_many(struct host *host, connpool_lease_t *leases, size_t count);
/* connpool_release; how many were kept. */
bool give(struct host *host, connpool_lease_t lease);
size_t give_many(struct host *host, const connpool_lease_t *leases, size_t count);
/* connpool_acquire that must not wait: its result. What it gave, if anything, is released. */
int try_take(struct host *host);
int try_take_key(struct host *host, const char *key);

struct connection *connection_of(connpool_lease_t lease);
/* Who has it now is `owner`; it must have been nobody, and open. And nobody again. */
void connection_own(connpool_lease_t lease, uint64_t owner);
void connection_disown(connpool_lease_t lease, uint64_t owner);

/* A thread that acquires once. */
struct taker {
    struct host *host;
    const char *key; /* NULL: none */
    uint32_t timeout_ms;
    pthread_t thread;
    connpool_lease_t lease;
    int result;
};

/* Start one, whose wait ends after timeout_ms or, FOREVER, never. */
void taker_start(struct taker *taker, struct host *host, const char *key, int timeout_ms);
/* Start so many that all wait, the first first. */
void takers_queue(struct taker *takers, size_t count, struct host *host, const char *key);
/* Wait for its end: what acquire gave. */
int taker_join(struct taker *taker);

#endif /* CONNPOOL_HOST_H */
