/*
 * loop - one thread, what its descriptors are ready for (epoll), what other threads have done for it
 * (an eventfd), and what is due.
 *
 * A *watch* is a descriptor and who is called when it is ready. A *post* is something another thread gives
 * to this one: the only way into the loop from outside. A *queue* has timers of one length, so the next
 * one due is always its first, and to set or clear one costs the same however many there are.
 */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct watch {
    int fd;
    uint32_t events; /* EPOLLIN, EPOLLOUT: what is waited for */
    void (*ready)(struct watch *watch, uint32_t events);
};

struct post {
    struct post *next;
    void (*run)(struct post *post);
};

struct timer {
    struct timer *next, *previous;
    uint64_t due; /* of loop->now_ms */
    struct queue *queue;
};

struct queue {
    struct timer head; /* its own: next is the first due; closed to a ring */
    uint64_t length_ms;
    void (*due)(struct timer *timer);
};

enum { LOOP_QUEUES = 8 };

struct loop {
    int epoll, doorbell;
    struct watch bell;
    uint64_t now_ms; /* when this round began */
    struct queue *queues[LOOP_QUEUES];
    unsigned queues_count;
    bool ended;
    void (*after)(struct loop *loop); /* at the end of each round: nobody holds an event any more */
    void *arg;
    /* release in loop_post, acquire in the loop [posts]: what was done before the post is seen. */
    _Atomic(struct post *) posts;
};

/* 0 or a negative errno. */
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/* Until loop_end. */
void loop_run(struct loop *loop);
void loop_end(struct loop *loop);

/* 0 or a negative errno; errors and hang-ups are told whatever `events` are. */
int loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
/* Asks the kernel only where that changes something. */
void loop_want(struct loop *loop, struct watch *watch, uint32_t events);

/* Have the loop's thread call post->run(post). From any thread. */
void loop_post(struct loop *loop, struct post *post);

/* A queue of timers; it belongs to the caller. */
void loop_queue(struct loop *loop, struct queue *queue, uint64_t length_ms, void (*due)(struct timer *timer));

/* Due in length_ms of that queue, and in no other queue any more. NULL: in none. */
void loop_set(struct loop *loop, struct timer *timer, struct queue *queue);

#endif /* SERVER_LOOP_H */
