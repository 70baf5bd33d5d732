/*
 * advice - what to configure, what it would save, and why: worked out, and said.
 */
#ifndef ADVICE_H
#define ADVICE_H

#include <stdio.h>

#include "choice.h"
#include "limits.h"

/* The tiers that are compared. */
enum advised { NOW, ADVISED, STEPS, ADVISED_KINDS };

struct advice {
    const struct demand *demand;
    bool now_is_default;
    struct choice choice;
    bufpool_config_t steps; /* min_size, max_size and tier_steps of STEPS */
    struct tier_set tiers[ADVISED_KINDS];
    struct simulation outcome[ADVISED_KINDS]; /* of a dump: what one moment tells */
    struct limit limits[LIMITS];
};

/* `trace` is NULL for a demand of a dump. */
void advice_make(struct advice *advice, const struct demand *demand, const struct trace *trace);

/* "default", "advised", "tier_steps 2". Returns `text`. */
const char *advice_name(const struct advice *advice, enum advised kind, char text[32]);

void advice_print(const struct advice *advice, FILE *out);

#endif /* ADVICE_H */
