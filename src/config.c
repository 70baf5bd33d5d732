#include "config.h"

#include <errno.h>

#include "region.h"
#include "version.h"

#define KNOWN_FLAGS (BUFPOOL_COOPERATIVE | BUFPOOL_SCRUB_ON_PUT | BUFPOOL_HUGE_PAGES | BUFPOOL_PAGE_ALIGNED)

static int config_read(bufpool_config_t *config, const bufpool_config_t *given)
{
    *config = (bufpool_config_t)BUFPOOL_CONFIG_INIT;
    if (given == NULL)
        return 0;
    if (!version_is_known(given, given->struct_size, sizeof *config))
        return -EINVAL;
    *config = *given;
    return 0;
}

static int config_check(const bufpool_config_t *config)
{
    if ((config->flags & ~KNOWN_FLAGS) != 0)
        return -EINVAL;
    if (config->min_cached_bytes > config->max_cached_bytes || config->min_cached_bytes > config->max_bytes)
        return -EINVAL;
    return 0;
}

int config_judge(bufpool_config_t *config, struct tiers *tiers, const bufpool_config_t *given)
{
    int error = config_read(config, given);
    if (error == 0)
        error = config_check(config);
    if (error != 0)
        return error;
    const struct tiers_plan plan = {.min_size = config->min_size,
                                    .max_size = config->max_size,
                                    .steps = config->tier_steps,
                                    .list = config->tiers,
                                    .list_count = config->tiers_count,
                                    .page_aligned = (config->flags & BUFPOOL_PAGE_ALIGNED) != 0};
    return tiers_plan(tiers, &plan, region_page());
}
