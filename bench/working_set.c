#include "working_set.h"

#include <math.h>

#define SIZE_LEAST 512.0
#define SIZE_MOST 65536.0

/* Of 256 log-uniform slots one of the seven doublings holds 37 and a few; never so many more. */
#define DOUBLING_MOST 96

void *working_set_peer(const struct options *options, unsigned threads)
{
    const struct peer_load load = {(size_t)SIZE_LEAST, (size_t)SIZE_MOST, (size_t)threads * DOUBLING_MOST,
                                   threads};
    return peer_open(options->peer, &load);
}

struct working_set *working_set_make(const struct options *options, void *self, unsigned number)
{
    struct working_set *set = harness_map(sizeof(*set), true);
    /* The harness alone: memory for each thread, so that they share no line. */
    set->self = options->peer->kind == PEER_NONE ? harness_map(PAGE_SIZE, true) : self;
    set->random = UINT64_C(0x9e3779b97f4a7c15) * (number + 1);
    for (unsigned i = 0; i < WORKING_SET_SIZES; i++)
        set->size[i] = (uint32_t)(SIZE_LEAST * pow(SIZE_MOST / SIZE_LEAST, (i + 0.5) / WORKING_SET_SIZES));
    return set;
}
