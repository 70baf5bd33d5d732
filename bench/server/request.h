/*
 * request - one HTTP request, from its first byte to its answer: read by http-parser, judged here.
 *
 * Lives in an objpool: it is taken when the first byte comes and put back when the answer is written, so
 * that a connection that waits for its next request costs none.
 *
 * What is wrong with a request is decided at the first byte that shows it, and is a status code. What makes
 * it unclear where the request ends (two lengths, a broken chunk, ...) ends the connection too: whoever sits
 * between us and the client may have seen another end (request smuggling).
 */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <http_parser.h>

#include "lines.h"
#include "settings.h"
#include "store.h"

enum request_phase { REQUEST_HEAD, REQUEST_BODY, REQUEST_COMPLETE };

/* The fields that we read; http-parser does Content-Length, Connection and Transfer-Encoding itself. */
enum request_field { FIELD_OTHER, FIELD_HOST, FIELD_EXPECT, FIELD_CODING };

enum { FIELD_NAME_MOST = 20, FIELD_VALUE_MOST = 24 };

struct client;

struct request {
    struct store_call call;
    struct client *client; /* NULL: it is gone, and nobody waits for the answer */

    struct bytes *bytes;
    const struct settings *settings;
    http_parser parser;
    enum request_phase phase;
    unsigned status; /* what is wrong with it; 0: nothing so far */
    bool keep_alive; /* as the client wants it */
    bool wants_continue;
    bool is_metrics;
    unsigned hosts, codings;
    struct lines lines;
    bool is_chunked_only; /* Transfer-Encoding: chunked, and no other coding */
    enum request_field field;
    bool is_value; /* of the field; its name is over */
    char name[FIELD_NAME_MOST], value[FIELD_VALUE_MOST];
    size_t name_length, value_length; /* as sent; only what fits is kept */
    char target[SETTINGS_MAX_TARGET];
    size_t target_length;

    bytebuf_t *answer; /* see response.h */
    size_t answer_at, answer_size, sent;
};

enum request_state { REQUEST_MORE, REQUEST_DONE, REQUEST_REFUSED };

/* Process-wide: http-parser's own bound on the head. */
void request_limit_head(uint64_t max_head);

/* A fresh object to an empty request. */
void request_begin(struct request *request, const struct settings *settings, struct bytes *bytes);

/* Gives back what it holds. */
void request_end(struct request *request);

/*
 * The next bytes; *used is how many of them are this request's. MORE: all, and it goes on. DONE: it is
 * complete; `status` may say that it is refused all the same (405), and the connection may stay. REFUSED:
 * `status` says why, and the connection must end.
 */
enum request_state request_read(struct request *request, const char *data, size_t length, size_t *used);

/*
 * Where the next bytes of a body of known length may be read to, so that they need not be moved: room for
 * *room bytes, which are then given to request_read. NULL: there is no such body now.
 */
char *request_room(struct request *request, size_t *room);

#endif /* SERVER_REQUEST_H */
