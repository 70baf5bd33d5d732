/*
 * quarantine - the last buffers put, kept from being got again: what is written
 * into them or put once more meanwhile meets nobody else's buffer.
 *
 * A ring of slots that puts go round: each takes the next slot, leaves its
 * buffer there and takes out what was put a round ago, which becomes cold.
 * Lock-free, and it never needs memory. Idle buffers count as cold here; a trim
 * takes them all out, a collection none.
 */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include <stdalign.h>
#include <stdatomic.h>

#include "debug.h"
#include "tiers.h"

struct bufpool;

struct quarantine {
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t next; /* slots taken so far */
    _Atomic uint64_t bytes;
    _Atomic uint64_t count[TIERS_MAX];
    _Atomic(void *) slot[QUARANTINE_BUFFERS];
};

/* Keep a buffer that its caller holds; the bytes of those that became cold instead. */
uint64_t quarantine_add(struct bufpool *pool, unsigned tier, void *buffer);

/* All of them become cold. */
void quarantine_empty(struct bufpool *pool);

/* Buffers of a tier in there: 0 of a pool without. */
uint64_t quarantine_count(const struct bufpool *pool, unsigned tier);

#endif /* QUARANTINE_H */
