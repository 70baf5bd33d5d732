/*
 * plan - a trace turned into what each thread does and whom it waits for.
 *
 * Each get gives its buffer a number of its own, so that a slot's next buffer
 * waits for nothing. Of one buffer's events, one waits for the one before only
 * when that was on another thread.
 *
 * Requests of at most `size_least - 1` bytes are left out: a get that small is
 * dropped with its put; if a resize makes the buffer bigger, that resize is its
 * get; a resize to so little is dropped and the buffer keeps its size.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdatomic.h>

#include "trace.h"

struct plan_event {
    uint32_t index;  /* in the order of time over all threads */
    uint32_t buffer; /* its number */
    uint32_t size;   /* of a get or a resize, at least 1 */
    uint32_t step;   /* how many events of this buffer come before */
    uint8_t operation;
    uint8_t waits;     /* the event before was on another thread */
    uint8_t announces; /* the event after is on another thread */
};

/* One buffer while it is replayed. Belongs to the thread of its next event; `step` hands it over. */
struct plan_buffer {
    void *address;
    uint32_t size;
    _Atomic uint32_t step;
};

struct plan {
    uint32_t threads, count, gets, resizes, buffers;
    uint32_t size_most;
    struct plan_event *events; /* thread after thread */
    uint32_t *first;           /* thread t has events first[t] .. first[t + 1] - 1 */
    struct plan_buffer *buffer;
};

/* Dies when nothing is left to replay. The trace is not needed afterwards. */
void plan_make(struct plan *plan, const struct trace *trace, uint32_t size_least);

/* Ready to be replayed from the start again; nobody may be replaying. */
void plan_rewind(struct plan *plan);

#endif /* PLAN_H */
