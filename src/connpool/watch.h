/*
 * watch - the kernel tells when the other end has closed a connection, or it broke.
 *
 * A descriptor is registered once, when its connection is opened, and edge-triggered: lending out and
 * releasing make no system call. Whoever is told may be late, and the descriptor another connection's by
 * then: so what he gets is a tag that names the connection and not its place.
 */
#ifndef CONN_WATCH_H
#define CONN_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn_watch {
    int epoll;
    int wake; /* an eventfd among what is watched */
};

#define CONN_WAKE_TAG UINT64_MAX /* no connection's */

/* 0, or a negative errno. */
int conn_watch_begin(struct conn_watch *watch);
void conn_watch_end(struct conn_watch *watch);

/*
 * What cannot be watched (a file, -1) is not, and false. Nothing takes it out again: closing it does, and
 * asking for its number then might meet another connection's that has got it.
 */
bool conn_watch_add(struct conn_watch *watch, int fd, uint64_t tag);

/* Sleep until something has happened, conn_watch_wake is called or timeout_ms are over. Takes nothing. */
void conn_watch_wait(const struct conn_watch *watch, uint64_t timeout_ms);
/* What has happened, at most `count` tags of it; each is told once. Does not wait. */
size_t conn_watch_take(struct conn_watch *watch, uint64_t *tags, size_t count);
/* From any thread. */
void conn_watch_wake(const struct conn_watch *watch);

#endif /* CONN_WATCH_H */
