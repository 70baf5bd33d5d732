/*
 * budget - a bound that many threads take from: max_bytes and max_cached_bytes.
 *
 * One word; whatever is taken was below the limit at that instant, so the limit
 * holds exactly, not on average. An unlimited budget touches no shared word.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdalign.h>
#include <stdatomic.h>

#include "base.h"

struct budget {
    uint64_t limit; /* UINT64_MAX: unlimited, and `used` is not kept */
    /* relaxed throughout: a number that carries nothing else. */
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t used;
};

static inline void budget_init(struct budget *budget, uint64_t limit)
{
    budget->limit = limit;
    atomic_store_explicit(&budget->used, 0, memory_order_relaxed);
}

/* Up to `want` units of `unit` bytes; how many there was room for. Lock-free. */
static inline uint64_t budget_take(struct budget *budget, uint64_t unit, uint64_t want)
{
    if (budget->limit == UINT64_MAX)
        return want;
    uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    for (;;) {
        uint64_t got = min_u64(want, subtract_to_zero(budget->limit, used) / unit);
        if (got == 0 || atomic_compare_exchange_weak_explicit(&budget->used, &used, used + got * unit,
                                                              memory_order_relaxed, memory_order_relaxed))
            return got;
    }
}

static inline void budget_give(struct budget *budget, uint64_t bytes)
{
    if (budget->limit != UINT64_MAX)
        atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

/* What is used whatever the limit says: a forked child takes over what its parent handed out. */
static inline void budget_force(struct budget *budget, uint64_t bytes)
{
    if (budget->limit != UINT64_MAX)
        atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
}

#endif /* BUDGET_H */
