/*
 * answer - from a request that is complete, or refused, to the last byte of its answer.
 *
 * Each of these may end the connection: look at client->watch.fd and client->state afterwards.
 */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "client.h"

/* A status and its name; the request is ours. */
void answer_status(struct client *client, unsigned status);

/* Ask Redis; the answer follows. */
void answer_call(struct client *client);

void answer_metrics(struct client *client);

/* 503 and the end, where there is no memory for a request or its answer. */
void answer_without_memory(struct client *client);

/* The kernel takes more of the answer. */
void answer_send(struct client *client);

#endif /* SERVER_ANSWER_H */
