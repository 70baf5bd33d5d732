/*
 * choice - the tiers that suit a demand.
 *
 * What a tier costs is the most buffers of its sizes that are in use at any
 * moment, times its capacity: what it will have backed, since idle buffers stay
 * for two collections while another tier grows; and the bytes that nobody asked
 * for, on the mean and at the peak. Many tiers are no gain by themselves: each
 * keeps a peak of its own. Of a dump there is one moment.
 */
#ifndef CHOICE_H
#define CHOICE_H

#include "demand.h"

struct choice {
    struct tier_set tiers;
    unsigned sizes;                         /* of the demand that have a tier: all but the largest few */
    uint64_t oversized_gets;                /* of the others */
    uint64_t cost, price;                   /* as partition.h has them */
    uint64_t cost_one_fewer, cost_one_more; /* 0: there is none */
};

void choose_tiers(struct choice *choice, const struct demand *demand);

/* min_size, max_size and tier_steps whose tiers cost least for the same sizes; fills the three in `config`,
 * which begins with its defaults. */
void choose_steps(bufpool_config_t *config, struct tier_set *tiers, const struct demand *demand,
                  const struct choice *choice);

/* What tiers cost a demand. Sizes above the largest tier cost nothing. */
uint64_t choice_cost(const struct demand *demand, const struct tier_set *tiers);

#endif /* CHOICE_H */
