#include "histogram.h"

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->count[i] += from->count[i];
    into->total += from->total;
    if (from->most > into->most)
        into->most = from->most;
}

static uint64_t bucket_width(unsigned bucket)
{
    return bucket < 2 * HISTOGRAM_LINEAR ? 1 : UINT64_C(1) << (bucket / HISTOGRAM_LINEAR - 1);
}

static uint64_t bucket_least(unsigned bucket)
{
    if (bucket < HISTOGRAM_LINEAR)
        return bucket;
    return bucket_width(bucket) * (bucket % HISTOGRAM_LINEAR + HISTOGRAM_LINEAR);
}

double histogram_at(const struct histogram *histogram, double fraction)
{
    double rank = fraction * (double)histogram->total, below = 0, most = (double)histogram->most;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        double here = (double)histogram->count[i];
        if (here > 0 && below + here >= rank) {
            double share = (rank - below) / here;
            double value = (double)bucket_least(i) - 0.5 + share * (double)bucket_width(i);
            return value < 0 ? 0 : value < most ? value : most;
        }
        below += here;
    }
    return most;
}
