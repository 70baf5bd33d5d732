/*
 * Part of a burst stays in use. CONFORMANCE.md line 48.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"

enum { MOST = 4096 };

struct burst {
    bufpool_t *pool;
    size_t size, capacity, count;
    void *buffers[MOST];
    size_t stays; /* every stays-th is in use */
};

static bool stays_in_use(const struct burst *burst, size_t number)
{
    return number % burst->stays == burst->stays - 1;
}

static void start_burst(struct burst *burst)
{
    get_many(burst->pool, burst->size, burst->buffers, burst->count);
    burst->capacity = bufpool_capacity(burst->pool, burst->buffers[0]);
    for (size_t i = 0; i < burst->count; i++)
        fill(burst->buffers[i], burst->capacity, i);
    for (size_t i = 0; i < burst->count; i++) {
        if (!stays_in_use(burst, i))
            bufpool_put(burst->pool, burst->buffers[i]);
    }
}

/* Does a buffer in use have a byte on this page? */
static bool page_is_used(const struct burst *burst, uintptr_t page)
{
    for (size_t i = 0; i < burst->count; i++) {
        uintptr_t from = (uintptr_t)burst->buffers[i];
        if (stays_in_use(burst, i) && from < page + page_bytes() && from + burst->capacity > page)
            return true;
    }
    return false;
}

/* Every page of the burst is either needed by a buffer in use, or absent. */
static void assert_whole_pages_are_absent(const struct burst *burst)
{
    for (size_t i = 0; i < burst->count; i++) {
        uintptr_t from = (uintptr_t)burst->buffers[i] & ~(uintptr_t)(page_bytes() - 1);
        uintptr_t to = (uintptr_t)burst->buffers[i] + burst->capacity;
        if (stays_in_use(burst, i))
            continue;
        for (uintptr_t page = from; page < to; page += page_bytes()) {
            if (page_is_present((void *)page))
                cr_assert(page_is_used(burst, page), "tier %zu, every %zu: an idle page is present",
                          burst->size, burst->stays);
        }
    }
}

static void assert_burst_shrinks(size_t size, size_t count, size_t stays, uint32_t flags)
{
    static struct burst burst;
    bufpool_config_t config = still_config();
    size_t kept = 0;

    config.flags = flags;
    burst = (struct burst){.pool = pool_from(&config), .size = size, .count = count, .stays = stays};
    start_burst(&burst);
    bufpool_collect(burst.pool);
    bufpool_collect(burst.pool);
    assert_whole_pages_are_absent(&burst);
    for (size_t i = 0; i < count; i++) {
        if (!stays_in_use(&burst, i))
            continue;
        cr_assert(is_filled(burst.buffers[i], burst.capacity, i), "tier %zu, every %zu", size, stays);
        kept += bufpool_put(burst.pool, burst.buffers[i]);
    }
    cr_assert(eq(sz, kept, count / stays));
    assert_accounts(burst.pool);

    /* With the last of them, the pages that neighbours shared go too. */
    bufpool_collect(burst.pool);
    bufpool_collect(burst.pool);
    for (size_t i = 0; i < count; i++)
        cr_assert(eq(sz, present_bytes(burst.buffers[i], burst.capacity), 0), "tier %zu, every %zu", size,
                  stays);
    bufpool_stats_t stats = stats_of(burst.pool);
    cr_assert(eq(u64, stats.committed_bytes, 0));
    assert_accounts(burst.pool);
    bufpool_destroy(burst.pool);
}

static void assert_tier_shrinks(size_t size, size_t count, uint32_t flags)
{
    const size_t every[] = {2, 8, 64};
    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++)
        assert_burst_shrinks(size, count, every[i], flags);
}

/* Fails when a page goes while a neighbour on it is in use, or stays when all of them are idle. */
Test(conformance_fragments, line_48_pages_of_several_buffers_go_when_all_of_them_are_idle)
{
    assert_tier_shrinks(512, 4096, 0);
    assert_tier_shrinks(1024, 2048, 0);
    assert_tier_shrinks(2048, 2048, 0);
}

/* Fails when a stride that is no power of two or no multiple of the page blurs page borders. */
Test(conformance_fragments, line_48_tiers_of_a_page_give_back_every_idle_buffer)
{
    assert_tier_shrinks(4096, 2048, 0);
    assert_tier_shrinks(8192, 1024, 0);
}

/* Fails when a border page of two buffers goes with the first, or does not go with the second. */
Test(conformance_fragments, line_48_tiers_with_headroom_give_back_what_no_neighbour_needs)
{
    assert_tier_shrinks(16384, 1024, 0);
    assert_tier_shrinks(65536, 512, 0);
    assert_tier_shrinks(MIB, 128, 0);
}

/* Fails when page-aligned pools purge by the plain stride. */
Test(conformance_fragments, line_48_page_aligned_tiers_give_back_every_idle_buffer)
{
    assert_tier_shrinks(4096, 1024, BUFPOOL_PAGE_ALIGNED);
    assert_tier_shrinks(16384, 512, BUFPOOL_PAGE_ALIGNED);
}

/* Fails when an odd list's strides (15040 bytes: buffers begin anywhere on a page) are rounded. */
Test(conformance_fragments, line_48_odd_strides_give_back_what_no_neighbour_needs)
{
    static struct burst burst;
    const size_t list[] = {1000, 3000, 15000};
    bufpool_config_t config = still_config();

    config.tiers = list;
    config.tiers_count = 3;
    for (size_t i = 0; i < 3; i++) {
        burst = (struct burst){.pool = pool_from(&config), .size = list[i], .count = 512, .stays = 8};
        start_burst(&burst);
        bufpool_trim(burst.pool);
        assert_whole_pages_are_absent(&burst);
        for (size_t n = 0; n < burst.count; n++) {
            if (stays_in_use(&burst, n))
                cr_assert(is_filled(burst.buffers[n], burst.capacity, n));
        }
        assert_accounts(burst.pool);
        for (size_t n = 0; n < burst.count; n++) {
            if (stays_in_use(&burst, n))
                bufpool_put(burst.pool, burst.buffers[n]);
        }
        bufpool_destroy(burst.pool);
    }
}
