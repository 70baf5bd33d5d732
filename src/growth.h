/*
 * growth - new buffers of one tier are paid for by what others have idle.
 */
#ifndef GROWTH_H
#define GROWTH_H

#include "pool.h"

/*
 * A buffer of `bytes` has been carved. Each PURGE_BATCH of growth is paid for by
 * what other tiers have idle: as many bytes of victims go home; where there are
 * none, shared magazines become victims, so what pays has been idle while the pool
 * grew by that much. A load that moves from tier to tier then needs the
 * memory of its peak and not the sum of all tiers' peaks; one that goes back and
 * forth faster than collections come loses at most three quarters of its memory between
 * two of them, and after that it keeps what it has. Not with
 * collect_interval_ms 0, where memory goes home when the caller says so.
 */
void growth_carved(struct bufpool *pool, uint64_t bytes);

#endif /* GROWTH_H */
