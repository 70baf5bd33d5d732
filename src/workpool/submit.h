/*
 * submit - a job is taken, or it is said why not.
 */
#ifndef WORKPOOL_SUBMIT_H
#define WORKPOOL_SUBMIT_H

#include "pool.h"

/* What a submit does where there is no room: as configured, or for this call. */
struct patience {
    enum workpool_full when_full;
    uint32_t wait_ms;
};

/* Of a pool's configuration, on this thread: a job does not wait. */
struct patience submit_patience(const struct workpool *pool);

/* submitted_ns is filled in. As workpool_submit. */
int submit(struct workpool *pool, struct job job, struct patience patience);

#endif /* WORKPOOL_SUBMIT_H */
