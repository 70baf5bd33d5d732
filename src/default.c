#include "default.h"

#include <errno.h>

alignas(DESTRUCTIVE_SIZE) struct standard standard;

bufpool_t *bufpool_default(void)
{
    struct bufpool *pool = default_made();
    if (LIKELY(pool != NULL))
        return pool;

    bufpool_t *fresh;
    int error = bufpool_create(&fresh, NULL);
    if (error != 0) {
        errno = -error;
        return NULL;
    }
    atomic_store_explicit(&standard.small, fresh->tiers.tier[0].size / 2, memory_order_relaxed);
    /* acq_rel [default]: of two that create it, one is kept. */
    if (atomic_compare_exchange_strong_explicit(&standard.pool, &pool, fresh, memory_order_acq_rel,
                                                memory_order_acquire))
        return fresh;
    bufpool_destroy(fresh);
    return pool;
}
