/*
 * magazine - an array of idle buffers of one tier that moves as one. It has one
 * owner at a time: a stack of the depot, or the thread that popped it. Only the
 * owner touches `buffer`; count, tier and place are also read by who sums up
 * the accounts, relaxed, while they may change.
 */
#ifndef MAGAZINE_H
#define MAGAZINE_H

#include "table.h"

/* With its header a magazine is 512 bytes, four pairs of lines. */
#define MAGAZINE_MAX 62u

/*
 * And moves at most this much memory, so that large tiers do not sit idle 62 at a time. 16 KiB buffers handed
 * from one thread to another: 34 ns with 256 KiB, 18 with 1 MiB; beyond that max_thread_bytes sets how many
 * move at once.
 */
#define MAGAZINE_BYTES ((uint64_t)1 << 20)

enum place {
    PLACE_HAND,  /* somebody is moving it, or keeps it as a spare */
    PLACE_EMPTY, /* it holds no buffers: what it lists are further empty magazines */
    PLACE_SHARED,
    PLACE_VICTIM,
    PLACE_COLD,
    PLACES
};

struct magazine {
    struct link link;
    _Atomic uint16_t count;
    _Atomic uint8_t tier;
    _Atomic uint8_t place;
    uint32_t self;          /* its index in the depot's table */
    _Atomic uint32_t stamp; /* the collection that made it cold */
    void *buffer[MAGAZINE_MAX];
};

_Static_assert(sizeof(struct magazine) == 512, "a magazine is four pairs of lines");

static inline uint32_t magazine_size(uint64_t tier_size)
{
    return (uint32_t)max_u64(1, min_u64(MAGAZINE_MAX, MAGAZINE_BYTES / tier_size));
}

static inline unsigned magazine_count(const struct magazine *magazine)
{
    return atomic_load_explicit(&magazine->count, memory_order_relaxed);
}

static inline void magazine_set_count(struct magazine *magazine, unsigned count)
{
    atomic_store_explicit(&magazine->count, (uint16_t)count, memory_order_relaxed);
}

static inline void magazine_set_place(struct magazine *magazine, enum place place, unsigned tier)
{
    atomic_store_explicit(&magazine->tier, (uint8_t)tier, memory_order_relaxed);
    atomic_store_explicit(&magazine->place, (uint8_t)place, memory_order_relaxed);
}

static inline void magazine_add(struct magazine *magazine, void *buffer)
{
    unsigned count = magazine_count(magazine);
    magazine->buffer[count] = buffer;
    magazine_set_count(magazine, count + 1);
}

static inline void *magazine_take(struct magazine *magazine)
{
    unsigned count = magazine_count(magazine) - 1;
    magazine_set_count(magazine, count);
    return magazine->buffer[count];
}

/* Move buffers until `to` has `size` or `from` has none. */
static inline void magazine_pour(struct magazine *to, struct magazine *from, unsigned size)
{
    while (magazine_count(from) > 0 && magazine_count(to) < size)
        magazine_add(to, magazine_take(from));
}

#endif /* MAGAZINE_H */
