/*
 * loopback - TCP over 127.0.0.1, and a stream whose every byte tells where it belongs.
 */
#ifndef ADAPTERS_LOOPBACK_H
#define ADAPTERS_LOOPBACK_H

#include <bufpool.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Two connected sockets, blocking; must work. */
void loopback_pair(int ends[2]);

/* The bytes of the stream from `offset` on; and are these they? */
void stream_fill(void *bytes, size_t count, uint64_t offset);
bool stream_is(const void *bytes, size_t count, uint64_t offset);

/* A thread that writes `count` bytes of the stream to a socket and then says that there are no more. */
struct sender {
    pthread_t thread;
    int socket;
    uint64_t count;
};

void sender_start(struct sender *sender, int socket, uint64_t count);
/* Waits for its end and closes the socket. */
void sender_end(struct sender *sender);

/* Of the gets between two accounts, the share that were hits; a test wants more than 0.99. */
double hit_rate(const bufpool_stats_t *before, const bufpool_stats_t *after);

#endif /* ADAPTERS_LOOPBACK_H */
