/*
 * Which tiers a configuration makes, and which of them a size finds.
 * CONFORMANCE.md lines 2-5 and 7-9; line 1 is in config.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "accounts.h"
#include "pools.h"

static void assert_tiers(bufpool_t *pool, const size_t *expected, size_t count)
{
    size_t sizes[64];
    size_t tiers = bufpool_tiers(pool, sizes, 64);

    cr_assert(eq(sz, tiers, count));
    for (size_t i = 0; i < count; i++)
        cr_assert(eq(sz, sizes[i], expected[i]), "tier number %zu", i);
}

static void assert_range_makes(size_t min_size, size_t max_size, size_t steps, const size_t *expected,
                               size_t count)
{
    bufpool_config_t config = still_config();
    config.min_size = min_size;
    config.max_size = max_size;
    config.tier_steps = steps;

    bufpool_t *pool = pool_from(&config);
    assert_tiers(pool, expected, count);
    bufpool_destroy(pool);
}

#define ASSERT_RANGE_MAKES(min, max, steps, ...)                                                             \
    do {                                                                                                     \
        const size_t made[] = {__VA_ARGS__};                                                                 \
        assert_range_makes(min, max, steps, made, sizeof made / sizeof made[0]);                             \
    } while (0)

/* Fails when the last tier is the power of two below or above max_size. */
Test(conformance_tiers, line_02_power_of_two_list_ends_in_max_size)
{
    ASSERT_RANGE_MAKES(1024, 16384, 1, 1024, 2048, 4096, 8192, 16384);
    ASSERT_RANGE_MAKES(1024, 15000, 1, 1024, 2048, 4096, 8192, 15040);
}

/* Fails when a range of one size makes no tier, or one that is no doubling loses its end. */
Test(conformance_tiers, line_03_one_size_is_one_tier_and_a_short_doubling_two)
{
    ASSERT_RANGE_MAKES(1024, 1024, 1, 1024);
    ASSERT_RANGE_MAKES(1024, 2000, 1, 1024, 2048);
}

/* Fails when steps are multiplied instead of added, or equal sizes stay after rounding. */
Test(conformance_tiers, line_02_tier_steps_divide_each_doubling)
{
    ASSERT_RANGE_MAKES(1024, 4096, 2, 1024, 1536, 2048, 3072, 4096);
    ASSERT_RANGE_MAKES(1024, 2048, 4, 1024, 1280, 1536, 1792, 2048);
    ASSERT_RANGE_MAKES(64, 256, 4, 64, 128, 192, 256);
    ASSERT_RANGE_MAKES(1000, 3000, 1, 1024, 2048, 3008);
}

/* Fails when the list is used as it came: look-ups would then miss the smallest fitting tier. */
Test(conformance_tiers, line_04_explicit_list_is_sorted_rounded_and_merged)
{
    size_t list[] = {15000, 4096, 512, 1024, 512, 4090};
    const size_t expected[] = {512, 1024, 4096, 15040};
    bufpool_config_t config = still_config();
    config.tiers = list;
    config.tiers_count = sizeof list / sizeof list[0];
    /* Ignored beside a list, so nonsense must do no harm. */
    config.min_size = 0;
    config.max_size = 0;
    config.tier_steps = 77;

    bufpool_t *pool = pool_from(&config);
    list[2] = 64; /* the list was copied */
    assert_tiers(pool, expected, 4);
    bufpool_destroy(pool);
}

static size_t capacity_for(bufpool_t *pool, size_t size)
{
    void *buffer = bufpool_get(pool, size);
    size_t capacity = bufpool_capacity(pool, buffer);
    MUST(bufpool_put(pool, buffer));
    return capacity;
}

