#include "place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "life.h"
#include "pools.h"

#define BURST_BYTES (32 * MIB)
#define SMALL_BURST_BYTES MIB

/*
 * One tier after the other takes a burst, fills it, puts it. Each goes home before
 * the next: in 64 MiB there is no room for two.
 */
static uint64_t bursts(bufpool_t *pool, size_t bytes)
{
    static unsigned char *buffers[BURST_BYTES / 4096];
    uint64_t digest = 0;

    for (size_t size = 4096; size <= MIB; size *= 2) {
        size_t count = bytes / size;
        get_many(pool, size, (void **)buffers, count);
        for (size_t i = 0; i < count; i++)
            memset(buffers[i], (int)(i + 1), size);
        for (size_t i = 0; i < count; i++)
            digest = digest * 31 + buffers[i][0] + buffers[i][size - 1];
        put_many(pool, (void **)buffers, count);
        bufpool_collect(pool);
        bufpool_collect(pool);
    }
    return digest;
}

int place_live(bool small)
{
    struct life life = {.small = small, .seed = 1};
    bufpool_config_t config = life_config();

    if (small)
        config.tier_span = 8 * MIB;
    life.pool = pool_from(&config);
    worker_start(&life.worker);
    life_run(&life);
    uint64_t digest = bursts(life.pool, small ? SMALL_BURST_BYTES : BURST_BYTES);
    life_check_rest(&life);
    worker_end(&life.worker);
    bufpool_destroy(life.pool);
    if (life.fault != NULL) {
        fprintf(stderr, "place: %s\n", life.fault);
        return 1;
    }
    printf("gets %" PRIu64 ", puts %" PRIu64 ", failures %" PRIu64 ", digest %016" PRIx64 " %016" PRIx64 "\n",
           life.gets, life.puts, life.failures, life.digest, digest);
    return 0;
}
