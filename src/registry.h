/*
 * registry - all pools of the process, by number. Handles are type-stable: a
 * destroyed pool's memory is only ever used for another pool, so that a late
 * call finds the handle dead instead of crashing.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "pool.h"

#define POOLS_MAX 4096u

/*
 * Create, destroy, thread exit and fork exclude each other. Nothing that
 * bufpool_get or bufpool_put runs takes this lock.
 */
void registry_lock(void);
void registry_unlock(void);
/* In a forked child, which is alone. */
void registry_unlock_after_fork(void);

/* Under the lock: a handle with a number, all else zero but what its last life left in type-stable parts. */
int registry_take(struct bufpool **pool);
void registry_drop(struct bufpool *pool);

/* Make it findable: from here on it is alive. */
void registry_publish(struct bufpool *pool);

/* Not findable, not alive. */
void registry_withdraw(struct bufpool *pool);

/* The pool that has a number, or NULL. */
struct bufpool *registry_pool(uint32_t number);

/* The handle that has a number, its pool alive or not; under the lock. */
struct bufpool *registry_handle(uint32_t number);

/* One more than the highest number ever in use. */
uint32_t registry_numbers(void);

#endif /* REGISTRY_H */
