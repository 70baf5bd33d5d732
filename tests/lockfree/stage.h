/*
 * stage - the process that is watched: one thread that walks a path (the subject),
 * two that get and put (the others), and the words in shared memory by which the
 * watching process says what comes next and reads what was done.
 *
 * The others stand at a gate, outside the pool, but for the rounds they are asked
 * for. A round is a number of operations, not a time.
 */
#ifndef LOCKFREE_STAGE_H
#define LOCKFREE_STAGE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "locked.h"
#include "paths.h"

#define OTHERS 2u
#define ROUND_OPERATIONS 2000u  /* each of the others does at least so many in a round */
#define WARM_UP_OPERATIONS 400u /* and in the one before a run */

/* Counters of one writer and words to wait for; relaxed or by futex, nothing of the pool depends on them. */
struct other {
    _Atomic uint32_t thread;
    _Atomic uint32_t finished;   /* the last round it has finished */
    _Atomic uint64_t operations; /* gets and puts it has finished */
};

struct stage {
    /* Asked for by the watching process. */
    _Atomic uint32_t run;   /* number of the run; RUN_NONE: that was all */
    _Atomic uint32_t begin; /* number of the run whose subject may stop in front of the path: it is traced */
    _Atomic uint32_t round;
    /* Answered. */
    _Atomic uint32_t subject;  /* its thread id, when it stands before the path; 0 else */
    _Atomic bool behind;       /* the path lies behind it */
    _Atomic uint32_t arrivals; /* rounds finished, of all the others */
    _Atomic uint32_t ended;    /* the last run that has ended */
    struct other other[OTHERS];
    /* Of the last run, when it has ended. */
    bool taken;      /* the path's figure has grown */
    uint64_t depot;  /* gets of all threads that no bin served */
    uint64_t steals; /* those that found one in the other processor's shard */
    char fault[256]; /* what was wrong, or "" */
};

#define RUN_NONE UINT32_MAX

/* What is played: a path through bufpool, or a get and a put of a pool with a lock. */
struct play {
    const struct path *path; /* NULL: the locked pool */
    enum lock_kind lock;
};

/* The process: does what `stage` asks for until RUN_NONE, then exits. */
_Noreturn void stage_play(struct stage *stage, const struct play *play);

/* Set a word and wake who waits for it; wait while it has a value, `timeout_ms` at most. */
void word_set(_Atomic uint32_t *word, uint32_t value);
void word_wait(_Atomic uint32_t *word, uint32_t value, unsigned timeout_ms);

#endif /* LOCKFREE_STAGE_H */
