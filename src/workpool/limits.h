/*
 * limits - how many workers and queued jobs there may be, at create and later.
 */
#ifndef WORKPOOL_LIMITS_H
#define WORKPOOL_LIMITS_H

#include "pool.h"

/* 0 or -EINVAL. max_workers may be 0 here. */
int limits_check(size_t max_workers, size_t min_workers, size_t max_queue);

/* Without the lock: start workers up to min_workers. 0, or the errno of the first that cannot be. */
int limits_start(struct workpool *pool);

#endif /* WORKPOOL_LIMITS_H */
