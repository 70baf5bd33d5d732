/*
 * life - what a program does with a pool, all of it once, in a fixed order, on two
 * threads that take turns. Everything that comes back is checked: contents,
 * errno, accounts.
 */
#ifndef LIFE_H
#define LIFE_H

#include <bufpool.h>

#include "worker.h"

struct life {
    bufpool_t *pool;
    struct worker worker;
    bool may_fail; /* a call that needs memory may say ENOMEM; else that is a fault */
    bool small;    /* for an emulator: less of everything */
    unsigned each; /* buffers that each thread has of each tier; 0: as many as `small` says */
    bool guarded;  /* with the word guard each buffer goes back to the system: no put is kept */
    /* What it came to; the same in every place. */
    uint64_t gets, puts, failures, digest;
    const char *fault; /* the first thing that must not be, or NULL */
    uint64_t seed;
};

/* The pool to live with; its collector, if it starts, sleeps for an hour. */
bufpool_config_t life_config(void);

/* Needs pool and a worker that is started. Ends with everything put. */
void life_run(struct life *life);

/* At rest: the accounts hold, nothing is in use, nothing was misused. Into life->fault. */
void life_check_rest(struct life *life);

#endif /* LIFE_H */
