/*
 * histogram - how often each duration was seen, from one step of the clock to
 * 2^36 of them, within 1.6 %.
 *
 * Log-linear: every power of two is cut into 64 buckets of equal width. Up to
 * 127 a bucket is one value. Recording is a few instructions and one line of
 * memory, so a thread can afford it after every operation.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_LINEAR_LOG2 6u
#define HISTOGRAM_LINEAR (1u << HISTOGRAM_LINEAR_LOG2)
#define HISTOGRAM_MOST_LOG2 36u
#define HISTOGRAM_BUCKETS ((HISTOGRAM_MOST_LOG2 - HISTOGRAM_LINEAR_LOG2 + 1) * HISTOGRAM_LINEAR)

/* All zero: empty. Written by one thread at a time. */
struct histogram {
    uint64_t total;
    uint64_t most; /* the largest value recorded, exactly */
    uint64_t count[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_LINEAR)
        return (unsigned)value;
    if (value >> HISTOGRAM_MOST_LOG2)
        return HISTOGRAM_BUCKETS - 1;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_LINEAR_LOG2;
    return (shift << HISTOGRAM_LINEAR_LOG2) + (unsigned)(value >> shift);
}

/* What is above 2^36 counts in the last bucket; `most` keeps it. */
static inline void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->count[histogram_bucket(value)]++;
    histogram->total++;
    if (value > histogram->most)
        histogram->most = value;
}

/* Add what `from` holds to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * The value that `fraction`, 0 to 1, of all lie below; 0 when there are none.
 *
 * A value k stands for everything from k - 0.5 to k + 0.5, and inside a bucket
 * the values are taken to be spread evenly. So where the clock's step is coarse
 * and two steps were seen half the time each, the median lies between them.
 */
double histogram_at(const struct histogram *histogram, double fraction);

#endif /* HISTOGRAM_H */
