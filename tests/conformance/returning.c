/*
 * What put keeps and what it refuses. CONFORMANCE.md lines 6, 10-12, 15; line 13
 * is in memory_out.c and line 14 in limits.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>

#include "accounts.h"
#include "misuse.h"
#include "pools.h"
#include "process.h"

/* Fails when a buffer above the largest tier is counted as a tier's, or kept. */
Test(conformance_returning, line_06_size_above_the_largest_capacity_is_served_and_never_cached)
{
    bufpool_t *pool = still_pool();
    size_t size = MIB + HEADROOM_BYTES + 1;

    for (uint64_t round = 1; round <= 20; round++) {
        void *buffer = bufpool_get(pool, size);
        cr_assert(buffer != NULL);
        size_t capacity = bufpool_capacity(pool, buffer);
        cr_assert(ge(sz, capacity, size));
        fill(buffer, capacity, round);
        bufpool_stats_t out = stats_of(pool);
        cr_assert(eq(u64, out.oversized_gets, round));
        cr_assert(eq(u64, out.oversized_bytes, capacity));
        cr_assert(eq(u64, out.in_use_bytes, capacity));

        cr_assert(not(bufpool_put(pool, buffer)));
        bufpool_stats_t back = stats_of(pool);
        cr_assert(eq(u64, idle_bytes(&back), 0));
        cr_assert(eq(u64, back.in_use_bytes, 0));
        cr_assert(eq(u64, back.oversized_bytes, 0));
        cr_assert(eq(u64, back.carves, 0));
    }
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when adding a header or rounding up wraps: a tiny buffer would be handed out. */
Test(conformance_returning, line_06_impossible_size_is_null_with_enomem)
{
    const size_t sizes[] = {SIZE_MAX,         SIZE_MAX - 63, SIZE_MAX - 4096,
                            SIZE_MAX / 2 + 1, SIZE_MAX / 2,  (size_t)1 << 48};
    bufpool_t *pool = still_pool();

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *batch[2] = {NULL, NULL};
        errno = 0;
        cr_assert(bufpool_get(pool, sizes[i]) == NULL, "get(%zu)", sizes[i]);
        cr_assert(eq(int, errno, ENOMEM));
        errno = 0;
        cr_assert(bufpool_get_zeroed(pool, sizes[i]) == NULL);
        cr_assert(eq(int, errno, ENOMEM));
        errno = 0;
        cr_assert(bufpool_get_batch(pool, sizes[i], batch, 2) == 0);
        cr_assert(eq(int, errno, ENOMEM));
        cr_assert(batch[0] == NULL && batch[1] == NULL);
    }
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when NULL is counted, filed or reported. */
Test(conformance_returning, line_10_put_of_null_does_nothing)
{
    struct misuse_record misuse;
    void *nothing[3] = {NULL, NULL, NULL};
    bufpool_t *pool = still_pool();

    misuse_record(&misuse);
    cr_assert(bufpool_put(pool, NULL));
    cr_assert(bufpool_put_batch(pool, nothing, 3) == 0);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.puts, 0));
    cr_assert(eq(u64, stats.misuses, 0));
    cr_assert(eq(u64, idle_bytes(&stats), 0));
    cr_assert(eq(uint, misuse.calls, 0));
    bufpool_destroy(pool);
}

/* Fails when an oversized buffer's pages stay with the process after put. */
Test(conformance_returning, line_11_oversized_return_is_refused_released_and_counted)
{
    bufpool_t *pool = still_pool();

    for (uint64_t round = 1; round <= 8; round++) {
        size_t size = (round + 1) * MIB;
        unsigned char *buffer = bufpool_get(pool, size);
        fill(buffer, size, round);
        cr_assert(eq(sz, present_bytes(buffer, size), size));
        cr_assert(not(bufpool_put(pool, buffer)));
        cr_assert(eq(sz, present_bytes(buffer, size), 0));
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.refused_oversized, round));
        cr_assert(eq(u64, stats.puts, round));
    }
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a buffer that outgrew the tiers is filed by the tier it came from. */
Test(conformance_returning, line_12_buffer_resized_beyond_the_largest_tier_is_refused)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 4096);

    fill(buffer, 4096, 12);
    buffer = bufpool_resize(pool, buffer, 3 * MIB);
    cr_assert(buffer != NULL);
    cr_assert(is_filled(buffer, 4096, 12));
    cr_assert(not(bufpool_put(pool, buffer)));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.refused_oversized, 1));
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when bytes are lost on the way, or the old buffer is not given back. */
Test(conformance_returning, line_12_buffer_resized_within_the_tiers_moves_with_its_bytes)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 512);

    fill(buffer, 512, 12);
    for (size_t size = 1024; size <= MIB; size *= 2) {
        buffer = bufpool_resize(pool, buffer, size);
        cr_assert(eq(sz, bufpool_capacity(pool, buffer), capacity_of_size(size)));
        cr_assert(is_filled(buffer, size / 2, 12), "growing to %zu", size);
        fill(buffer, size, 12);
    }
    for (size_t size = MIB; size >= 512; size /= 2) {
        buffer = bufpool_resize(pool, buffer, size);
        cr_assert(eq(sz, bufpool_capacity(pool, buffer), capacity_of_size(size)));
        cr_assert(is_filled(buffer, size, 12), "shrinking to %zu", size);
    }
    cr_assert(bufpool_put(pool, buffer));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/*
 * Fails when a put files by anything but the address: bucketpool's put rounds a
 * 3000-byte buffer up, and the next get of 4096 returns it.
 */
Test(conformance_returning, line_15_get_never_returns_less_than_asked_whatever_was_put)
{
    struct misuse_record misuse;
    size_t list[] = {512, 1024, 3000, 4096, 15000, 16384};
    bufpool_config_t config = still_config();
    config.tiers = list;
    config.tiers_count = sizeof list / sizeof list[0];
    bufpool_t *pool = pool_from(&config);
    void *held[256] = {NULL};
    size_t asked[256] = {0};
    void *foreign = aligned_alloc(64, 3008);
    uint64_t seed = 15;

    misuse_record(&misuse);
    for (int i = 0; i < 50000; i++) {
        size_t slot = random_next(&seed) % 256;
        if (held[slot] != NULL) {
            cr_assert(is_filled(held[slot], asked[slot], slot), "of %zu bytes", asked[slot]);
            bufpool_put(pool, held[slot]);
        }
        asked[slot] = random_size(&seed, 20000);
        held[slot] = bufpool_get(pool, asked[slot]);
        cr_assert(ge(sz, bufpool_capacity(pool, held[slot]), asked[slot]));
        fill(held[slot], asked[slot], slot);
        if (i % 1000 == 0)
            cr_assert(not(bufpool_put(pool, foreign)));
    }
    cr_assert(eq(uint, misuse.calls, 50));
    bufpool_put_batch(pool, held, 256);
    assert_accounts(pool);
    bufpool_destroy(pool);
    free(foreign);
}
