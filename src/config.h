/*
 * config - what a caller asks a pool to be, judged as bufpool_create's contract
 * says; all of it but the debug words.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <bufpool.h>

#include "tiers.h"

/*
 * Read what was given, NULL for all defaults, and plan its tiers. 0, or -EINVAL
 * with both undefined.
 */
int config_judge(bufpool_config_t *config, struct tiers *tiers, const bufpool_config_t *given);

#endif /* CONFIG_H */
