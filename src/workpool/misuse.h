/*
 * misuse - a caller's fault in one line, in the pool's own words and to the pool's own handler.
 */
#ifndef WORKPOOL_MISUSE_H
#define WORKPOOL_MISUSE_H

#include "pool.h"

/* "workpool: pool 'NAME': WHAT, thread ID" to the handler of bufpool_on_misuse. Without the lock. */
void misuse(const struct workpool *pool, const char *what);

#endif /* WORKPOOL_MISUSE_H */
