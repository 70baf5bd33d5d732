/*
 * bufpool/nghttp2.h - nghttp2's sessions on the default pool.
 *
 *     nghttp2_session_server_new3(&session, callbacks, data, option, bufpool_nghttp2_mem());
 *
 * When: each session or HPACK coder, where it is made, by the functions of
 * nghttp2.h that take an nghttp2_mem. Others stay with the C library; both kinds
 * may be alive at once.
 *
 * Catches: all of a session: itself (3 KiB), its frame buffer (16394 bytes, which
 * the 16 KiB tier's headroom holds), header tables, streams, queued frames. Up to half
 * the smallest tier, 256 bytes by default, the C library serves, as
 * bufpool/malloc.h says.
 *
 * Share in the pool (nghttp2 1.52, connections of eight requests with bodies of up
 * to 64 KiB; the test measures it): 14 % of buffers, 78 % of bytes; they take 1.09
 * times what was asked for. The rest are streams, frames and header fields,
 * of 132 bytes on average: with BUFPOOL_CONF=min_size:64 the pool has 97 % of
 * buffers and 99.8 % of bytes.
 *
 * Not for: bodies, which nghttp2 hands over in place: what receives and sends them
 * is yours, and can be a pool's buffer. An nghttp2_session_callbacks or
 * nghttp2_option takes no nghttp2_mem.
 */
#ifndef BUFPOOL_NGHTTP2_H
#define BUFPOOL_NGHTTP2_H

#include <bufpool/malloc.h>
#include <nghttp2/nghttp2.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What nghttp2 calls; it has no use for the user data. */
static inline void *bufpool_nghttp2_malloc(size_t size, void *arg)
{
    (void)arg;
    return bufpool_malloc(size);
}

static inline void bufpool_nghttp2_free(void *memory, void *arg)
{
    (void)arg;
    bufpool_free(memory);
}

static inline void *bufpool_nghttp2_calloc(size_t count, size_t size, void *arg)
{
    (void)arg;
    return bufpool_calloc(count, size);
}

static inline void *bufpool_nghttp2_realloc(void *memory, size_t size, void *arg)
{
    (void)arg;
    return bufpool_realloc(memory, size);
}

/*
 * bufpool_nghttp2_mem - what to hand to the functions of nghttp2.h that take an
 * nghttp2_mem: sessions, HPACK coders.
 *
 * They copy it; what is returned is constant and lives for ever all the same.
 * Where memory is out, nghttp2 says NGHTTP2_ERR_NOMEM.
 */
static inline nghttp2_mem *bufpool_nghttp2_mem(void)
{
    static nghttp2_mem mem = {NULL, bufpool_nghttp2_malloc, bufpool_nghttp2_free, bufpool_nghttp2_calloc,
                              bufpool_nghttp2_realloc};

    return &mem;
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_NGHTTP2_H */
