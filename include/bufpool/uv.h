/*
 * bufpool/uv.h - libuv reads into pooled buffers, and writes them out again without a copy.
 *
 * Two adapters, over libuv 1.35 or newer; needs -luv and -lbufpool.
 *
 * BUFPOOL_UV_ALLOC: an alloc_cb for uv_read_start and uv_udp_recv_start. This is the one that matters, as it
 * is where libuv's users get their buffers from. With it bufpool_uv_done and bufpool_uv_write.
 *
 * bufpool_uv_install: libuv's own memory from <bufpool/malloc.h>.
 *
 * When to install it. The first in any libuv server: give uv_read_start the alloc_cb, and give the buffer
 * back in read_cb. The second before any other call of libuv, where the program makes libuv itself ask for
 * much: writes of more than four parts above all.
 *
 * What it catches (counted in tests/adapters/uv.c and uv_more.c). The first: every buffer that libuv reads
 * into, and the request of every write, 100 %. The second: what libuv asks for itself; that is next to
 * nothing in an echo server (2 small requests in its life, none of them pooled), and with writes of 64 parts
 * 500 of 502 requests and 99.9 % of the bytes.
 *
 * What it does not fit. Reads that are tiny and kept for long: each holds a buffer of 64 KiB (choose a
 * smaller size, or copy what you keep). Buffers whose read_cb forgets a way out: nread == 0 is EAGAIN, has a
 * buffer, and is no end.
 *
 * What stays with you. libuv writes without MSG_NOSIGNAL: ignore SIGPIPE, or a client that breaks off ends
 * the server. uv_close drops writes that still wait, their buffers go home; uv_shutdown waits for them.
 *
 *     BUFPOOL_UV_ALLOC(get_buffer, ((struct server *)handle->loop->data)->pool, suggested)
 *
 *     static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
 *     {
 *         if (count <= 0)
 *             bufpool_uv_done(pool, buffer);          // 0, UV_EOF, UV_ENOBUFS, errors: whatever count is
 *         else if (bufpool_uv_write(pool, stream, buffer->base, uv_buf_init(buffer->base, count), NULL) == 0)
 *             return;                                 // echo: the buffer goes with the write, then home
 *         if (count != 0 && count != UV_ENOBUFS)
 *             uv_close((uv_handle_t *)stream, on_close);  // drops what waits to be written
 *     }
 *     ...
 *     signal(SIGPIPE, SIG_IGN);
 *     uv_read_start(stream, get_buffer, on_read);
 *
 * handle->data and loop->data stay yours: the macro takes the pool from wherever you say. A NULL pool is the
 * default pool. In C++ the same.
 */
#ifndef BUFPOOL_UV_H
#define BUFPOOL_UV_H

#include <bufpool.h>
#include <bufpool/malloc.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * BUFPOOL_UV_ALLOC - define a static alloc_cb called `name`, that gets buffers of `size` bytes from `pool`.
 *
 * Both are expressions, evaluated at each call, in which `handle` (uv_handle_t *) and `suggested` (libuv's
 * size, 65536 for streams) may stand. Where the pool has no memory, read_cb is called with UV_ENOBUFS and an
 * empty buffer; reading goes on at the next event.
 */
#define BUFPOOL_UV_ALLOC(name, pool, size)                                                                   \
    static void name(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)                                \
    {                                                                                                        \
        (void)handle;                                                                                        \
        (void)suggested;                                                                                     \
        bufpool_uv_lend((pool), (size), buffer);                                                             \
    }

/* bufpool_uv_alloc - the same, ready made: the default pool, and the size that libuv suggests. */
static inline void bufpool_uv_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);

/* bufpool_uv_lend - what an alloc_cb does: *buffer is `size` bytes of the pool; NULL and 0 where it has none.
 */
static inline void bufpool_uv_lend(bufpool_t *pool, size_t size, uv_buf_t *buffer);

/*
 * bufpool_uv_done - give back in read_cb what the alloc_cb got: after data, at nread == 0, at UV_EOF, on any
 * error (also UV_ENOBUFS, where there is nothing to give back). Not where the buffer was handed on.
 */
