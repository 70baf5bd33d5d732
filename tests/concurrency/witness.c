#include "witness.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"

static void say(const char *kind, const char *format, va_list arguments)
{
    char line[512];

    vsnprintf(line, sizeof line, format, arguments);
    fprintf(stderr, "    %s: %s\n", kind, line);
}

bool broken(const char *format, ...)
{
    static _Atomic unsigned said; /* a loop that goes on says the same a million times */
    va_list arguments;

    va_start(arguments, format);
    if (atomic_fetch_add(&said, 1) < 20)
        say("broken", format, arguments);
    va_end(arguments);
    return false;
}

bool skipped(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say("skipped", format, arguments);
    va_end(arguments);
    return true;
}

bufpool_config_t plain_config(void)
{
    bufpool_config_t config = still_config();

    config.debug = "";
#ifdef BUILT_WITH_TSAN
    config.flags |= BUFPOOL_COOPERATIVE;
#endif
    return config;
}

bufpool_t *plain_pool(void)
{
    bufpool_config_t config = plain_config();
    return pool_from(&config);
}

/* What the i-th word must be: pages of one buffer cannot pass for each other. */
static uint64_t word_at(uint64_t value, size_t i)
{
    return (value ^ i << 48) * UINT64_C(0x9e3779b97f4a7c15);
}

void stamp(void *buffer, size_t capacity, uint64_t value)
{
    uint64_t *words = buffer;
    size_t last = capacity / 8 - 1;

    for (size_t i = 0; i < last; i += 512)
        words[i] = word_at(value, i);
    words[last] = word_at(value, last);
}

bool is_stamped(const void *buffer, size_t capacity, uint64_t value)
{
    const uint64_t *words = buffer;
    size_t last = capacity / 8 - 1;

    for (size_t i = 0; i < last; i += 512)
        if (words[i] != word_at(value, i))
            return false;
    return words[last] == word_at(value, last);
}

static int by_address(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (void *const *)a;
    uintptr_t right = (uintptr_t) * (void *const *)b;
    return (left > right) - (left < right);
}

static bool tier_is_all_there(bufpool_t *pool, size_t tier, size_t size)
{
    bufpool_stats_t before = tier_stats_of(pool, tier);
    size_t count = idle_bytes(&before) / capacity_of_size(size);

    if (count == 0)
        return true;
    void **buffers = malloc(count * sizeof *buffers);
    MUST(buffers != NULL);
    for (size_t i = 0; i < count; i++) {
        buffers[i] = bufpool_get(pool, size);
        REQUIRE(buffers[i] != NULL);
    }
    bufpool_stats_t after = tier_stats_of(pool, tier);
    if (after.carves != before.carves)
        return broken("tier %zu: of %zu idle buffers %zu could not be had", size, count,
                      (size_t)(after.carves - before.carves));
    qsort(buffers, count, sizeof *buffers, by_address);
    for (size_t i = 1; i < count; i++)
        REQUIRE(buffers[i] != buffers[i - 1]);
    bufpool_put_batch(pool, buffers, count);
    free(buffers);
    return true;
}

bool nothing_is_lost(bufpool_t *pool)
{
    size_t sizes[64];
    size_t tiers = bufpool_tiers(pool, sizes, 64);
    const char *fault = accounts_and_pages_fault(pool);

    if (fault != NULL)
        return broken("%s", fault);
    REQUIRE(stats_of(pool).in_use_bytes == 0);
    for (size_t tier = 0; tier < tiers; tier++)
        if (!tier_is_all_there(pool, tier, sizes[tier]))
            return false;
    fault = accounts_and_pages_fault(pool);
    return fault == NULL || broken("%s", fault);
}

bool ends_well(bufpool_t *pool)
{
    bool result = nothing_is_lost(pool);

    bufpool_destroy(pool);
    return result;
}
