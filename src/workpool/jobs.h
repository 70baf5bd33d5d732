/*
 * jobs - the queue: first in, first out, in a ring. What a job waits for may be taken from the middle; its
 * place is then dead until those before it have left. All of it is under the pool's lock.
 */
#ifndef WORKPOOL_JOBS_H
#define WORKPOOL_JOBS_H

#include "base.h"

struct tally;

struct job {
    void (*run)(void *arg); /* NULL: dead */
    void *arg;
    struct tally *tally; /* who waits for it, or NULL */
    uint64_t submitted_ns;
    uint64_t next; /* place of the tally's next one; means something for `queued` - 1 of them */
};

/* A tally's queued jobs, in the order of the queue. They leave it in this order, whoever takes them. */
struct job_list {
    size_t queued;
    uint64_t first, last; /* their places; mean nothing when queued is 0 */
};

struct jobs {
    struct job *ring;
    size_t capacity; /* a power of two */
    uint64_t head,
        tail; /* places of the first job, which is not dead, and behind the last; both 0 when empty */
    size_t queued;
};

/* How large a ring for `most` jobs must be, so that clearing out the dead is rare. */
size_t jobs_capacity(size_t most);

/* Append; there must be room: fewer than the `most` of jobs_capacity are queued. */
void jobs_push(struct jobs *jobs, const struct job *job);

/* The first of all. There must be one. */
struct job jobs_pop(struct jobs *jobs);

/* The first of a tally's. There must be one. */
struct job jobs_take(struct jobs *jobs, struct job_list *list);

/* Move to a larger ring; the old one is the caller's to free. */
struct job *jobs_move(struct jobs *jobs, struct job *ring, size_t capacity);

#endif /* WORKPOOL_JOBS_H */