/* Fails when a size goes to a neighbour tier, or headroom is missing or in the wrong tiers. */
Test(conformance_tiers, line_05_size_finds_its_tier)
{
    bufpool_config_t config = still_config();
    config.min_size = 1024;
    config.max_size = 32768;
    bufpool_t *pool = pool_from(&config);

    const struct {
        size_t asked, tier;
    } rows[] = {{0, 1024},          {1, 1024},      {64, 1024},           {1024, 1024},
                {1025, 2048},       {5000, 8192},   {8192, 8192},         {8192 + 1, 16384},
                {8192 + 64, 16384}, {16384, 16384}, {16384 + 192, 16384}, {16384 + 193, 32768}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t capacity = capacity_for(pool, rows[i].asked);
        cr_assert(eq(sz, capacity, capacity_of_size(rows[i].tier)), "get(%zu)", rows[i].asked);
    }
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when BUFPOOL_PAGE_ALIGNED adds headroom: the stride would be no multiple of the page. */
Test(conformance_tiers, line_05_page_aligned_tiers_have_no_headroom)
{
    bufpool_config_t config = still_config();
    config.flags = BUFPOOL_PAGE_ALIGNED;
    bufpool_t *pool = pool_from(&config);

    size_t at_size = capacity_for(pool, 16384);
    size_t above = capacity_for(pool, 16385);
    cr_assert(eq(sz, at_size, 16384));
    cr_assert(eq(sz, above, 32768));
    bufpool_destroy(pool);
}

/* What look-up must equal: the first capacity that fits, or 0 above the last. */
static size_t linear_search(const size_t *sizes, size_t count, size_t asked)
{
    for (size_t i = 0; i < count; i++) {
        if (capacity_of_size(sizes[i]) >= asked)
            return capacity_of_size(sizes[i]);
    }
    return 0;
}

/* Fails when rounding, batching or reuse ever serves a request from a wrong tier. */
Test(conformance_tiers, line_07_random_sizes_get_the_smallest_tier_that_fits)
{
    bufpool_t *pool = still_pool();
    size_t sizes[64];
    size_t count = bufpool_tiers(pool, sizes, 64);
    uint64_t seed = 7;
    void *held[64] = {NULL};

    for (int i = 0; i < 20000; i++) {
        size_t slot = random_next(&seed) % 64;
        size_t size = random_size(&seed, MIB + HEADROOM_BYTES);
        bufpool_put(pool, held[slot]);
        held[slot] = bufpool_get(pool, size);
        size_t capacity = bufpool_capacity(pool, held[slot]);
        cr_assert(eq(sz, capacity, linear_search(sizes, count, size)), "get(%zu)", size);
    }
    bufpool_put_batch(pool, held, 64);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static void assert_every_size_as_linear(const bufpool_config_t *config)
{
    bufpool_t *pool = pool_from(config);
    size_t sizes[64];
    size_t count = bufpool_tiers(pool, sizes, 64);
    size_t largest = capacity_of_size(sizes[count - 1]);

    for (size_t size = 0; size <= largest + 1; size++) {
        void *buffer = bufpool_get(pool, size);
        size_t capacity = bufpool_capacity(pool, buffer);
        size_t expected = linear_search(sizes, count, size);
        /* One above the largest is oversized: only at least as large. */
        if (expected != 0 ? capacity != expected : capacity < size)
            cr_assert(eq(sz, capacity, expected), "get(%zu)", size);
        bufpool_put(pool, buffer);
    }
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails at the borders of whatever table the look-up uses. */
Test(conformance_tiers, line_08_look_up_equals_a_linear_search_for_every_size)
{
    bufpool_config_t config = still_config();
    assert_every_size_as_linear(&config);
    config.tier_steps = 4;
    assert_every_size_as_linear(&config);
    config.min_size = 64;
    config.max_size = 100000;
    config.tier_steps = 2;
    assert_every_size_as_linear(&config);
}

/* Fails when a table assumes that tiers lie a doubling apart: these lie a cache line apart. */
Test(conformance_tiers, line_08_look_up_in_crowded_tiers_equals_a_linear_search)
{
    size_t list[64];
    bufpool_config_t config = still_config();
    config.tiers = list;
    config.tiers_count = 64;
    for (size_t i = 0; i < 64; i++)
        list[i] = 16384 - 32 * 64 + i * 64;
    assert_every_size_as_linear(&config);
    for (size_t i = 0; i < 64; i++)
        list[i] = 300032 + i * 64;
    assert_every_size_as_linear(&config);
}

struct range {
    uintptr_t from, to;
};

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a;
    const struct range *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static void assert_live_buffers_are_apart(uint32_t flags)
{
    enum { LIVE = 1000, ROUNDS = 10 };
    bufpool_config_t config = still_config();
    config.flags = flags;
    bufpool_t *pool = pool_from(&config);
    void *live[LIVE] = {NULL};
    struct range ranges[LIVE];
    uint64_t seed = 9;

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < LIVE; i++) {
            size_t slot = random_next(&seed) % LIVE;
            bufpool_put(pool, live[slot]);
            live[slot] = bufpool_get(pool, random_size(&seed, 2 * MIB));
        }
        size_t count = 0;
        for (int i = 0; i < LIVE; i++) {
            if (live[i] == NULL)
                continue;
            size_t capacity = bufpool_capacity(pool, live[i]);
            size_t alignment = (flags & BUFPOOL_PAGE_ALIGNED) != 0 && capacity >= 4096 ? 4096 : 64;
            cr_assert(eq(sz, (uintptr_t)live[i] % alignment, 0), "%p of %zu bytes", live[i], capacity);
            ranges[count++] = (struct range){(uintptr_t)live[i], (uintptr_t)live[i] + capacity};
        }
        qsort(ranges, count, sizeof ranges[0], compare_ranges);
        for (size_t i = 1; i < count; i++)
            cr_assert(ranges[i].from >= ranges[i - 1].to);
        bufpool_collect(pool);
    }
    bufpool_put_batch(pool, live, LIVE);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a stride is smaller than its capacity, or an address goes out twice. */
Test(conformance_tiers, line_09_buffers_are_aligned_to_64_and_never_overlap)
{
    assert_live_buffers_are_apart(0);
}

/* Fails when headroom or an odd stride slips into a page-aligned pool, oversized buffers included. */
Test(conformance_tiers, line_09_page_aligned_buffers_begin_on_pages)
{
    assert_live_buffers_are_apart(BUFPOOL_PAGE_ALIGNED);
}
