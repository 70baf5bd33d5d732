/*
 * growth - how much more of a process is resident than at its start: at the
 * peak, and on the mean of samples taken at even numbers of operations.
 */
#ifndef GROWTH_H
#define GROWTH_H

#include <pthread.h>

#include "harness.h"

struct growth {
    uint64_t start; /* bytes */
    pthread_mutex_t mutex;
    double peak, sum; /* MiB */
    unsigned samples;
};

/* From here on it counts. Call before the peer is opened, so that its tables count against it. */
void growth_begin(struct growth *growth);

/* Look now. From any thread; costs some 100 us, so never in a timed stretch. */
void growth_sample(struct growth *growth);

/* Print the two, as "peak" and "mean". */
void growth_print(const struct growth *growth, const struct options *options, const char *workload,
                  const char *variant);

#endif /* GROWTH_H */
