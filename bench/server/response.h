/*
 * response - what is sent back. It lies in one bytebuf, its head right before its body, so that one
 * write sends both:
 *
 *     | free ... | head | body |
 *                ^ request->answer_at
 *
 * A value from Redis was read behind RESPONSE_ROOM free bytes, and nothing is moved. (RESPONSE_ROOM is chosen
 * so that a value of a power of two still fits the tier of that size, with its headroom of 192 bytes.)
 */
#ifndef SERVER_RESPONSE_H
#define SERVER_RESPONSE_H

#include "request.h"

enum { RESPONSE_ROOM = 160 };

/* "HTTP/1.1 200 OK", "Not Found": what a status is called. */
const char *response_reason(unsigned status);

/* All set answer, answer_at and answer_size. False: no memory even for that. */

/* The value that GET has brought into the call's reply. */
bool response_value(struct request *request);

/* A status, and a line of text that says it; none for 204. */
bool response_status(struct request *request, unsigned status);

/* Text, of this kind; it is copied. */
bool response_text(struct request *request, unsigned status, const char *type, const char *text,
                   size_t length);

#endif /* SERVER_RESPONSE_H */
