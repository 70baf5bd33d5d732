/*
 * slots - what acquire and release share with the scans: where to look first, and a lease's begin.
 *
 * The connection that a thread has released last is *near*: its number is kept by the thread itself. One that
 * the next release drives out goes to the CPU's hints, from where any thread takes it. Both only guess; the
 * word of the slot decides.
 */
#ifndef CONN_SLOTS_H
#define CONN_SLOTS_H

#include "pool.h"

/* This CPU's. */
unsigned conn_shard(const struct connpool *pool);

/* The newest slot that the hints of this CPU say is idle, and its word; or NULL. Its hint is gone. */
struct conn_slot *conn_hinted(struct connpool *pool, unsigned shelf, uint64_t *word);

/* An idle one that was in the counts of max_idle is the caller's now. */
void conn_uncount(struct connpool *pool, struct conn_slot *slot, uint64_t word);

enum { CONN_NEAR = 8 }; /* pools that a thread remembers; a power of two */

struct conn_near {
    const struct connpool
        *pool;     /* perhaps destroyed, and another one there since: then this is a bad guess */
    uint32_t slot; /* index + 1; 0: none */
};

/* initial-exec: one instruction, as what is loaded at the start needs no look-up. */
extern _Thread_local struct conn_near conn_near[CONN_NEAR] CONN_HIDDEN
    __attribute__((tls_model("initial-exec")));

/* Let this thread find `slot` next. */
static inline void conn_bring_near(struct connpool *pool, size_t index)
{
    struct conn_near *near = &conn_near[pool->near];

    if (CONN_UNLIKELY(near->slot != 0 && near->pool == pool))
        conn_hint(pool, near->slot - 1);
    near->pool = pool;
    near->slot = (uint32_t)index + 1;
}

/* What this thread has released last, if it is idle and of this shelf. */
static inline struct conn_slot *conn_take_near(struct connpool *pool, unsigned shelf, uint64_t *word)
{
    struct conn_near *near = &conn_near[pool->near];

    if (CONN_UNLIKELY(near->slot == 0 || near->pool != pool))
        return NULL;
    struct conn_slot *slot = &pool->slots[near->slot - 1];
    /* acquire [slot]: the last owner's writes come with it. */
    *word = atomic_load_explicit(&slot->word, memory_order_acquire);
    if (CONN_LIKELY((*word & CONN_PLACE_MASK) == ((uint64_t)shelf << CONN_STATE_BITS | CONN_IDLE))) {
        near->slot = 0;
        return slot;
    }
    return NULL;
}

/* To the hints with it: something newer comes by another way. */
static inline void conn_drive_out(struct connpool *pool)
{
    struct conn_near *near = &conn_near[pool->near];

    if (near->pool != pool)
        return;
    if (near->slot != 0)
        conn_hint(pool, near->slot - 1);
    near->slot = 0;
}

/* The slot's word says IN_USE, and it is the caller's: count the use, write down when, fill the lease. */
static inline void conn_lease_begin(struct connpool *pool, struct conn_slot *slot, uint64_t word,
                                    connpool_lease_t *lease)
{
    /* relaxed: ours alone; others read it in passing. */
    uint64_t uses = atomic_load_explicit(&slot->uses, memory_order_relaxed);

    atomic_store_explicit(&slot->uses, uses + 1, memory_order_relaxed);
    atomic_store_explicit(&slot->lent_us,
                          CONN_UNLIKELY((uses & pool->sample_mask) == 0) ? conn_now_us(pool) + 1 : 0,
                          memory_order_relaxed);
    if (pool->times_leases)
        conn_lent_write(slot, word, conn_now_ms(pool));
    lease->resource = atomic_load_explicit(&slot->resource, memory_order_relaxed);
    lease->ticket = conn_ticket(word, conn_index(pool, slot));
}

#endif /* CONN_SLOTS_H */
