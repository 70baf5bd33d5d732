/*
 * What is in a buffer when it is got. CONFORMANCE.md line 45, and
 * BUFPOOL_SCRUB_ON_PUT.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"

enum { COUNT = 64, TIERS = 12 };

static void dirty_all_tiers(bufpool_t *pool)
{
    void *buffers[COUNT];
    for (size_t tier = 0; tier < TIERS; tier++) {
        get_many(pool, (size_t)512 << tier, buffers, COUNT);
        for (size_t i = 0; i < COUNT; i++)
            memset(buffers[i], 0xff, bufpool_capacity(pool, buffers[i]));
        put_many(pool, buffers, COUNT);
    }
}

static void assert_zeroed_gets_are_zero(bufpool_t *pool)
{
    void *buffers[COUNT];
    for (size_t tier = 0; tier < TIERS; tier++) {
        for (size_t i = 0; i < COUNT; i++) {
            buffers[i] = bufpool_get_zeroed(pool, ((size_t)512 << tier) - 5);
            size_t capacity = bufpool_capacity(pool, buffers[i]);
            cr_assert(ge(sz, capacity, (size_t)512 << tier));
            cr_assert(is_zero(buffers[i], capacity), "tier %zu", (size_t)512 << tier);
            memset(buffers[i], 0xff, capacity);
        }
        put_many(pool, buffers, COUNT);
    }
    assert_accounts(pool);
}

/* Fails when a fresh buffer is zero by luck and a used one is not cleared, or only up to the size asked. */
Test(conformance_contents, line_45_zeroed_get_is_zero_up_to_the_capacity)
{
    bufpool_t *pool = still_pool();
    assert_zeroed_gets_are_zero(pool);
    assert_zeroed_gets_are_zero(pool);
    bufpool_destroy(pool);
}

/* Fails when a purged buffer is taken for zero: its borders may lie on a page that a neighbour keeps. */
Test(conformance_contents, line_45_zeroed_get_is_zero_after_a_neighbour_kept_the_border_pages)
{
    enum { NEIGHBOURS = 63 };
    void *buffers[NEIGHBOURS];
    bufpool_t *pool = one_tier_pool(16384);

    get_many(pool, 16384, buffers, NEIGHBOURS);
    for (size_t i = 0; i < NEIGHBOURS; i++)
        memset(buffers[i], 0xff, 16384 + HEADROOM_BYTES);
    for (size_t i = 1; i < NEIGHBOURS; i += 2)
        bufpool_put(pool, buffers[i]);
    bufpool_trim(pool);
    for (size_t i = 1; i < NEIGHBOURS; i += 2) {
        buffers[i] = bufpool_get_zeroed(pool, 16384);
        cr_assert(is_zero(buffers[i], 16384 + HEADROOM_BYTES));
    }
    bufpool_stats_t stats = stats_of(pool);
    /* The point of this test is gone where nothing was purged. */
    cr_assert(gt(u64, stats.purges, 0));
    put_many(pool, buffers, NEIGHBOURS);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when any generation is thought to be clean. */
Test(conformance_contents, line_45_zeroed_get_is_zero_from_every_generation)
{
    bufpool_t *pool = still_pool();
    for (int cycles = 0; cycles < 4; cycles++) {
        dirty_all_tiers(pool);
        for (int i = 0; i < cycles; i++)
            bufpool_collect(pool);
        assert_zeroed_gets_are_zero(pool);
    }
    bufpool_destroy(pool);
}

/* Fails when the space of an oversized buffer is used again without being cleared. */
Test(conformance_contents, line_45_zeroed_get_of_an_oversized_buffer_is_zero)
{
    bufpool_t *pool = still_pool();
    for (int round = 0; round < 5; round++) {
        void *buffer = bufpool_get_zeroed(pool, 3 * MIB + 77);
        size_t capacity = bufpool_capacity(pool, buffer);
        cr_assert(is_zero(buffer, capacity));
        memset(buffer, 0xff, capacity);
        bufpool_put(pool, buffer);
    }
    bufpool_destroy(pool);
}

/* Fails when a plain get clears: nobody asked, and it would cost every get a memset. */
Test(conformance_contents, line_45_plain_get_leaves_the_bytes_of_the_last_borrower)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 4096);
    fill(buffer, 4096, 45);
    bufpool_put(pool, buffer);
    void *again = bufpool_get(pool, 4096);
    cr_assert(eq(ptr, again, buffer));
    cr_assert(is_filled(again, 4096, 45));
    bufpool_put(pool, again);
    bufpool_destroy(pool);
}

/* Fails when a secret outlives its put: in any tier, in a batch, in a resize's old buffer. */
Test(conformance_contents, scrub_on_put_leaves_zeros)
{
    bufpool_config_t config = still_config();
    config.flags = BUFPOOL_SCRUB_ON_PUT;
    bufpool_t *pool = pool_from(&config);
    void *buffers[COUNT];

    dirty_all_tiers(pool);
    for (size_t tier = 0; tier < TIERS; tier++) {
        get_many(pool, (size_t)512 << tier, buffers, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            cr_assert(is_zero(buffers[i], bufpool_capacity(pool, buffers[i])), "tier %zu",
                      (size_t)512 << tier);
            memset(buffers[i], 0xff, bufpool_capacity(pool, buffers[i]));
        }
        bufpool_put_batch(pool, buffers, COUNT);
        get_many(pool, (size_t)512 << tier, buffers, COUNT);
        for (size_t i = 0; i < COUNT; i++)
            cr_assert(is_zero(buffers[i], bufpool_capacity(pool, buffers[i])));
        put_many(pool, buffers, COUNT);
    }
    void *old = bufpool_get(pool, 4096);
    memset(old, 0xff, 4096);
    void *moved = bufpool_resize(pool, old, 8192);
    void *again = bufpool_get(pool, 4096);
    cr_assert(eq(ptr, again, old));
    cr_assert(is_zero(again, 4096));
    bufpool_put(pool, moved);
    bufpool_put(pool, again);
    assert_accounts(pool);
    bufpool_destroy(pool);
}
