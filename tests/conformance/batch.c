/*
 * bufpool_get_batch and bufpool_put_batch: the same as one by one.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "accounts.h"
#include "misuse.h"
#include "pools.h"

enum { MANY = 3000 };

static void *buffers[MANY];

/* Fails when a batch that spans caches, magazines and carving gives an address twice. */
Test(conformance_batch, get_batch_gives_distinct_buffers_that_fit)
{
    bufpool_t *pool = still_pool();

    for (int round = 0; round < 3; round++) {
        errno = 4711;
        size_t got = bufpool_get_batch(pool, 4000, buffers, MANY);
        cr_assert(eq(int, errno, 4711));
        cr_assert(eq(sz, got, MANY));
        for (size_t i = 0; i < MANY; i++)
            fill(buffers[i], 4096, i);
        for (size_t i = 0; i < MANY; i++)
            cr_assert(is_filled(buffers[i], 4096, i));
        size_t kept = bufpool_put_batch(pool, buffers, MANY);
        cr_assert(eq(sz, kept, MANY));
    }
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.gets, 3 * MANY));
    cr_assert(eq(u64, stats.puts, 3 * MANY));
    cr_assert(eq(u64, stats.carves, MANY));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a short batch clears the rest of the array, or forgets errno. */
Test(conformance_batch, short_batch_says_how_many_and_leaves_the_rest)
{
    bufpool_config_t config = still_config();
    config.max_bytes = 100 * 4096;
    bufpool_t *pool = pool_from(&config);

    for (size_t i = 0; i < MANY; i++)
        buffers[i] = &buffers[i];
    errno = 0;
    size_t got = bufpool_get_batch(pool, 4096, buffers, 150);
    cr_assert(eq(int, errno, ENOMEM));
    cr_assert(eq(sz, got, 100));
    for (size_t i = 100; i < 200; i++)
        cr_assert(eq(ptr, buffers[i], &buffers[i]));
    /* Each of the 150 was asked for, and 50 were not had. */
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.gets, 150));
    cr_assert(eq(u64, stats.failures, 50));
    bufpool_put_batch(pool, buffers, got);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a batch of nothing touches anything. */
Test(conformance_batch, empty_batch_does_nothing)
{
    bufpool_t *pool = still_pool();
    errno = 4711;
    cr_assert(eq(sz, bufpool_get_batch(pool, 4096, NULL, 0), 0));
    cr_assert(eq(sz, bufpool_put_batch(pool, NULL, 0), 0));
    cr_assert(eq(int, errno, 4711));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.gets + stats.puts, 0));
    bufpool_destroy(pool);
}

/* Fails when a batch is filed by its first entry's tier, or NULLs and oversized ones are counted as kept. */
Test(conformance_batch, put_batch_takes_any_mix)
{
    bufpool_t *pool = still_pool();
    size_t kept_expected = 0;

    for (size_t i = 0; i < 300; i++) {
        if (i % 5 == 4) {
            buffers[i] = NULL;
        } else if (i % 50 == 10) {
            buffers[i] = bufpool_get(pool, 2 * MIB);
        } else {
            buffers[i] = bufpool_get(pool, (size_t)512 << i % 12);
            kept_expected++;
        }
    }
    size_t kept = bufpool_put_batch(pool, buffers, 300);
    cr_assert(eq(sz, kept, kept_expected));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    cr_assert(eq(u64, stats.puts, kept_expected + 6));
    assert_accounts(pool);
    for (size_t size = 512; size <= MIB; size *= 2) {
        void *buffer = bufpool_get(pool, size);
        cr_assert(eq(sz, bufpool_capacity(pool, buffer), capacity_of_size(size)));
        bufpool_put(pool, buffer);
    }
    bufpool_destroy(pool);
}

/* Fails when one bad entry ends the batch, or takes a neighbour with it. */
Test(conformance_batch, bad_entry_is_reported_and_the_others_are_put)
{
    struct misuse_record misuse;
    bufpool_t *pool = still_pool();

    get_many(pool, 4096, buffers, 20);
    void *whole = buffers[7];
    buffers[3] = buffers[2]; /* loses one: it stays out */
    buffers[7] = (char *)whole + 64;
    buffers[19] = &misuse;
    misuse_record(&misuse);
    size_t kept = bufpool_put_batch(pool, buffers, 20);
    cr_assert(eq(sz, kept, 17));
    cr_assert(eq(uint, misuse.calls, 3));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.misuses, 3));
    cr_assert(eq(u64, stats.puts, 17));
    cr_assert(eq(u64, stats.in_use_bytes, 3 * 4096));
    cr_assert(bufpool_put(pool, whole));
    assert_accounts(pool);
    bufpool_on_misuse(NULL, NULL);
    bufpool_trim(pool);
    assert_accounts(pool);
}

/* Fails when a batch goes around max_cached_bytes. */
Test(conformance_batch, put_batch_respects_max_cached_bytes)
{
    bufpool_config_t config = still_config();
    config.max_cached_bytes = MIB;
    bufpool_t *pool = pool_from(&config);

    bufpool_get_batch(pool, 4096, buffers, 1000);
    size_t kept = bufpool_put_batch(pool, buffers, 1000);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(le(sz, kept, 256));
    cr_assert(gt(sz, kept, 0));
    cr_assert(eq(u64, stats.refused_limit, 1000 - kept));
    cr_assert(le(u64, stats.private_bytes + stats.shared_bytes + stats.victim_bytes, MIB));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
