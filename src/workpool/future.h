/*
 * future - a job with a result: a tally of one.
 */
#ifndef WORKPOOL_FUTURE_H
#define WORKPOOL_FUTURE_H

#include "pool.h"

struct workpool_future {
    struct tally tally; /* first: it names the future */
    void *(*call)(void *arg);
    void *arg, *result; /* the result is written before the job ends, read after that */
};

void future_free(struct tally *tally);

#endif /* WORKPOOL_FUTURE_H */
