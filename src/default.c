#include "default.h"

#include <errno.h>

#include "conf.h"
#include "config.h"

alignas(DESTRUCTIVE_SIZE) struct standard standard;

/* A function of its own: bufpool_create judges once more, and 10 KiB of tiers are much for some stacks. */
static NOINLINE bool is_refused(const struct conf *conf)
{
    bufpool_config_t judged;
    struct tiers tiers;
    return config_judge(&judged, &tiers, &conf->config) != 0;
}

/* As BUFPOOL_CONF has it, unless that is refused whole. */
static int create(bufpool_t **pool)
{
    struct conf conf;

    bool is_given = conf_read(&conf, NULL);
    if (is_given && is_refused(&conf)) {
        conf_tell_refused();
        is_given = false;
    }
    return bufpool_create(pool, is_given ? &conf.config : NULL);
}

bufpool_t *bufpool_default(void)
{
    struct bufpool *pool = default_made();
    if (LIKELY(pool != NULL))
        return pool;

    bufpool_t *fresh;
    int error = create(&fresh);
    if (error != 0) {
        errno = -error;
        return NULL;
    }
    atomic_store_explicit(&standard.small, fresh->tiers.tier[0].size / 2, memory_order_relaxed);
    /* acq_rel [default]: of two that create it, one is kept. */
    if (atomic_compare_exchange_strong_explicit(&standard.pool, &pool, fresh, memory_order_acq_rel,
                                                memory_order_acquire))
        return fresh;
    bufpool_destroy(fresh);
    return pool;
}
