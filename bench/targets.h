/*
 * targets - what must come out, and did it?
 */
#ifndef TARGETS_H
#define TARGETS_H

#include "samples.h"

enum outcome {
    OUTCOME_NO_TARGET, /* the target is not about that row */
    OUTCOME_UNKNOWN,   /* somebody was not measured; `is` says who */
    OUTCOME_MET,
    OUTCOME_MISSED
};

struct verdict {
    enum outcome outcome;
    char target[64]; /* "<= 1.25 x floor" */
    char is[64];     /* "1.21"; with the peer compared with, where there was a choice */
};

/* How many there are. A row may have several. */
size_t targets_count(void);

/* Judge the pool's median in a row against the index-th target. */
struct verdict target_judge(const struct samples *samples, unsigned row, size_t index);

#endif /* TARGETS_H */
