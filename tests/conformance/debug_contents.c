/*
 * The words `poison`, `integrity`, `canary` and `scrub`: what lies in a buffer
 * that nobody should have written to. CONFORMANCE.md line 42.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "words.h"

#define FRESH 0xfb
#define IDLE 0xdb

static const size_t tier_sizes[] = {SMALL, LARGE};
static const size_t all_sizes[] = {SMALL, LARGE, OVERSIZED};

static bool is_all(const unsigned char *bytes, size_t count, unsigned char byte)
{
    return bytes[0] == byte && memcmp(bytes, bytes + 1, count - 1) == 0;
}

/* Fails when a program can read zeros, or an earlier borrower's bytes, and get away with it. */
Test(conformance_debug_contents, poison_fills_fresh_and_idle_buffers)
{
    for (size_t s = 0; s < 3; s++) {
        bufpool_t *pool = pool_with("poison");
        void *buffer = bufpool_get(pool, all_sizes[s]);
        cr_assert(is_all(buffer, all_sizes[s], FRESH), "size %zu", all_sizes[s]);
        memset(buffer, 1, all_sizes[s]);
        bufpool_put(pool, buffer);
        if (all_sizes[s] != OVERSIZED) { /* those are gone */
            buffer = bufpool_get(pool, all_sizes[s]);
            cr_assert(is_all(buffer, all_sizes[s], IDLE), "size %zu", all_sizes[s]);
            bufpool_put(pool, buffer);
        }
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

static void write_and_get_again(const char *words, size_t size, size_t offset, const char *detail)
{
    struct misuse_record misuse;
    bufpool_t *pool = pool_with(words);
    unsigned char *buffer = bufpool_get(pool, size);

    bufpool_put(pool, buffer);
    buffer[offset] = 0x41;
    misuse_record(&misuse);
    errno = 4711;
    void *again = bufpool_get(pool, size);
    cr_assert(eq(int, errno, 4711));
    cr_assert(again == buffer);
    cr_assert(eq(uint, misuse.calls, 1), "%s: byte %zu", words, offset);
    assert_report(&misuse, "write after put", "get", buffer, size, detail);
    bufpool_put(pool, again);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.misuses, 1));
    cr_assert(eq(u64, stats.gets, 2));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a byte at either end, or beyond the size that was asked for, is not looked at. */
Test(conformance_debug_contents, line_42_write_after_put_is_named_with_the_byte)
{
    write_and_get_again("integrity", SMALL, 0, ": byte 0 is 0x41, the put left 0xdb");
    write_and_get_again("integrity", SMALL, 511, ": byte 511 is 0x41, the put left 0xdb");
    write_and_get_again("integrity", LARGE, 100000, ": byte 100000 is 0x41, the put left 0xdb");
    write_and_get_again("integrity", LARGE, LARGE - 1, ": byte 204799 is 0x41, the put left 0xdb");
    write_and_get_again("integrity,scrub", LARGE, 1, ": byte 1 is 0x41, the put left 0x00");
}

/* Fails when only what the thread's own cache holds is checked. */
Test(conformance_debug_contents, line_42_delayed_write_after_put_is_named)
{
    struct misuse_record misuse;
    static void *buffers[200];

    for (size_t s = 0; s < 2; s++) {
        bufpool_t *pool = pool_with("integrity");
        get_many(pool, tier_sizes[s], buffers, 200);
        put_many(pool, buffers, 200);
        bufpool_collect(pool); /* all are victims now */
        misuse_record(&misuse);
        ((char *)buffers[77])[3] = 0;
        get_many(pool, tier_sizes[s], buffers, 200);
        cr_assert(eq(uint, misuse.calls, 1));
        cr_assert(strstr(misuse.line, "write after put: get(") != NULL);
        cr_assert(strstr(misuse.line, ": byte 3 is 0x00, the put left 0xdb") != NULL, "%s", misuse.line);
        put_many(pool, buffers, 200);
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when a buffer whose pages went home, all of them or those at its border, is taken for one written to.
 */
Test(conformance_debug_contents, integrity_knows_what_a_purge_takes)
{
    struct misuse_record misuse;
    static void *buffers[600];
    static const size_t sizes[] = {512, 4096, 16384, 20000, 65536};

    misuse_record(&misuse);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        bufpool_config_t config = still_config();
        config.debug = "off,integrity";
        config.max_cached_bytes = 64 * KIB; /* the rest is cold, and purged in batches that end anywhere */
        bufpool_t *pool = pool_from(&config);
        for (int round = 0; round < 4; round++) {
            get_many(pool, sizes[s], buffers, 600);
            for (size_t i = 0; i < 600; i++)
                memset(buffers[i], round, sizes[s]);
            for (size_t i = 0; i < 600; i++)
                if (i % 5 != (size_t)round)
                    bufpool_put(pool, buffers[i]);
            bufpool_collect(pool);
            for (size_t i = 0; i < 600; i++)
                if (i % 5 == (size_t)round)
                    bufpool_put(pool, buffers[i]);
        }
        /* What is put just after a batch has gone is still cold where that batch ended. */
        get_many(pool, sizes[s], buffers, 600);
        for (size_t count = 20; count < 300; count += 13) {
            put_many(pool, buffers, count);
            get_many(pool, sizes[s], buffers, count);
        }
        put_many(pool, buffers, 600);
        cr_assert(eq(uint, misuse.calls, 0), "%s", misuse.line);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(gt(u64, stats.purges, 0));
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Overflow by `bytes` is found by put and by resize, and the buffer stays borrowed. */
static void overflow(size_t size, size_t bytes, const char *detail)
{
    struct misuse_record misuse;
    bufpool_t *pool = pool_with("canary");
    unsigned char *buffer = bufpool_get(pool, size);

    cr_assert(eq(sz, bufpool_capacity(pool, buffer), size));
    memset(buffer, 0x41, size + bytes);
    misuse_record(&misuse);
    errno = 4711;
    cr_assert(not(bufpool_put(pool, buffer)));
    cr_assert(eq(int, errno, 4711));
    cr_assert(eq(uint, misuse.calls, 1));
    assert_report(&misuse, "overflow", "put", buffer, size, detail);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.puts, 0));
    cr_assert(gt(u64, stats.in_use_bytes, 0));

    cr_assert(bufpool_resize(pool, buffer, size - 1) == NULL);
    cr_assert(eq(int, errno, EINVAL));
    assert_report(&misuse, "overflow", "resize", buffer, size, detail);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when the first byte beyond, or one further away, may be written. */
Test(conformance_debug_contents, overflow_by_1_and_by_8_bytes_is_named)
{
    overflow(SMALL, 1, ": byte 500 is written, 500 were asked for");
    overflow(SMALL, 8, ": byte 500 is written, 500 were asked for");
    overflow(LARGE, 1, ": byte 204800 is written, 204800 were asked for");
    overflow(LARGE, 8, ": byte 204800 is written, 204800 were asked for");
    overflow(OVERSIZED + 1, 1, ": byte 3145729 is written, 3145729 were asked for");
    overflow(OVERSIZED + 1, 8, ": byte 3145729 is written, 3145729 were asked for");
}

/* Fails when a get of nothing gives the right to something. */
Test(conformance_debug_contents, use_of_a_zero_size_get_is_an_overflow)
{
    struct misuse_record misuse;
    bufpool_t *pool = pool_with("canary");
    char *buffer = bufpool_get(pool, 0);

    cr_assert(eq(sz, bufpool_capacity(pool, buffer), 0));
    buffer[0] = 'x';
    misuse_record(&misuse);
    cr_assert(not(bufpool_put(pool, buffer)));
    assert_report(&misuse, "overflow", "put", buffer, 0, ": byte 0 is written, 0 were asked for");
    bufpool_destroy(pool);
}

/* Fails when a resize keeps the old end, or does not look at it, whether the buffer moves or not. */
Test(conformance_debug_contents, canary_moves_with_the_size)
{
    struct misuse_record misuse;
    bufpool_t *pool = pool_with("canary");
    static const size_t steps[] = {10, 500, 300, 512, 3000, 4096, 100000, 90000, OVERSIZED, OVERSIZED - 5, 1};
    char *buffer = bufpool_get(pool, 1);

    misuse_record(&misuse);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        buffer = bufpool_resize(pool, buffer, steps[i]);
        cr_assert(eq(sz, bufpool_capacity(pool, buffer), steps[i]));
        memset(buffer, (int)i, steps[i]);
    }
    cr_assert(bufpool_put(pool, buffer));
    cr_assert(eq(uint, misuse.calls, 0), "%s", misuse.line);

    buffer = bufpool_get(pool, 400);
    buffer = bufpool_resize(pool, buffer, 300);
    buffer[300] = 'x';
    cr_assert(not(bufpool_put(pool, buffer)));
    cr_assert(eq(uint, misuse.calls, 1));
    assert_report(&misuse, "overflow", "put", buffer, 300, ": byte 300 is written, 300 were asked for");
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a zeroed get's zeros run over the canary, or stop short of the size. */
Test(conformance_debug_contents, a_zeroed_get_is_zero_up_to_the_size_and_puts_well)
{
    struct misuse_record misuse;
    misuse_record(&misuse);
    for (size_t s = 0; s < 3; s++) {
        bufpool_t *pool = pool_with("canary,integrity");
        for (int round = 0; round < 2; round++) {
            void *buffer = bufpool_get_zeroed(pool, all_sizes[s]);
            cr_assert(is_zero(buffer, all_sizes[s]));
            bufpool_put(pool, buffer);
        }
        cr_assert(eq(uint, misuse.calls, 0), "%s", misuse.line);
        bufpool_destroy(pool);
    }
}

/* Fails when the word does less than the flag: a secret outlives its put. */
Test(conformance_debug_contents, scrub_leaves_zeros)
{
    static const char *const words[] = {"scrub", "scrub,poison", "scrub,state"};

    for (size_t w = 0; w < 3; w++) {
        bufpool_t *pool = pool_with(words[w]);
        for (size_t s = 0; s < 2; s++) {
            void *buffer = bufpool_get(pool, tier_sizes[s]);
            memset(buffer, 0x5e, tier_sizes[s]);
            bufpool_put(pool, buffer);
            void *again = bufpool_get(pool, tier_sizes[s]);
            cr_assert(again == buffer);
            cr_assert(is_zero(again, tier_sizes[s]), "%s", words[w]);
            bufpool_put(pool, again);
        }
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}
