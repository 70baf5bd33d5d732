/*
 * life - what the echo servers have in common: where a connection's memory comes from, a port, and what they
 * say at the start and at the end.
 *
 * A server prints "port N", serves until its standard input ends and every connection is closed, and then
 * prints
 *
 *     end START LOAD END IN_USE HIT_RATE
 *
 * resident KiB when it began, when the load was over, and after two collections; bytes of the pool in use;
 * and of the pool's gets after the first connection's the share that were hits (-1: it used no pool). A
 * program that uses malloc collects nothing: END is what it keeps.
 */
#ifndef ECHO_LIFE_H
#define ECHO_LIFE_H

#include <bufpool.h>
#include <stdbool.h>
#include <stdint.h>

struct life {
    bool pooled;
    uint64_t start;
    bufpool_stats_t warm;
};

/* Listening on a port of 127.0.0.1 that the kernel chose; nonblocking. */
int life_listen(uint16_t *port);

/* TCP_NODELAY, and nonblocking. */
void life_socket(int socket);

/* Says the port. `pooled`: the default pool is used. */
void life_begin(struct life *life, bool pooled, uint16_t port);

/* The first connections have been served: hits count from here on. */
void life_warm(struct life *life);

/* Everything is closed and given back. */
void life_end(const struct life *life);

#endif /* ECHO_LIFE_H */
