/*
 * bytebuf_pool - where bytebufs wait, and what their sizes teach.
 */
#ifndef BYTEBUF_POOL_H
#define BYTEBUF_POOL_H

#include <bufpool/bytebuf.h>
#include <bufpool/objpool.h>
#include <stdatomic.h>

#include "family/roll.h"

/* Classes of sizes used: up to 64 bytes, up to 128, and so on to 1 GiB; larger ones count as that. */
#define CLASSES 25u
#define CLASS_LEAST ((size_t)64)

/* Up to this a buffer is always kept; and so many returns below a quarter let a larger one go (golang/go
 * 27735). */
#define KEPT_ALWAYS ((size_t)4096)
#define UNUSED_RETURNS 5u

struct bytebuf_pool {
    bufpool_t *buffers;
    objpool_t *items;
    size_t kept_at_most;
    /* Learned; relaxed: sizes, which only say how much is worth having. */
    _Atomic size_t default_size, largest_kept;
    /* Of this window; relaxed: numbers. Added to once in COUNTED_AT_ONCE returns of a bytebuf. */
    _Alignas(128) _Atomic uint64_t used[CLASSES];
    _Atomic uint64_t returns; /* of this window */
    _Atomic bool is_learning; /* who sets it learns; the others go on */
    _Atomic uint64_t windows; /* that have ended */
    _Atomic uint64_t let_go_large, let_go_unused;
    char name[32]; /* as long as a bufpool's */
    struct roll_entry entry;
};

extern struct roll_kind bytebuf_kind;

static inline size_t pool_default_size(const struct bytebuf_pool *pool)
{
    return atomic_load_explicit(&pool->default_size, memory_order_relaxed);
}

#endif /* BYTEBUF_POOL_H */