static inline void bufpool_uv_done(bufpool_t *pool, const uv_buf_t *buffer);

/*
 * bufpool_uv_recv_done - the same in uv_udp_recv_cb, with its flags: with UV_UDP_RECVMMSG several datagrams
 * lie in one buffer, which is given back with the last call.
 */
static inline void bufpool_uv_recv_done(bufpool_t *pool, const uv_buf_t *buffer, unsigned flags);

/* A write under way, as `written` sees it. The request comes first: a uv_write_t * of it is this. */
typedef struct bufpool_uv_request {
    uv_write_t request; /* request.data is yours */
    bufpool_t *pool;
    void *buffer;
    uv_write_cb written;
} bufpool_uv_request_t;

/*
 * bufpool_uv_write - uv_write of `part` of a pooled buffer, which goes back when it is written, or cannot be.
 *
 * `buffer` is what a get or the alloc_cb gave, `part` any bytes in it. It is no longer yours, whatever comes
 * back. The request is a second, small buffer of the pool. `written`, or NULL, is called before both are
 * given back.
 *
 * Returns 0; UV_ENOMEM, or what uv_write says: then `written` is not called.
 */
static inline int bufpool_uv_write(bufpool_t *pool, uv_stream_t *stream, void *buffer, uv_buf_t part,
                                   uv_write_cb written);

/*
 * bufpool_uv_install - have libuv take its memory from <bufpool/malloc.h>. Before any other call of libuv,
 * once. 0, or what uv_replace_allocator says.
 */
static inline int bufpool_uv_install(void);

/* ------------------------------------------------------------ inline parts */

/* A get or put of NULL is never a hit in the private cache: of the default pool itself it is. */
static inline bufpool_t *bufpool_uv_pool(bufpool_t *pool)
{
    return pool != NULL ? pool : bufpool_default();
}

static inline void bufpool_uv_lend(bufpool_t *pool, size_t size, uv_buf_t *buffer)
{
    buffer->base = (char *)bufpool_get(bufpool_uv_pool(pool), size);
    buffer->len = buffer->base != NULL ? size : 0;
}

static inline void bufpool_uv_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    bufpool_uv_lend(NULL, suggested, buffer);
}

static inline void bufpool_uv_done(bufpool_t *pool, const uv_buf_t *buffer)
{
    if (buffer != NULL)
        bufpool_put(bufpool_uv_pool(pool), buffer->base);
}

static inline void bufpool_uv_recv_done(bufpool_t *pool, const uv_buf_t *buffer, unsigned flags)
{
    if ((flags & UV_UDP_MMSG_CHUNK) == 0)
        bufpool_uv_done(pool, buffer);
}

static inline void bufpool_uv_written(uv_write_t *request, int status)
{
    bufpool_uv_request_t *write = (bufpool_uv_request_t *)request;

    if (write->written != NULL)
        write->written(request, status);
    bufpool_put(write->pool, write->buffer);
    bufpool_put(write->pool, write);
}

/* gcc's analyzer sees no owner in libuv, which hands the request to bufpool_uv_written. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static inline int bufpool_uv_write(bufpool_t *pool, uv_stream_t *stream, void *buffer, uv_buf_t part,
                                   uv_write_cb written)
{
    int error = UV_ENOMEM;

    pool = bufpool_uv_pool(pool);
    bufpool_uv_request_t *write = (bufpool_uv_request_t *)bufpool_get(pool, sizeof *write);

    if (write != NULL) {
        write->pool = pool;
        write->buffer = buffer;
        write->written = written;
        write->request.data = NULL;
        error = uv_write(&write->request, stream, &part, 1, bufpool_uv_written);
    }
    if (error != 0) {
        bufpool_put(pool, write);
        bufpool_put(pool, buffer);
    }
    return error;
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

static inline int bufpool_uv_install(void)
{
    return uv_replace_allocator(bufpool_malloc, bufpool_realloc, bufpool_calloc, bufpool_free);
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_UV_H */
