/*
 * handoff - how a collection takes the private cache of a running thread, as a model.
 *
 * One record, its owner, two collectors: the second took over from the first, which then was not dead. Under
 * x86-TSO: the owner's stores wait in a store buffer and reach memory in order, at any later time. The
 * collectors need no store buffer: each of their plain stores goes to a block that only they hold and has a
 * locked instruction behind it, so it is as good as done in that moment. A membarrier returns no earlier than
 * a moment in which the owner's store buffer was empty.
 *
 * A step makes at most one access to shared memory. Emptying a claimed block is one step, which is honest
 * because claims are checked to be exclusive: an owner that touches, or whose store buffer still writes to, a
 * block that somebody else holds is a fault by itself.
 */
#ifndef HANDOFF_H
#define HANDOFF_H

#include "explore.h"

#include <stdint.h>

/* What a variant leaves out or does wrong; 0 is the protocol as it is in src/. */
enum handoff_sabotage {
    HANDOFF_NO_MEMBARRIER = 1,  /* claim without having waited for the owner's store buffer */
    HANDOFF_EARLY_CLEAR = 2,    /* the owner clears busy before it stores n */
    HANDOFF_BLIND_EXCHANGE = 4, /* the collector exchanges `block` where it should CAS: DEAD is overwritten */
    HANDOFF_NO_REREAD = 8,      /* a slow path drops busy and goes on with the block it had */
    HANDOFF_UNREMEMBERED = 16,  /* claim any `previous`, also one that appeared after the membarrier */
    HANDOFF_STALE_WORD = 32,    /* remember a `previous` without looking whether its block is in service */
    HANDOFF_FORGOTTEN_LIMBO = 64 /* claim a block but not the limbo behind it */
};

struct handoff_variant {
    unsigned sabotage;
    uint8_t operations; /* gets and puts of the owner, at most */
    uint8_t lives;      /* how many more threads get the record after the first exited */
    uint8_t rounds[2];  /* collections that each of the two collectors runs */
};

extern const struct model handoff_model;

enum { BLOCKS = 3, BUFFERS = 2, CAP = 2, PENDING = 5, COLLECTORS = 2 };

/* 1..BLOCKS name a block, 0 none (in `block`: DEAD); 1..BUFFERS name a buffer. */
struct block {
    uint8_t n, buffer[CAP];
    uint8_t
        previous; /* a limbo block of the same record as { tag:6, block:2 }, no word ever used twice; or 0 */
};

struct memory {
    uint8_t busy, block;
    struct block blocks[BLOCKS + 1];
};

struct store {
    uint8_t address, value; /* address: offset in struct memory */
};

/* at: what comes next; the rest are registers. */
struct owner {
    uint8_t at, operations, lives, putting, slow, block, n, previous, next;
};

struct collector {
    uint8_t at, rounds, block, fresh, previous, remembered, next;
};

/*
 * FREE -> HELD (fresh) -> IN_SERVICE (current, after the swap in limbo) -> HELD (claimed) -> emptied, FREE
 */
enum holder { FREE, HELD, IN_SERVICE };

struct state {
    struct memory memory;
    struct store pending[PENDING]; /* the owner's store buffer, oldest first */
    uint8_t pending_count;
    struct owner owner;
    struct collector collectors[COLLECTORS];

    /* What only the checker knows: who has a block, which buffers are where, how many tags were used. */
    uint8_t holder[BLOCKS + 1], in_hand, victims, tags;
};

/* Where a thread that has nothing left to do stands. */
enum { OWNER_IDLE = 0, OWNER_GONE = 1, COLLECTOR_IDLE = 0 };

/* Every possible next step of one thread. */
void handoff_owner(struct explorer *explorer, const struct state *state, unsigned sabotage);
void handoff_collector(struct explorer *explorer, const struct state *state, int which, unsigned sabotage);

/* Parts of steps, which both kinds of threads have. They check while they change. */

/* A locked CAS of previous that takes the limbo block out. The block, now HELD by the caller, or 0: lost. */
uint8_t handoff_claim_previous(struct explorer *explorer, struct state *state, uint8_t block,
                               uint8_t expected);

/* The contents of a block the caller holds become victims; the block is free. */
void handoff_empty(struct explorer *explorer, struct state *state, uint8_t block);

/* A block that was in service is HELD by the caller. */
void handoff_hold(struct explorer *explorer, struct state *state, uint8_t block);

/* A buffer comes to the user's hand or to the victims. */
void handoff_take(struct explorer *explorer, struct state *state, uint8_t buffer, uint8_t *to);

/* The owner may touch an address only while no collector holds the block it lies in. */
void handoff_touch(struct explorer *explorer, const struct state *state, size_t address);

#endif /* HANDOFF_H */
