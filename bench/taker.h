/*
 * taker - one of eight threads that take and fill 2,000 buffers of 16 KiB each,
 * 250 MiB in all, and give them back: the load of burst and of breathing.
 *
 * What would fool it: buffers got and not filled, whose pages nobody needed;
 * harness tables in the heap that is measured (map the array of buffers).
 */
#ifndef TAKER_H
#define TAKER_H

#include <string.h>

#include "peer.h"

#define TAKERS 8
#define TAKER_BUFFERS 2000
#define TAKER_SIZE ((size_t)16384)

/* What peer_open has to know of it. */
#define TAKER_LOAD                                                                                           \
    {                                                                                                        \
        TAKER_SIZE, TAKER_SIZE, TAKERS *TAKER_BUFFERS, TAKERS                                                \
    }

/* The context of one taker's loops; their `count` is TAKER_BUFFERS. */
struct taker {
    void *self;
    void **buffer;
    unsigned keep_every; /* every so many-th stays in use; 0: none */
    bool give_kept;      /* give: those that stayed in use, or the others */
};

static ALWAYS_INLINE void taker_take(enum peer_kind kind, void *context, uint64_t count)
{
    struct taker *taker = context;
    for (uint64_t i = 0; i < count; i++) {
        taker->buffer[i] = peer_get(kind, taker->self, TAKER_SIZE);
        memset(taker->buffer[i], 0x5a, TAKER_SIZE);
    }
}

static ALWAYS_INLINE void taker_give(enum peer_kind kind, void *context, uint64_t count)
{
    struct taker *taker = context;
    for (uint64_t i = 0; i < count; i++) {
        bool kept = taker->keep_every && i % taker->keep_every == 0;
        if (kept == taker->give_kept)
            peer_put(kind, taker->self, taker->buffer[i]);
    }
}

#endif /* TAKER_H */
