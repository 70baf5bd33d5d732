/*
 * shadow - what a pool with debug words knows of each buffer, outside it: a
 * side table beside each span, committed as the span is, and one for the
 * oversized ones. Pools without words have none.
 *
 *             get                          put
 *   NEVER ----------> IN_USE <-------------------------> IDLE
 *                       ^              get
 *                       '-- INHERITED (a forked child: got by the parent, perhaps)
 *
 * A change of state is one atomic read-modify-write, and a put makes it before
 * the buffer is filed: of two puts of one buffer, on whatever threads, one finds
 * it IDLE and is named. Everything else is written by who holds the buffer, and
 * read by who reports: relaxed throughout.
 */
#ifndef SHADOW_H
#define SHADOW_H

#include <stdalign.h>
#include <stdatomic.h>

#include "base.h"

enum shadow_state {
    SHADOW_NEVER, /* no get has handed it out */
    SHADOW_IN_USE,
    SHADOW_IDLE,     /* put since; purged or not */
    SHADOW_INHERITED /* in a forked child: nothing is known of it until it is put */
};

struct shadow {
    alignas(LINE_SIZE) _Atomic uint32_t state; /* enum shadow_state */
    _Atomic uint32_t sample;                   /* its backtrace is kept: index + 1, see leak.h */
    _Atomic uint64_t asked;                    /* bytes, by the last get or resize */
    _Atomic(const void *) got_at;              /* return addresses */
    _Atomic(const void *) put_at;
    _Atomic bool is_filled; /* its bytes are as a put left them */
};

/* Bytes of address space for so many buffers; whole pages. */
static inline size_t shadow_bytes(uint64_t buffers, size_t page)
{
    return round_up(buffers * sizeof(struct shadow), page);
}

static inline enum shadow_state shadow_state(const struct shadow *shadow)
{
    return (enum shadow_state)atomic_load_explicit(&shadow->state, memory_order_relaxed);
}

/* relaxed: which of two comes first is all that it says; the buffer's bytes are ordered by the pool. */
static inline enum shadow_state shadow_exchange(struct shadow *shadow, enum shadow_state state)
{
    return (enum shadow_state)atomic_exchange_explicit(&shadow->state, state, memory_order_relaxed);
}

/* False where it was not `before`. */
static inline bool shadow_change(struct shadow *shadow, enum shadow_state before, enum shadow_state after)
{
    uint32_t expected = before;
    return atomic_compare_exchange_strong_explicit(&shadow->state, &expected, after, memory_order_relaxed,
                                                   memory_order_relaxed);
}

static inline size_t shadow_asked(const struct shadow *shadow)
{
    return atomic_load_explicit(&shadow->asked, memory_order_relaxed);
}

#endif /* SHADOW_H */
