/*
 * client - one conversation at the statistics socket: a question, a document,
 * the end. Never blocks.
 *
 *   text | json | prometheus, a newline      the document of bufpool_dump_all
 *   nothing, and no more                     text
 *   GET /metrics | /json | / HTTP/1.x        the same with a header, for scrapers and curl
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "base.h"

/* The longest question: more than the header of any scraper. */
#define QUESTION_MAX 4096u

struct client {
    int fd;               /* -1: nobody */
    uint64_t number;      /* of all that came, which */
    uint64_t deadline_ms; /* then it is sent away, done or not */
    size_t asked;         /* bytes of the question */
    char *answer;         /* NULL: not asked yet */
    size_t size, sent;
    char question[QUESTION_MAX];
};

/* Something can be read, or written: go on. False when it is over, either way. */
bool client_go_on(struct client *client);

/* It waits for room to write, not for a question. */
static inline bool client_is_answered(const struct client *client)
{
    return client->answer != NULL;
}

/* The end of one: what it has is given back, the place is nobody's. */
void client_end(struct client *client);

#endif /* CLIENT_H */
