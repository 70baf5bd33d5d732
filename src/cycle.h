/*
 * cycle - who collects: a try-lock that a stopped holder cannot keep.
 *
 * The holder counts its steps in the lock's word. Who finds it held notes the
 * word and goes away; who finds it held and just as noted takes over. The one
 * that was succeeded notices at its next step, finishes what it has in hand,
 * and stops.
 */
#ifndef CYCLE_H
#define CYCLE_H

#include "pool.h"

struct cycle {
    struct bufpool *pool;
    enum place survivors; /* where what was in use lately goes: victims, or cold */
    uint64_t spare_bytes; /* of victims, so many may become cold; UINT64_MAX: all */
    uint32_t token;
    uint32_t stamp;
    bool deposed; /* somebody else holds the collection now: finish what is in hand, and stop */
    bool worked;
    bool is_trim;
    bool passed_over; /* a block was not swapped, as another is in limbo behind it */
    uint64_t released;
};

/* False: somebody else collects. */
bool cycle_hold(struct cycle *cycle);
void cycle_unhold(struct cycle *cycle);

/* Something was finished, nothing is in hand. Sets `deposed` where somebody else has taken over. */
void cycle_step(struct cycle *cycle);

/* A loop over magazines goes so often at most: traffic may push as fast as we pop. */
static inline uint32_t cycle_limit(const struct cycle *cycle)
{
    return table_used(&cycle->pool->depot.magazines);
}

#endif /* CYCLE_H */
