/*
 * load - what is counted: a working set whose buffers are replaced at random,
 * and a ring through which buffers go from one thread to another.
 *
 * With `calls` false the loops do everything but call the library: what is left
 * is the cost of asking, which the counts are without.
 */
#ifndef LOAD_H
#define LOAD_H

#include <bufpool.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define LOAD_INLINE inline __attribute__((always_inline))
#define LOAD_NOINLINE __attribute__((noinline))

/* What the compiler may not see through. */
static LOAD_INLINE void *load_get(bool calls, bufpool_t *pool, size_t size)
{
    void *buffer = pool;
    if (calls) {
        buffer = bufpool_get(pool, size);
        if (buffer == NULL)
            abort();
    } else {
        __asm__ volatile("" : "+r"(buffer) : "r"(size));
    }
    return buffer;
}

static LOAD_INLINE void load_put(bool calls, bufpool_t *pool, void *buffer)
{
    if (calls)
        bufpool_put(pool, buffer);
    else
        __asm__ volatile("" : : "r"(pool), "r"(buffer));
}

/*
 * The benchmark's mix without the first word written: 512 bytes to 512 << doublings, each doubling as likely
 * as the next. Slot i is of pool i modulo `pools`, a power of two.
 */
struct live_set {
    uint64_t random; /* not 0 */
    bufpool_t *const *pool;
    uint32_t pools;
    uint32_t slots;
    uint32_t doublings; /* 7 in mix: up to 64 KiB */
    void **slot;
};

/* Which slot is next, and what size it gets. */
static LOAD_INLINE uint32_t live_set_choose(const struct live_set *set, uint64_t *random, size_t *size)
{
    uint64_t value = *random;
    value ^= value << 13;
    value ^= value >> 7;
    value ^= value << 17;
    *random = value;
    uint64_t doubling = (value >> 10 & 0x3ff) * set->doublings >> 10;
    *size = (512 + (value >> 20 & 0x1ff)) << doubling;
    return (uint32_t)((value >> 32) * set->slots >> 32);
}

static LOAD_INLINE void live_set_run(struct live_set *set, uint64_t count, bool calls)
{
    uint64_t random = set->random;
    for (; count > 0; count--) {
        size_t size;
        uint32_t at = live_set_choose(set, &random, &size);
        bufpool_t *pool = set->pool[at & (set->pools - 1)];
        load_put(calls, pool, set->slot[at]);
        set->slot[at] = load_get(calls, pool, size);
    }
    set->random = random;
}

/* Every slot gets a buffer, so that as many of each size are in use as will be on the average. */
static inline void live_set_fill(struct live_set *set)
{
    for (uint32_t i = 0; i < set->slots; i++) {
        size_t size;
        live_set_choose(set, &set->random, &size);
        set->slot[i] = load_get(true, set->pool[i & (set->pools - 1)], size);
    }
}

static inline void live_set_empty(struct live_set *set)
{
    for (uint32_t i = 0; i < set->slots; i++)
        load_put(true, set->pool[i & (set->pools - 1)], set->slot[i]);
}

#define RING_SLOTS 256u

/* Between threads that take turns: nothing atomic. */
struct ring {
    bufpool_t *pool;
    size_t size;
    uint32_t pushed, popped;
    void *slot[RING_SLOTS];
};

static LOAD_INLINE void ring_produce(struct ring *ring, uint64_t count, bool calls)
{
    for (; count > 0 && ring->pushed - ring->popped < RING_SLOTS; count--)
        ring->slot[ring->pushed++ % RING_SLOTS] = load_get(calls, ring->pool, ring->size);
}

static LOAD_INLINE void ring_consume(struct ring *ring, uint64_t count, bool calls)
{
    for (; count > 0 && ring->pushed != ring->popped; count--)
        load_put(calls, ring->pool, ring->slot[ring->popped++ % RING_SLOTS]);
}

#endif /* LOAD_H */
