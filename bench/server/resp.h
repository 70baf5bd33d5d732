/*
 * resp - what the server says to Redis: GET, SET and DEL, on a blocking socket that hiredis connected.
 *
 * Values are not copied. GET reads the value from the socket into the buffer that the response will be
 * written from, with room for the response's head in front of it; SET writes the buffer that the request's
 * body was read into. hiredis' own reader would hold each value once more, in memory of its own.
 */
#ifndef SERVER_RESP_H
#define SERVER_RESP_H

#include <bufpool/bytebuf.h>

#include "bytes.h"

/* Where a value lies in a buffer. */
struct resp_value {
    size_t at, size;
};

/*
 * All give 0 or a negative errno:
 *   -EREMOTEIO   Redis said an error         -EAGAIN  it does not serve just now (loading, say)
 *   -ENOSPC      it has no memory for that   -ENOENT  no such key
 * after which the connection is in order; after any other it must be closed. Of those
 *   -ENOMEM      no memory for the value     -EMSGSIZE  it is larger than `most`
 *   -EPROTO      that was no answer          -ETIMEDOUT, -ECONNRESET, ...  of the socket
 */

/* GET. The value comes behind `room` bytes of `into`, which is empty; 1 KiB at most. */
int resp_get(int socket, const void *key, size_t key_size, struct bytes *bytes, bytebuf_t *into, size_t room,
             size_t most, struct resp_value *value);

int resp_set(int socket, const void *key, size_t key_size, const void *value, size_t value_size);

/* DEL. -ENOENT: there was none. */
int resp_del(int socket, const void *key, size_t key_size);

#endif /* SERVER_RESP_H */
