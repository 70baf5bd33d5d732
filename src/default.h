/*
 * default - the process-wide pool: made at the first call that needs it, never
 * destroyed. bufpool_default makes it; here is what can be had without making it.
 */
#ifndef DEFAULT_H
#define DEFAULT_H

#include "pool.h"

struct standard {
    /* NULL until it is made; release then, acquire here [default]: the pool is whole when it is seen. */
    _Atomic(struct bufpool *) pool;
    /*
     * bufpool/malloc.h: requests up to this go to the C library; half the smallest
     * tier, 0 until the pool is made. relaxed: any value serves.
     */
    _Atomic size_t small;
};

extern struct standard standard;

static ALWAYS_INLINE struct bufpool *default_made(void)
{
    return atomic_load_explicit(&standard.pool, memory_order_acquire);
}

#endif /* DEFAULT_H */
