/*
 * crew - a fixed number of threads that start together and meet.
 */
#ifndef CREW_H
#define CREW_H

#include <pthread.h>

#include "harness.h"

#define CREW_MEMBERS_MAX 256

struct crew {
    unsigned count;
    bool pinned;
    pthread_barrier_t barrier;
};

typedef void (*crew_body)(struct crew *crew, unsigned member, void *context);

/*
 * Run `body` on `count` threads, 1 to CREW_MEMBERS_MAX, and return when all have.
 *
 * Member 0 is the calling thread, the others are new: so a crew of one leaves
 * the process single-threaded, which spares some mallocs their locks, and the
 * best that a peer can do is what gets measured. `pinned`: each on a CPU of its
 * own, for crews of at most two.
 */
void crew_run(unsigned count, bool pinned, crew_body body, void *context);

/* Wait, asleep, until every member has come here. */
void crew_meet(struct crew *crew);

#endif /* CREW_H */
