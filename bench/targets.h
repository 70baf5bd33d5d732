/*
 * targets - what must come out, and did it?
 */
#ifndef TARGETS_H
#define TARGETS_H

#include "samples.h"

struct verdict {
    char text[32]; /* the target; empty when the row has none */
    bool known;    /* everything it needs was measured; else the rest means nothing */
    bool met;
    double value; /* what is compared with the bound */
};

/* Judge bufpool's median in the row of `row` against that row's target. */
struct verdict target_judge(const struct samples *samples, const struct sample *row);

#endif /* TARGETS_H */
