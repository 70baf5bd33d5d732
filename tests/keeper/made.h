/*
 * made - made-up servers and connections, on a clock of the test's own: what the pool did to them is counted
 * on the other side too.
 */
#ifndef KEEPER_MADE_H
#define KEEPER_MADE_H

#include <bufpool/connpool.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { MADE_SERVERS = 4, MADE_CONNECTIONS = 512, MADE_TRIES = 4096 };

struct made_server {
    bool is_down;
    _Atomic uint64_t open, opens, failures; /* opens and failures together are what the server was asked */
};

struct made_connection {
    bool is_open, is_dead; /* dead: check says no */
    bool is_lent;          /* the test's own note */
    int fd;                /* one of a pair of sockets, where `has_sockets`; else -1 */
    _Atomic int peer;      /* the other; whoever exchanges it for -1 closes it */
    unsigned server;
    uint64_t opened_at, used_at, died_at; /* the test's notes too, but for the first */
};

/* Zeros are a town at rest at time 0, whose servers are up. Not moved while a pool has it. */
struct made {
    _Atomic uint64_t now_ms;
    struct made_server server[MADE_SERVERS]; /* key "0", "1", ...; no key: the first */
    struct made_connection connection[MADE_CONNECTIONS];
    uint64_t tried_at[MADE_TRIES]; /* when the servers were asked, the first so many times */
    _Atomic uint64_t tries, closes, checks, faults;
    bool has_sockets;
    void (*on_clock)(struct made *); /* whenever the pool asks for the time */
    uint64_t reports;
    char report[512];                                          /* the last line */
    void (*on_reset)(struct made *, struct made_connection *); /* in the middle of a reset */
};

/* Callbacks, a clock at 1,000,000 ms, no keeper, no jitter, no lifetime and no idle timeout. */
connpool_config_t made_config(struct made *made);
connpool_t *made_pool(const connpool_config_t *config);
/* At rest: what pool and servers say must agree; then the pool's end, after which nothing is open. */
bool made_ends(struct made *made, connpool_t *pool);
/* What is open, by both sides, and by opens and closes. */
bool made_agrees(struct made *made, connpool_t *pool);

/* The clock moves on, in one step; then a round. */
size_t made_pass(struct made *made, connpool_t *pool, uint64_t ms);

connpool_stats_t made_stats(connpool_t *pool);
uint64_t made_closes(const connpool_stats_t *stats);

/* Leases that must be had, and their end; how many were kept. */
void made_acquire(connpool_t *pool, connpool_lease_t *leases, size_t count);
size_t made_release(connpool_t *pool, const connpool_lease_t *leases, size_t count);
/* `count` at once, and back: so many are idle then. */
void made_fill(connpool_t *pool, size_t count);

/* The other end of it closes. */
void made_hang_up(struct made_connection *connection);

#endif /* KEEPER_MADE_H */
