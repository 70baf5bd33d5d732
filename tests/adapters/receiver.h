/*
 * receiver - what the tests of <bufpool/uring.h> share: a ring, a receive that is armed again when it ended,
 * and the word "skipped" where the kernel refuses.
 */
#ifndef ADAPTERS_RECEIVER_H
#define ADAPTERS_RECEIVER_H

#include <bufpool/uring.h>
#include <criterion/criterion.h>

#include "loopback.h"
#include "pools.h"

struct receiver {
    struct io_uring ring;
    bufpool_uring_t buffers;
    int socket;
    bool multishot;
    bool is_armed;
    uint64_t armed;    /* receives submitted */
    uint64_t received; /* bytes */
};

struct received {
    int result; /* of the completion: bytes, 0 at the end of the stream, or a negative errno */
    void *buffer;
};

/* A ring, or the test is skipped with the reason. */
void ring_or_skip(struct io_uring *ring);

/* A ring with group 0, and multishot only where the kernel knows it; or the test is skipped. */
void receiver_or_skip(struct receiver *receiver, bufpool_t *pool, unsigned entries, size_t size,
                      bool multishot);

/* Closes ring, group and socket. */
void receiver_end(struct receiver *receiver);

/* The next completion, after arming the receive if the last one ended it. */
struct received receive(struct receiver *receiver);

#endif /* ADAPTERS_RECEIVER_H */
