/*
 * hold - stop one thread at one point of a protocol, as if for ever, while the others go on.
 */
#ifndef CONCURRENCY_HOLD_H
#define CONCURRENCY_HOLD_H

#include <pthread.h>
#include <stdbool.h>

#include "hook.h"

struct held {
    enum hook_point point;
    unsigned skip; /* how often to pass the point before */
    void (*job)(void *arg);
    void *arg;
    pthread_t thread;
    int state; /* hold.c's */
};

/*
 * Start a thread that runs job(arg) and is stopped when it reaches the point. Returns when it is; false if
 * the job ended without coming there (then held_release only joins).
 */
bool held_start(struct held *held);

/* Let it go on, and wait for its end. */
void held_release(struct held *held);

#endif /* CONCURRENCY_HOLD_H */
