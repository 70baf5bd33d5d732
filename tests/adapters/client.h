/*
 * client - the load of bench/echo on a thread of its own, every echoed byte checked.
 */
#ifndef ADAPTERS_CLIENT_H
#define ADAPTERS_CLIENT_H

#include <pthread.h>

#include "../../bench/echo/load.h"

struct client {
    struct load load; /* first to be filled */
    struct load_result result;
    const char *fault;
    pthread_t thread;
    void (*done)(void *arg); /* called on the client's thread when all is over */
    void *arg;
};

void client_start(struct client *client, void (*done)(void *arg), void *arg);
/* NULL, or what went wrong. */
const char *client_end(struct client *client);

/* A listening socket of 127.0.0.1, nonblocking. */
int listen_somewhere(uint16_t *port);

#endif /* ADAPTERS_CLIENT_H */
