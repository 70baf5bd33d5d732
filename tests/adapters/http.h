/*
 * http - a small HTTP/1.1 server on loopback for the test of a client: connections stay open, each on a
 * thread of its own, and all its memory is the C library's.
 *
 *   GET /BYTES/SEED   that many bytes of text_make with that seed
 *   POST /            what was sent comes back
 */
#ifndef ADAPTERS_HTTP_H
#define ADAPTERS_HTTP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_BODY_MAX ((size_t)2 << 20)

struct http {
    int listener;
    uint16_t port;
    pthread_t accepts;
    pthread_mutex_t lock;
    pthread_cond_t closed;
    unsigned open; /* connections; under the lock */
};

/* On a port the system chose; false where there is no loopback. */
bool http_begin(struct http *server);
/* Waits for all connections to have been closed by the other side. */
void http_end(struct http *server);

#endif /* ADAPTERS_HTTP_H */
