/*
 * settings - what the server is told on its command line: one table, its parser, --help.
 *
 * Every bound of the server is here. Together they say how much a client can make it spend:
 * max_connections clients at once, each with one read of its socket and one request, whose head is not
 * kept; and max_held bytes of values, max_body each at most.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct settings {
    const char *listen; /* HOST:PORT, PORT (of 127.0.0.1; 0: the system chooses) or the /path of a socket; see
                           address.h */
    const char *redis;  /* the same */
    const char *allocator; /* bufpool or malloc: where request and response bytes come from */
    uint64_t workers;      /* threads that wait for Redis */
    uint64_t queue;        /* calls that wait for a worker; more are 503 */
    uint64_t redis_connections;
    uint64_t max_connections; /* more wait in the listener's backlog */
    uint64_t max_head;        /* bytes of request line and header fields: 431 */
    uint64_t max_target;      /* bytes of the request's target: 414 */
    uint64_t max_body;        /* bytes of a value, either way: 413, 502 */
    uint64_t max_held;        /* bytes of buffers for values at once: 503 */
    uint64_t idle_ms;         /* a connection without a request */
    uint64_t head_ms;         /* from the first byte of a request to the end of its head: 408 */
    uint64_t body_ms;         /* from there to the end of its body: 408 */
    uint64_t write_ms;        /* for the client to take the response */
    uint64_t linger_ms;       /* what a refused client still sends is read so long, that it hears why */
    uint64_t redis_ms;        /* for a connection to Redis, and each wait for its answer: 503 */
    uint64_t drain_ms;        /* after SIGTERM, for requests under way */
};

enum { SETTINGS_MAX_TARGET = 2048 };

/* The defaults, changed by the options. False: a line on stderr says why not. `*help`: it was asked for. */
bool settings_read(struct settings *settings, int argc, char **argv, bool *help);

void settings_help(void);

#endif /* SERVER_SETTINGS_H */
