/*
 * histogram - times in 32 buckets: bucket i counts those below 2^i microseconds and not below half of that,
 * the last all longer ones.
 */
#ifndef FAMILY_HISTOGRAM_H
#define FAMILY_HISTOGRAM_H

#include "base.h"

#define HISTOGRAM_BUCKETS 32

static inline unsigned histogram_bucket(uint64_t us)
{
    return us == 0 ? 0 : (unsigned)min_u64(log2_floor(us) + 1, HISTOGRAM_BUCKETS - 1);
}

static inline uint64_t histogram_count(const uint64_t buckets[HISTOGRAM_BUCKETS])
{
    uint64_t count = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += buckets[i];
    return count;
}

/* The bound in microseconds, one of the buckets', below which so many of a thousand times are; 0 when there
 * are none. */
static inline uint64_t histogram_bound(const uint64_t buckets[HISTOGRAM_BUCKETS], unsigned thousandths)
{
    uint64_t count = histogram_count(buckets), below = 0;
    unsigned i = 0;

    if (count == 0)
        return 0;
    for (; i < HISTOGRAM_BUCKETS - 1; i++)
        if ((below += buckets[i]) * 1000 >= count * thousandths)
            break;
    return UINT64_C(1) << i;
}

#endif /* FAMILY_HISTOGRAM_H */
