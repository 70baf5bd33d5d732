#include "quarantine.h"

#include "armour.h"
#include "blocks.h"

/* What was in a slot becomes cold, where a get may find it. Its bytes. */
static uint64_t release(struct bufpool *pool, void *buffer)
{
    if (buffer == NULL)
        return 0;
    struct quarantine *quarantine = &pool->armour->quarantine;
    unsigned tier = (unsigned)tiers_of_address(&pool->tiers, buffer);
    uint64_t bytes = tier_capacity(pool, tier);

    buffer_park(pool, tier, buffer);
    atomic_fetch_sub_explicit(&quarantine->count[tier], 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&quarantine->bytes, bytes, memory_order_relaxed);
    return bytes;
}

/* Leave a buffer, or nothing, in the next slot, for what was put there a round ago. */
static void *exchange_next(struct quarantine *quarantine, void *buffer)
{
    uint64_t next = atomic_fetch_add_explicit(&quarantine->next, 1, memory_order_relaxed);
    /* acq_rel [quarantine]: what was written before a put goes with the buffer to who takes it out. */
    return atomic_exchange_explicit(&quarantine->slot[next % QUARANTINE_BUFFERS], buffer,
                                    memory_order_acq_rel);
}

uint64_t quarantine_add(struct bufpool *pool, unsigned tier, void *buffer)
{
    struct quarantine *quarantine = &pool->armour->quarantine;

    account_add(&pool->account[tier].puts, 1);
    atomic_fetch_add_explicit(&quarantine->count[tier], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&quarantine->bytes, tier_capacity(pool, tier), memory_order_relaxed);
    uint64_t released = release(pool, exchange_next(quarantine, buffer));
    /* Once round at most: others may add as fast as we take out. */
    for (unsigned i = 0; i < QUARANTINE_BUFFERS &&
                         atomic_load_explicit(&quarantine->bytes, memory_order_relaxed) > QUARANTINE_BYTES;
         i++)
        released += release(pool, exchange_next(quarantine, NULL));
    return released;
}

void quarantine_empty(struct bufpool *pool)
{
    if (!armour_has(pool, DEBUG_QUARANTINE))
        return;
    for (unsigned i = 0; i < QUARANTINE_BUFFERS; i++)
        release(pool, exchange_next(&pool->armour->quarantine, NULL));
}

uint64_t quarantine_count(const struct bufpool *pool, unsigned tier)
{
    return armour_has(pool, DEBUG_QUARANTINE)
               ? atomic_load_explicit(&pool->armour->quarantine.count[tier], memory_order_relaxed)
               : 0;
}
