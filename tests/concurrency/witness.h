/*
 * witness - what the properties have in common: a pool's configuration, stamps in buffers, and the proof that
 * nothing was lost.
 */
#ifndef CONCURRENCY_WITNESS_H
#define CONCURRENCY_WITNESS_H

#include "pools.h"
#include "property.h"
#include "scale.h"

/*
 * All defaults, but: collections only when asked for; no debug words from the environment, some of which
 * change what a buffer holds; cooperative under ThreadSanitizer, which does not know membarrier.
 */
bufpool_config_t plain_config(void);
bufpool_t *plain_pool(void);

/*
 * Stamp the first and the last word of a buffer and the first of each 4096 bytes, so that a page that went to
 * the system, or to another owner, is noticed.
 */
void stamp(void *buffer, size_t capacity, uint64_t value);
bool is_stamped(const void *buffer, size_t capacity, uint64_t value);

/*
 * At rest, nothing in use, no other thread with a private cache: is every idle buffer to be had, each once,
 * without a carve? And do the accounts hold? Says what is wrong. The buffers are idle again afterwards.
 */
bool nothing_is_lost(bufpool_t *pool);

/* Then destroys the pool. */
bool ends_well(bufpool_t *pool);

#endif /* CONCURRENCY_WITNESS_H */
