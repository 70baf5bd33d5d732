#include "pools.h"

#include <stdlib.h>
#include <string.h>

void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "test needs: %s (%s:%d)\n", condition, file, line);
    abort();
}

bufpool_config_t still_config(void)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    config.collect_interval_ms = 0;
    return config;
}

bufpool_t *pool_from(const bufpool_config_t *config)
{
    bufpool_t *pool = NULL;
    MUST(bufpool_create(&pool, config) == 0);
    MUST(pool != NULL);
    return pool;
}

bufpool_t *still_pool(void)
{
    bufpool_config_t config = still_config();
    return pool_from(&config);
}

bufpool_t *one_tier_pool(size_t size)
{
    bufpool_config_t config = still_config();
    config.min_size = config.max_size = size;
    return pool_from(&config);
}

bufpool_stats_t stats_of(bufpool_t *pool)
{
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;
    MUST(bufpool_stats(pool, &stats) == 0);
    return stats;
}

bufpool_stats_t tier_stats_of(bufpool_t *pool, size_t tier)
{
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;
    MUST(bufpool_tier_stats(pool, tier, &stats) == 0);
    return stats;
}

uint64_t idle_bytes(const bufpool_stats_t *stats)
{
    return stats->private_bytes + stats->shared_bytes + stats->victim_bytes + stats->cold_bytes;
}

size_t tier_of(bufpool_t *pool, size_t size)
{
    size_t sizes[64];
    size_t count = bufpool_tiers(pool, sizes, 64);
    size_t tier = 0;
    while (tier < count && sizes[tier] != size)
        tier++;
    MUST(tier < count);
    return tier;
}

size_t capacity_of_size(size_t size)
{
    return size >= HEADROOM_FROM_SIZE ? size + HEADROOM_BYTES : size;
}

void get_many(bufpool_t *pool, size_t size, void **buffers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buffers[i] = bufpool_get(pool, size);
        MUST(buffers[i] != NULL);
    }
}

size_t put_many(bufpool_t *pool, void **buffers, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += bufpool_put(pool, buffers[i]);
    return kept;
}

bool is_among(const void *buffer, void *const *buffers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (buffers[i] == buffer)
            return true;
    }
    return false;
}

/* splitmix64 of seed and word number, so that a shifted copy is noticed too. */
static uint64_t word_of(uint64_t seed, uint64_t number)
{
    uint64_t word = seed * UINT64_C(0x9e3779b97f4a7c15) + number;
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

void fill(void *buffer, size_t bytes, uint64_t seed)
{
    unsigned char *at = buffer;
    for (uint64_t number = 0; bytes != 0; number++) {
        uint64_t word = word_of(seed, number);
        size_t part = bytes < sizeof word ? bytes : sizeof word;
        memcpy(at, &word, part);
        at += part;
        bytes -= part;
    }
}

bool is_filled(const void *buffer, size_t bytes, uint64_t seed)
{
    const unsigned char *at = buffer;
    for (uint64_t number = 0; bytes != 0; number++) {
        uint64_t word = word_of(seed, number);
        size_t part = bytes < sizeof word ? bytes : sizeof word;
        if (memcmp(at, &word, part) != 0)
            return false;
        at += part;
        bytes -= part;
    }
    return true;
}

bool is_zero(const void *buffer, size_t bytes)
{
    const unsigned char *at = buffer;
    return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

size_t random_size(uint64_t *state, size_t max)
{
    unsigned bits = 0;
    while (bits < 63 && max >> bits > 1)
        bits++;
    size_t low = (size_t)1 << (random_next(state) >> 32) % (bits + 1);
    size_t size = low + random_next(state) % low;
    return size < max ? size : max;
}
