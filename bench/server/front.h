/*
 * front - the server: what all connections share. The loop's thread alone touches it, but for `bytes` and
 * `store`, which are made for many.
 */
#ifndef SERVER_FRONT_H
#define SERVER_FRONT_H

#include <bufpool/objpool.h>

#include "bytes.h"
#include "loop.h"
#include "settings.h"
#include "store.h"

struct client;

enum { STATUS_MOST = 600 };

struct front {
    struct settings settings;
    struct loop loop;
    struct bytes bytes;
    struct store store;
    objpool_t *clients, *requests;

    struct watch listener;
    char name[256]; /* where it listens */
    bool is_paused; /* no more accepts until a connection closes, or accept_timer is due */
    bool is_draining;
    struct timer accept_timer, drain_timer;

    /* Each connection is in one of them: what it may wait for, and how long. */
    struct queue idle, head, body, work, writing, linger;
    /* And of the server itself. */
    struct queue accept, drain;

    struct client *closed;       /* this round: their memory goes at its end */
    uint64_t connections, calls; /* open; calls of the store that are out */

    /* Since the start. */
    uint64_t accepted, request_bytes, response_bytes;
    uint64_t answers[STATUS_MOST]; /* by status */
    uint64_t put_off;              /* times that there was nothing to accept a connection with */
    uint64_t cut;                  /* connections that took too long to read their answer, or drained */
};

/* 0 or a negative errno, with one line on stderr. */
int front_open(struct front *front, const struct settings *settings);

/* Until front_drain is through. */
void front_run(struct front *front);

/* No more connections; those there are end after their requests, at the latest after drain_ms. Again: now. */
void front_drain(struct front *front);

/* Everything is given back. */
void front_close(struct front *front);

#endif /* SERVER_FRONT_H */
