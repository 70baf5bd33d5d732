/*
 * coldest - a get of a pool with the word `cold-first`: what has been idle
 * longest, so that a write after put has the more time to be made.
 */
#ifndef COLDEST_H
#define COLDEST_H

#include "pool.h"

/*
 * From the coldest generation that has any: parked, cold, victim, shared, and of
 * the thread's own cache the oldest. NULL where nothing is idle.
 */
void *coldest_get(struct bufpool *pool, struct record *record, unsigned tier);

#endif /* COLDEST_H */
