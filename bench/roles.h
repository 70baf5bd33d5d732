/*
 * roles - who stands for what in the report: us, a rival, a yardstick.
 *
 * By name, not by peer.h's kinds: some peers live in another binary (mempool)
 * or in another language (Go).
 */
#ifndef ROLES_H
#define ROLES_H

#include "samples.h"

/* A peer may have several. */
enum role {
    ROLE_OURS = 1,        /* a configuration of the pool */
    ROLE_MALLOC = 2,      /* as Debian ships it */
    ROLE_LEAN = 4,        /* the mallocs that resident memory is compared with */
    ROLE_GIVES_BACK = 8,  /* a malloc whose idle memory goes back to the system by itself */
    ROLE_KEEPS = 16,      /* a malloc that keeps it, or gives it back late */
    ROLE_MEMPOOL = 32,    /* DPDK's */
    ROLE_GO = 64,         /* Go's pools */
    ROLE_FLOOR = 128,     /* what a pool costs at least */
    ROLE_INLINED = 256,   /* the pool with its fast path inlined */
    ROLE_YARDSTICK = 512, /* no allocator at all */
};
#define ROLE_RIVAL (ROLE_MALLOC | ROLE_GIVES_BACK | ROLE_MEMPOOL | ROLE_GO)

/* The index-th peer in the order of the tables' columns; NULL behind the last. */
const char *role_peer(size_t index);

/* The roles of the index-th peer. */
unsigned role_of(size_t index);

/* Who, and what came out; `peer` is NULL when nobody was measured. */
struct best {
    const char *peer;
    struct summary summary;
    bool dry; /* nobody, since the only ones there were ran out of buffers */
};

/* The best median in a row among the peers that have one of `roles`. */
struct best role_best(const struct samples *samples, unsigned row, unsigned roles);

#endif /* ROLES_H */
