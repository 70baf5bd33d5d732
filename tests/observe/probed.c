/*
 * What fires every probe, on one thread and pretended processors, and what the accounts say of it:
 *
 *   account WHAT VALUE         what the probes of a kind must come to
 *   account collection T BYTES   what each collection (T 0) and trim (T 1) returned, in order
 */
#include <inttypes.h>
#include <stdio.h>

#include "baton.h"
#include "pools.h"

#define BUFFERS 300

static void ignore(const char *message, void *arg)
{
    (void)message;
    (void)arg;
}

static void tell(const char *what, uint64_t value)
{
    MUST(value != 0); /* or the scene has not been played */
    printf("account %s %" PRIu64 "\n", what, value);
}

static void collect(bufpool_t *pool)
{
    printf("account collection 0 %zu\n", bufpool_collect(pool));
}

static void trim(bufpool_t *pool)
{
    printf("account collection 1 %zu\n", bufpool_trim(pool));
}

int main(void)
{
    static void *buffers[BUFFERS];
    bufpool_config_t config = still_config();

    cpus_pretend(4);
    bufpool_on_misuse(ignore, NULL);
    config.name = "probed";
    config.min_cached_bytes = MIB;
    bufpool_t *pool = pool_from(&config);

    /* Flushed on one processor, stolen by another. */
    get_many(pool, 4096, buffers, BUFFERS);
    put_many(pool, buffers, BUFFERS);
    uint64_t flushed = stats_of(pool).shared_bytes;
    cpus_sit_on(1);
    get_many(pool, 4096, buffers, BUFFERS);
    MUST(stats_of(pool).shared_bytes == 0);
    put_many(pool, buffers, BUFFERS);
    flushed += stats_of(pool).shared_bytes;

    /* From the own shard; from the victims; cold ones, of which some have gone home. */
    get_many(pool, 4096, buffers, BUFFERS / 2);
    collect(pool);
    get_many(pool, 4096, buffers + BUFFERS / 2, 20);
    collect(pool);
    get_many(pool, 4096, buffers + BUFFERS / 2 + 20, 20);
    uint64_t shared = stats_of(pool).shared_bytes;
    put_many(pool, buffers, BUFFERS / 2 + 40);
    tell("flushed", (flushed + stats_of(pool).shared_bytes - shared) / 4096);
    trim(pool);

    /* Refused, oversized and over the limit; a fault. */
    config.name = "tight";
    config.min_cached_bytes = config.max_cached_bytes = 0;
    bufpool_t *tight = pool_from(&config);
    bufpool_put(tight, bufpool_get(tight, 16 * KIB));
    bufpool_put(tight, bufpool_get(tight, 3 * MIB));
    bufpool_put(tight, &config);
    trim(tight);

    bufpool_stats_t a = stats_of(pool), b = stats_of(tight);
    tell("hits_shared", a.hits_shared + a.hits_stolen);
    tell("hits_victim", a.hits_victim);
    tell("hits_cold", a.hits_cold);
    tell("hits_stolen", a.hits_stolen);
    tell("refused_limit", a.refused_limit + b.refused_limit);
    tell("refused_oversized", a.refused_oversized + b.refused_oversized);
    tell("misuses", a.misuses + b.misuses);
    return 0;
}
