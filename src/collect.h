/*
 * collect - one step of ageing, and how a collection reaches into the private
 * cache of a thread that sleeps.
 *
 *   1  victims            -> cold
 *   2  shared             -> victims            (half-empty magazines merge)
 *   3  every record's block: CAS to a fresh one (never a blind exchange: dead must win)
 *   4  one membarrier for up to RECORDS_A_BARRIER of them
 *   5  not busy: the old block is ours; its buffers -> victims
 *      busy: it stays in limbo, for a later collection that finds it idle
 *   6  cold above min_cached_bytes is parked and purged
 *
 * A trim does the same with "cold" for "victims" and without a minimum.
 *
 * The hand-off, and why it is right. The owner stores key = busy, then loads
 * block; the collection stores block, then loads key, and a membarrier stands
 * in between on every CPU. So either the owner's "busy" is seen, or the owner
 * sees the fresh block. tests/model checks this exhaustively under x86-TSO.
 * Where the system refuses the barrier (a filter on system calls may come after
 * create), nothing is claimed and the pool is cooperative from then on.
 *
 * Nobody waits for a collection, and a collection waits for nobody: everything
 * it does is a lock-free operation that would be right with two collections at
 * once. The holder word only keeps them from ageing twice. A holder that makes
 * no step between two looks of others is presumed stopped and is succeeded; what
 * it has in hand, one block or one batch of PURGE_BATCH, stays with it.
 */
#ifndef COLLECT_H
#define COLLECT_H

#include "cycle.h"

enum collect {
    COLLECT_AGE, /* one collection */
    COLLECT_ALL  /* a trim */
};

struct collected {
    bool ran;          /* false: another one was at it */
    bool idle;         /* it found nothing to do: nothing aged, no block to swap, none in limbo */
    uint64_t released; /* bytes given back */
};

/* `own` is the calling thread's record or NULL; used in cooperative mode. */
struct collected collect_run(struct bufpool *pool, enum collect what, struct record *own);

/* A tier's shared magazines become survivors of the cycle; half-empty ones merge. */
void collect_shared(struct cycle *cycle, unsigned tier);

/* May a collection find anything? Said by who is about to sleep, after setting pool->quiet. */
bool collect_has_work(struct bufpool *pool);

#endif /* COLLECT_H */
