/*
 * load - clients of an echo server: so many connections to a port of this machine, each with one message
 * under way. One thread and one epoll for all.
 *
 * A message's bytes are a window into one pattern, so that making them costs nothing; every connection and
 * every message has another window. `verify` compares what comes back.
 */
#ifndef ECHO_LOAD_H
#define ECHO_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_MESSAGE_MAX ((size_t)1 << 20)

struct load {
    uint16_t port;
    unsigned connections;
    size_t message;     /* bytes, at most LOAD_MESSAGE_MAX */
    uint64_t messages;  /* in all, of all connections; 0: until the time is over */
    unsigned warmup_ms; /* not counted */
    unsigned sample_ms;
    unsigned
        reset_each; /* every so many-th message a connection is broken in the middle and made anew; 0: none */
    bool verify;
};

struct load_result {
    uint64_t messages; /* echoed whole, after the warm-up */
    uint64_t bytes;    /* echoed, after the warm-up; also of messages that were not whole when time was up */
    uint64_t resets;
    double seconds;
};

/* Runs it, and closes every connection. NULL, or what went wrong. */
const char *load_run(const struct load *load, struct load_result *result);

#endif /* ECHO_LOAD_H */
