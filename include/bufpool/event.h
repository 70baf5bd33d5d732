/*
 * bufpool/event.h - libevent's evbuffers out of pooled memory, and pooled buffers in them without a copy.
 *
 * Two adapters, over libevent 2.0 or newer; needs -levent_core (or -levent) and -lbufpool.
 *
 * bufpool_event_install: all of libevent's memory from <bufpool/malloc.h>; evbuffers above all, whose pieces
 * are powers of two from 1024 bytes, which is just what tiers are.
 *
 * bufpool_event_add: a pooled buffer becomes the end of an evbuffer, and goes back to the pool once it has
 * been written or drained. With it bufpool_event_read.
 *
 * When to install it. The first, before any other call of libevent, in any program that uses bufferevents or
 * evbuffers. The second where you read yourself, or send what lies in pooled buffers: best with the first, as
 * libevent makes a piece of 1024 bytes for each reference.
 *
 * What it catches (counted in tests/adapters/event.c). The first: in an echo server of bufferevents at least
 * 96 % of the requests and 99.7 % of the bytes; what is left are event structures below 256 bytes. The
 * second: every buffer that you hand over.
 *
 * What it does not fit. Code that changes what it got from an evbuffer: referenced bytes are read-only, and
 * evbuffer_pullup or evbuffer_prepend copy them. Bufferevents read for themselves: for them there is the
 * first only. A program in which a library has used libevent before main.
 *
 *     int main(void)
 *     {
 *         bufpool_event_install();                          // first of all
 *         ...
 *
 *     static void on_readable(evutil_socket_t socket, short what, void *arg)
 *     {
 *         ev_ssize_t count = bufpool_event_read(in, socket, pool, 65536);
 *         ...
 *
 *     char *reply = bufpool_get(pool, 16384);
 *     size_t count = make_reply(reply);
 *     bufpool_event_add(out, pool, reply, count);           // back in the pool when it is sent
 *
 * A NULL pool is the default pool. In C++ the same.
 */
#ifndef BUFPOOL_EVENT_H
#define BUFPOOL_EVENT_H

#include <bufpool.h>
#include <bufpool/malloc.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * bufpool_event_install - have libevent take its memory from <bufpool/malloc.h>. Before any other call of
 * libevent.
 *
 * It stays so until the process ends: give libevent back all it holds with libevent_global_shutdown before
 * you ask what is in use.
 */
static inline void bufpool_event_install(void);

/*
 * bufpool_event_add - append the first `count` bytes of a pooled buffer to an evbuffer, without a copy.
 *
 * `buffer` is what a get gave, from its beginning. It is no longer yours, whatever comes back: it is put when
 * the evbuffer has written, drained or copied it, on the thread that does, or at once where it cannot be
 * appended.
 *
 * Returns 0, or -1 where libevent has no memory or the evbuffer's end is frozen.
 */
static inline int bufpool_event_add(struct evbuffer *out, bufpool_t *pool, void *buffer, size_t count);

/*
 * bufpool_event_read - one recv of at most `size` bytes from a socket, appended to an evbuffer.
 *
 * Into a pooled buffer that then belongs to the evbuffer. What came in at most BUFPOOL_EVENT_COPY_MAX bytes
 * is copied instead, and the buffer put at once: a reference would cost libevent as much memory, and hold the
 * buffer.
 *
 * Returns the bytes read; 0 at the end of the stream; -1 with errno, which is EAGAIN where nothing was there
 * and ENOMEM where there was no memory; only in that case bytes read may be lost, and the connection should
 * be closed.
 */
static inline ev_ssize_t bufpool_event_read(struct evbuffer *in, evutil_socket_t socket, bufpool_t *pool,
                                            size_t size);

/* What fits in the piece of 1024 bytes that libevent makes for a reference. */
#define BUFPOOL_EVENT_COPY_MAX 960

/* ------------------------------------------------------------ inline parts */

static inline void bufpool_event_install(void)
{
    event_set_mem_functions(bufpool_malloc, bufpool_realloc, bufpool_free);
}

/* A get or put of NULL is never a hit in the private cache: of the default pool itself it is. */
static inline bufpool_t *bufpool_event_pool(bufpool_t *pool)
{
    return pool != NULL ? pool : bufpool_default();
}

/* An evbuffer_ref_cleanup_cb; `arg` is the pool. */
static inline void bufpool_event_done(const void *data, size_t count, void *arg)
{
    (void)count;
    bufpool_put((bufpool_t *)arg, (void *)data);
}

static inline int bufpool_event_add(struct evbuffer *out, bufpool_t *pool, void *buffer, size_t count)
{
    pool = bufpool_event_pool(pool);
    int error = evbuffer_add_reference(out, buffer, count, bufpool_event_done, pool);

    if (error != 0)
        bufpool_put(pool, buffer);
    return error;
}

static inline ev_ssize_t bufpool_event_read(struct evbuffer *in, evutil_socket_t socket, bufpool_t *pool,
                                            size_t size)
{
    pool = bufpool_event_pool(pool);
    void *buffer = bufpool_get(pool, size);
    int error;

    if (buffer == NULL)
        return -1;
    ev_ssize_t count = recv(socket, buffer, size, 0);
    if (count > BUFPOOL_EVENT_COPY_MAX) {
        error = bufpool_event_add(in, pool, buffer, (size_t)count);
    } else {
        error = count > 0 ? evbuffer_add(in, buffer, (size_t)count) : 0;
        bufpool_put(pool, buffer); /* keeps errno */
    }
    if (error != 0) {
        errno = ENOMEM;
        return -1;
    }
    return count;
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_EVENT_H */
