/*
 * slots - what acquire and release share with the scans: the hints, and a lease's begin.
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
