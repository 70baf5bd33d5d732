/*
 * client - one connection. It has one request at a time: what it sends meanwhile (pipelining) waits in
 * its input buffer, and beyond that in the kernel, so that it can make us hold no more than one request's
 * bytes; and answers go out in order.
 *
 *     reading --complete--> working --Redis--> writing --all sent--> reading ...
 *        |                     ^                  |
 *        +------ refused ------|----------------> + --last answer--> lingering --> closed
 *
 * lingering: our side is closed; what still comes is read and forgotten, because to close with bytes unread
 * would be a reset, and that takes away the answer before the client has seen it.
 */
#ifndef SERVER_CLIENT_H
#define SERVER_CLIENT_H

#include "front.h"
#include "request.h"

enum client_state { READING, WORKING, WRITING, LINGERING };

struct client {
    struct watch watch; /* fd -1: closed */
    struct timer timer;
    struct front *front;
    struct client *next; /* of those closed */
    enum client_state state;
    struct request *request; /* NULL: between two */
    bytebuf_t *input;        /* what was read and not yet used; NULL: nothing */
    size_t input_at;
    bool is_at_end;     /* the client has sent its last byte */
    bool was_continued; /* "100 Continue" was sent for this request */
};

/* A new connection. Without memory it is closed again. */
void client_open(struct front *front, int socket);

/* What the queues call when one of theirs is due. */
void client_cut(struct timer *timer);   /* the end, without a word */
void client_late(struct timer *timer);  /* 408, and the end */
void client_stuck(struct timer *timer); /* it does not take its answer: the end */

/* The same for who has the client at hand; twice does nothing. */
void client_close(struct client *client);

/* The last answer is sent. */
void client_linger(struct client *client);

/* Go on with what was read, until there is nothing left of it, or it must wait. */
void client_go(struct client *client);

void client_input_free(struct client *client);
void client_request_free(struct front *front, struct request *request);

/* At the end of a round: the memory of those closed in it. */
void clients_free(struct front *front);

#endif /* SERVER_CLIENT_H */
