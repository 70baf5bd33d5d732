/*
 * bufpool_resize is realloc. What happens to the bytes is in returning.c, line 12.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "accounts.h"
#include "pools.h"

/* Fails when NULL is misuse. */
Test(conformance_resize, resize_of_null_is_a_get)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_resize(pool, NULL, 5000);
    cr_assert(buffer != NULL);
    cr_assert(eq(sz, bufpool_capacity(pool, buffer), 8192));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.gets, 1));
    bufpool_put(pool, buffer);
    void *smallest = bufpool_resize(pool, NULL, 0);
    cr_assert(smallest != NULL);
    bufpool_put(pool, smallest);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a size of 0 keeps the buffer. */
Test(conformance_resize, resize_to_zero_is_a_put)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 5000);
    errno = 4711;
    cr_assert(bufpool_resize(pool, buffer, 0) == NULL);
    cr_assert(eq(int, errno, 4711));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.puts, 1));
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when staying in the tier moves or counts. */
Test(conformance_resize, same_tier_is_the_same_address_and_counts_nothing)
{
    bufpool_t *pool = still_pool();
    const size_t sizes[] = {16384 + 192, 16384, 8193, 10000, 12345};
    void *buffer = bufpool_get(pool, 9000);

    fill(buffer, 16384 + 192, 1);
    bufpool_stats_t before = stats_of(pool);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        cr_assert(eq(ptr, bufpool_resize(pool, buffer, sizes[i]), buffer), "to %zu", sizes[i]);
    cr_assert(is_filled(buffer, 16384 + 192, 1));
    bufpool_stats_t after = stats_of(pool);
    cr_assert(eq(u64, after.gets, before.gets));
    cr_assert(eq(u64, after.puts, before.puts));
    bufpool_put(pool, buffer);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when moving counts something else than one get and one put. */
Test(conformance_resize, another_tier_counts_one_get_and_one_put)
{
    bufpool_t *pool = still_pool();
    const size_t sizes[] = {1024, 512, MIB, 3 * MIB, 4096};
    void *buffer = bufpool_get(pool, 4096);

    errno = 4711;
    for (uint64_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        buffer = bufpool_resize(pool, buffer, sizes[i]);
        cr_assert(buffer != NULL);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.gets, i + 2), "to %zu", sizes[i]);
        cr_assert(eq(u64, stats.puts, i + 1), "to %zu", sizes[i]);
        assert_accounts(pool);
    }
    cr_assert(eq(int, errno, 4711));
    bufpool_put(pool, buffer);
    bufpool_destroy(pool);
}

/* Fails when a buffer that shrinks is cut to the asked size instead of the smaller capacity. */
Test(conformance_resize, bytes_up_to_the_smaller_capacity_are_kept)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 100);

    fill(buffer, 512, 2); /* more than was asked for, but within the capacity */
    buffer = bufpool_resize(pool, buffer, 2000);
    cr_assert(is_filled(buffer, 512, 2));
    fill(buffer, 2048, 3);
    buffer = bufpool_resize(pool, buffer, 1000);
    cr_assert(is_filled(buffer, 1024, 3));
    bufpool_put(pool, buffer);
    bufpool_destroy(pool);
}

/* Fails when an oversized buffer loses its bytes as it grows and shrinks. */
Test(conformance_resize, oversized_buffers_keep_their_bytes)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 2 * MIB);

    fill(buffer, 2 * MIB, 4);
    void *same = bufpool_resize(pool, buffer, 2 * MIB - 4096);
    cr_assert(eq(ptr, same, buffer));
    buffer = bufpool_resize(pool, same, 9 * MIB);
    cr_assert(buffer != NULL);
    cr_assert(ge(sz, bufpool_capacity(pool, buffer), 9 * MIB));
    cr_assert(is_filled(buffer, 2 * MIB, 4));
    fill(buffer, 9 * MIB, 5);
    buffer = bufpool_resize(pool, buffer, 3 * MIB);
    cr_assert(is_filled(buffer, 3 * MIB, 5));
    buffer = bufpool_resize(pool, buffer, 700);
    cr_assert(is_filled(buffer, 1024, 5));
    cr_assert(bufpool_put(pool, buffer));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.oversized_bytes, 0));
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when the old buffer is given up before the new one is had. */
Test(conformance_resize, failure_leaves_the_buffer_as_it_was)
{
    bufpool_config_t config = still_config();
    config.max_bytes = MIB;
    bufpool_t *pool = pool_from(&config);
    void *buffer = bufpool_get(pool, 4096);
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, 4 * MIB, MIB};

    fill(buffer, 4096, 6);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        errno = 0;
        cr_assert(bufpool_resize(pool, buffer, sizes[i]) == NULL, "to %zu", sizes[i]);
        cr_assert(eq(int, errno, ENOMEM));
        cr_assert(eq(sz, bufpool_capacity(pool, buffer), 4096));
        cr_assert(is_filled(buffer, 4096, 6));
    }
    cr_assert(bufpool_put(pool, buffer));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
