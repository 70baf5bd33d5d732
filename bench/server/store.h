/*
 * store - Redis behind a front: calls that block, run by a pool of workers on pooled connections.
 *
 * A call is started by the event loop and comes back to it as a post (see loop.h). While it is out, it
 * belongs to the store: nobody else reads or writes it.
 */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include <bufpool/connpool.h>
#include <bufpool/workpool.h>
#include <stddef.h>

#include "bytes.h"
#include "loop.h"
#include "resp.h"
#include "settings.h"

enum store_verb { STORE_GET, STORE_SET, STORE_DEL };

struct store_call {
    struct post post; /* comes back with this */
    enum store_verb verb;
    const char *key;
    size_t key_size;
    bytebuf_t *body;         /* SET: the value; NULL: an empty one */
    bytebuf_t *reply;        /* GET: an empty one, for the value */
    size_t room;             /* GET: bytes left free in front of it */
    struct resp_value value; /* GET: where it is now */
    int error;               /* 0, or as resp.h has it; -EAGAIN also where no connection is to be had */
    struct store *store;
};

struct store {
    connpool_t *connections;
    workpool_t *workers;
    struct bytes *bytes;
    struct loop *loop;
    struct settings settings;
    char host[256]; /* of Redis; or the path of its socket */
    int port;       /* 0: a path */
};

/* 0 or a negative errno. Redis need not be there. */
int store_open(struct store *store, const struct settings *settings, struct bytes *bytes, struct loop *loop);

/* 0, and the call comes back; or a negative errno: too many wait already, or the store is closed. */
int store_start(struct store *store, struct store_call *call);

/* All calls have come back. */
void store_close(struct store *store);

#endif /* SERVER_STORE_H */
