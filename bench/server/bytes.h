/*
 * bytes - where request and response bytes come from: bytebufs of a pool, or the same from malloc.
 *
 * The one place where the two allocators differ. A bytebuf from here is a bytebuf_t either way, grows
 * by the same rule, and is given back to where it came from when its request is over. With malloc that
 * is free; with bufpool the pool keeps it, buffer and all, for the next.
 *
 * What is held is counted, and bounded: a client cannot make the server hold more than it was told it may.
 */
#ifndef SERVER_BYTES_H
#define SERVER_BYTES_H

#include <bufpool/bytebuf.h>
#include <stdatomic.h>

/* Kept apart, so that neither gets the other's capacity: what one read of a socket brings, and short
 * answers; and values of Redis. */
enum bytes_use { BYTES_SHORT, BYTES_VALUE, BYTES_USES };

struct bytes {
    bufpool_t *buffers;                /* NULL: malloc */
    bytebuf_pool_t *pools[BYTES_USES]; /* NULL: malloc */
    _Atomic uint64_t held;             /* capacity of all that is out; relaxed, a number */
    uint64_t most;
};

/* 0 or a negative errno. `pooled`: from bufpool. */
int bytes_open(struct bytes *bytes, bool pooled, uint64_t most);

/* Everything has been put. */
void bytes_close(struct bytes *bytes);

/* An empty one, perhaps with capacity. NULL: no memory. From any thread, as all of these. */
bytebuf_t *bytes_get(struct bytes *bytes, enum bytes_use use);

/* NULL does nothing. */
void bytes_put(struct bytes *bytes, bytebuf_t *buffer);

/* Room for `room` bytes behind the last, as bytebuf_reserve gives it. NULL: no memory; or, for a value, too
 * much is held. (What is short is bounded by the number of connections: refusals need it.) */
char *bytes_reserve(struct bytes *bytes, enum bytes_use use, bytebuf_t *buffer, size_t room);

/* False: as NULL above, and nothing was appended. */
bool bytes_append(struct bytes *bytes, enum bytes_use use, bytebuf_t *buffer, const void *from, size_t count);

uint64_t bytes_held(struct bytes *bytes);

#endif /* SERVER_BYTES_H */
