#include "cycle.h"

/* All relaxed: the word orders nothing, it only spares double work. */
bool cycle_hold(struct cycle *cycle)
{
    struct collection *collection = &cycle->pool->collection;
    uint64_t holder = atomic_load_explicit(&collection->holder, memory_order_relaxed);

    if (holder != 0 && atomic_exchange_explicit(&collection->looked, holder, memory_order_relaxed) != holder)
        return false; /* held, and seen in this state for the first time */
    do
        cycle->token = atomic_fetch_add_explicit(&collection->tokens, 1, memory_order_relaxed) + 1;
    while (cycle->token == 0);
    return atomic_compare_exchange_strong_explicit(&collection->holder, &holder, (uint64_t)cycle->token << 32,
                                                   memory_order_relaxed, memory_order_relaxed);
}

void cycle_unhold(struct cycle *cycle)
{
    _Atomic uint64_t *word = &cycle->pool->collection.holder;
    uint64_t holder = atomic_load_explicit(word, memory_order_relaxed);
    while (holder >> 32 == cycle->token && !atomic_compare_exchange_weak_explicit(
                                               word, &holder, 0, memory_order_relaxed, memory_order_relaxed))
        continue;
}

void cycle_step(struct cycle *cycle)
{
    _Atomic uint64_t *word = &cycle->pool->collection.holder;
    uint64_t holder = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t token = (uint64_t)cycle->token << 32;

    while (holder >> 32 == cycle->token) {
        if (atomic_compare_exchange_weak_explicit(word, &holder, token | (uint32_t)(holder + 1),
                                                  memory_order_relaxed, memory_order_relaxed))
            return;
    }
    cycle->deposed = true;
}
