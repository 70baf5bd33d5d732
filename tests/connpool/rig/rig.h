/*
 * rig - a made-up server: connections whose every open and close is on record, failures on order, and a clock
 * of the test's own. What the pool did is counted on this side too.
 *
 * A fault is what no pool may ever do: lend out what is closed or lent out, close twice or under a borrower,
 * call two callbacks at once for one connection.
 */
#ifndef CONNPOOL_RIG_H
#define CONNPOOL_RIG_H

#include "books.h"
#include "waits.h"

enum { SECOND = 1000 }; /* of the clock */

struct rig;

struct connection {
    struct rig *rig;
    struct connection *next; /* older */
    uint64_t number;         /* of the open, from 1 */
    char key[CONNPOOL_MAX_KEY + 1];
    size_t key_size;
    _Atomic int life;
    _Atomic int calls;       /* callbacks that run for it now */
    _Atomic uintptr_t owner; /* the thread that holds it, as connection_own says; 0: none */
    uint64_t written;        /* plain: owners write it, so ThreadSanitizer sees a bad hand-over */
    _Atomic bool is_dead;    /* what check says from now on */
    _Atomic bool is_dirty;   /* its reset fails */
    int fd;                  /* one of a pair of sockets, where the rig has sockets; else -1 */
    _Atomic int peer;        /* the other; whoever exchanges it for -1 closes it */
    uint64_t opened_at;
    /* The test's own notes. */
    bool is_lent;
    uint64_t used_at, died_at;
};

/* Not moved while a pool has it. */
struct rig {
    connpool_t *pool;
    struct connection *_Atomic connections; /* all there ever were, the newest first */
    _Atomic uint64_t now_ms;

    /* The test's wishes. */
    bool has_sockets;
    bool reuses;         /* what is closed is the next one's memory; for opens on one thread */
    _Atomic int refuses; /* what opens give; 0: they work */
    _Atomic bool holds;  /* opens wait until it is false */
    int (*on_open)(struct rig *rig, const connpool_target_t *target); /* may refuse, too */
    void (*on_reset)(struct connection *connection);                  /* in the middle of a reset */
    void (*on_clock)(struct rig *rig); /* whenever the pool asks for the time */

    /* What was seen. */
    _Atomic uint64_t asked, opened, refused; /* calls of open; those that worked, and not */
    _Atomic uint64_t closed, checks, resets, reports;
    _Atomic uint64_t faults;
    _Atomic int64_t live;         /* what it has to serve: from the call of open to the end of close */
    _Atomic int64_t most;         /* of these at one time */
    _Atomic uint32_t open_may_ms; /* what the last open was given */
    char report[512];             /* the last; to be read when nobody reports */
};

/*
 * A rig at rest, and how a pool is to use it; name "made", no keeper, all else by default.
 *
 *   rig_config        open, close, check and clock: a release is a hit
 *   rig_config_full   every callback, and no jitter
 *   rig_config_still  and nothing ends because of its age, unless the test says so
 */
connpool_config_t rig_config(struct rig *rig);
connpool_config_t rig_config_full(struct rig *rig);
connpool_config_t rig_config_still(struct rig *rig);
/* For a config without the others. */
bool rig_reset(void *resource, void *arg);

/* connpool_create that must work: the rig's pool. */
connpool_t *rig_start(struct rig *rig, const connpool_config_t *config);
/* At rest: do pool and rig say the same, without a fault? False, and said. */
bool rig_agrees(struct rig *rig);
/* Destroy, also where the keeper is at work: is all closed, without a fault? False, and said. */
bool rig_destroy(struct rig *rig);
/* At rest: rig_agrees, then rig_destroy. */
bool rig_ends(struct rig *rig);
/* The accounts of a pool at rest, which must agree. */
connpool_stats_t rig_stats(struct rig *rig);
/* The clock moves on in one step, and the keeper has a round: what it opened or closed. */
size_t rig_pass(struct rig *rig, uint64_t ms);

bool connection_is_open(struct connection *connection);
/* The other end of it closes. */
void connection_hang_up(struct connection *connection);

#endif /* CONNPOOL_RIG_H */
