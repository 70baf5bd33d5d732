/*
 * The words that change which buffers come back, and which gets do: cold-first,
 * quarantine, drop, fail, leak. CONFORMANCE.md line 43.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"
#include "words.h"
#include "worker.h"

/* ------------------------------------------------------------ cold-first */

/* Fails when the newest comes first: what was put last would be checked a moment later. */
Test(conformance_debug_reuse, cold_first_gets_the_oldest_of_a_thread_s_own)
{
    void *buffers[2];

    for (size_t size = 512; size <= MIB; size *= 8) {
        bufpool_t *pool = pool_with("cold-first");
        get_many(pool, size, buffers, 2);
        put_many(pool, buffers, 2);
        cr_assert(bufpool_get(pool, size) == buffers[0]);
        cr_assert(bufpool_get(pool, size) == buffers[1]);
        put_many(pool, buffers, 2);
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when a younger generation is emptied first, or carving comes before any. */
Test(conformance_debug_reuse, cold_first_gets_the_oldest_generation_first)
{
    enum { COUNT = 300 };
    static void *buffers[COUNT];
    bufpool_t *pool = pool_with("cold-first");

    get_many(pool, 4096, buffers, COUNT);
    put_many(pool, buffers, COUNT / 2);
    bufpool_collect(pool); /* the first half are victims */
    put_many(pool, buffers + COUNT / 2, COUNT / 2);
    for (size_t i = 0; i < COUNT / 2; i++)
        cr_assert(is_among(bufpool_get(pool, 4096), buffers, COUNT / 2), "get %zu", i);
    for (size_t i = 0; i < COUNT / 2; i++)
        cr_assert(is_among(bufpool_get(pool, 4096), buffers + COUNT / 2, COUNT / 2), "get %zu", i);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.carves, COUNT));
    put_many(pool, buffers, COUNT);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* ------------------------------------------------------------ quarantine */

/* Fails when one of the last 256 comes back, or one before them never does. */
Test(conformance_debug_reuse, quarantine_keeps_the_last_256_buffers)
{
    enum { COUNT = 300 };
    static void *buffers[COUNT];
    bufpool_t *pool = pool_with("quarantine");

    get_many(pool, 512, buffers, COUNT);
    cr_assert(eq(sz, put_many(pool, buffers, COUNT), COUNT));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.cold_bytes, COUNT * 512));
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    assert_accounts(pool);
    for (size_t i = 0; i < COUNT - 256; i++)
        cr_assert(is_among(bufpool_get(pool, 512), buffers, COUNT - 256), "get %zu", i);
    cr_assert(not(is_among(bufpool_get(pool, 512), buffers, COUNT)));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when large buffers make it hold more than 16 MiB, or a trim leaves them there. */
Test(conformance_debug_reuse, quarantine_is_bounded_in_bytes_and_emptied_by_a_trim)
{
    enum { COUNT = 40 };
    void *buffers[COUNT];
    bufpool_t *pool = pool_with("quarantine");

    get_many(pool, MIB, buffers, COUNT);
    put_many(pool, buffers, COUNT);
    bufpool_collect(pool); /* what it let go goes home */
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(le(u64, stats.cold_bytes, 16 * MIB));
    cr_assert(ge(u64, stats.cold_bytes, 14 * MIB));
    assert_accounts(pool);
    bufpool_trim(pool);
    stats = stats_of(pool);
    cr_assert(eq(u64, stats.committed_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when what is kept back makes a get fail that there is memory for. */
Test(conformance_debug_reuse, a_get_that_finds_no_memory_empties_the_quarantine)
{
    bufpool_config_t config = still_config();
    config.debug = "off,quarantine";
    config.max_bytes = 8 * (MIB + 192);
    bufpool_t *pool = pool_from(&config);
    void *buffers[8];

    for (int round = 0; round < 3; round++) {
        get_many(pool, MIB, buffers, 8);
        put_many(pool, buffers, 8);
    }
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.failures, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* ------------------------------------------------------------ drop */

/* Fails when more or fewer are dropped, or the memory of those stays, or the accounts know nothing of them.
 */
Test(conformance_debug_reuse, line_43_drop_releases_one_put_in_four)
{
    enum { COUNT = 400 };
    static void *buffers[COUNT];

    for (size_t size = 4096; size <= 65536; size *= 4) {
        bufpool_t *pool = pool_with("drop");
        get_many(pool, size, buffers, COUNT);
        for (size_t i = 0; i < COUNT; i += 4)
            cr_assert(eq(sz, put_many(pool, buffers + i, 4), 3));
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.puts, COUNT));
        cr_assert(eq(u64, stats.refused_limit, COUNT / 4));
        cr_assert(ge(u64, stats.purges, COUNT / 4 - 1)); /* but one that shares its border page */
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when it is always the same one of four: a program that puts in fours would never notice. */
Test(conformance_debug_reuse, line_43_drop_does_not_keep_time)
{
    bufpool_t *pool = pool_with("drop");
    unsigned dropped[4] = {0};
    void *buffers[4];

    for (int i = 0; i < 100; i++) {
        get_many(pool, 4096, buffers, 4);
        for (unsigned n = 0; n < 4; n++)
            dropped[n] += !bufpool_put(pool, buffers[n]);
    }
    for (unsigned n = 0; n < 4; n++)
        cr_assert(gt(uint, dropped[n], 10));
    bufpool_destroy(pool);
}

/* ------------------------------------------------------------ fail */

/* Fails when a get fails out of turn, is not counted, or leaves another errno. */
Test(conformance_debug_reuse, every_nth_get_fails_with_enomem)
{
    bufpool_t *pool = pool_with("fail=5");
    static const size_t sizes[] = {100, 4096, MIB, 3 * MIB};

    for (unsigned i = 1; i <= 100; i++) {
        errno = 0;
        void *buffer = bufpool_get(pool, sizes[i % 4]);
        cr_assert(eq(int, buffer == NULL, i % 5 == 0), "get %u", i);
        cr_assert(eq(int, errno, buffer == NULL ? ENOMEM : 0));
        bufpool_put(pool, buffer);
    }
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.gets, 100));
    cr_assert(eq(u64, stats.failures, 20));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a failure on the way of a resize, a batch or a zeroed get loses what the caller has. */
Test(conformance_debug_reuse, a_failed_get_loses_nothing)
{
    bufpool_t *pool = pool_with("fail=2");
    void *buffers[10];

    char *buffer = bufpool_get(pool, 1000);
    fill(buffer, 1000, 1);
    errno = 0;
    cr_assert(bufpool_resize(pool, buffer, 5000) == NULL);
    cr_assert(eq(int, errno, ENOMEM));
    cr_assert(is_filled(buffer, 1000, 1));
    buffer = bufpool_resize(pool, buffer, 5000);
    cr_assert(buffer != NULL && is_filled(buffer, 1000, 1));
    cr_assert(bufpool_get_zeroed(pool, 10) == NULL);
    cr_assert(eq(sz, bufpool_get_batch(pool, 4096, buffers, 10), 1));
    bufpool_put(pool, buffers[0]);
    bufpool_put(pool, buffer);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* ------------------------------------------------------------ leak */

static __attribute__((noinline)) void *lose(bufpool_t *pool, size_t size)
{
    void *buffer = bufpool_get(pool, size);
    __asm__ volatile("" : "+r"(buffer));
    return buffer;
}

static int leave_some_out(void *arg)
{
    bufpool_t *pool = pool_with("leak=1");
    static void *buffers[500];
    (void)arg;

    get_many(pool, 4096, buffers, 500);
    lose(pool, 600);
    lose(pool, 2 * MIB);
    put_many(pool, buffers, 500);
    bufpool_destroy(pool);
    return 0;
}

/* Fails when a survivor is not told, one that was put is, or the first frame is the library's. */
Test(conformance_debug_reuse, destroy_tells_the_buffers_that_are_still_out)
{
    struct child_end end = child_run(leave_some_out, NULL);
    cr_assert(child_exited(&end, 0));
    cr_assert(eq(uint, count_lines(end.errors), 5), "%s", end.errors); /* two of them destroy's own */
    const char *small = strstr(end.errors, "bufpool: pool 'armoured': leak: get(600) is 0x");
    const char *large = strstr(end.errors, "bufpool: pool 'armoured': leak: get(2097152) is 0x");
    cr_assert(small != NULL && large != NULL, "%s", end.errors);
    cr_assert(strstr(small, " of tier 1024, buffer ") != NULL);
    cr_assert(strstr(large, " of oversized buffer ") != NULL);
    cr_assert(strstr(end.errors, "; got at ") != NULL);
    cr_assert(strstr(end.errors, "libbufpool") == NULL, "%s", end.errors);
    cr_assert(strstr(end.errors, "leak: one get in 1 was sampled, 2 of those are still out\n") != NULL);
}

static unsigned dumped_leaks(bufpool_t *pool)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    unsigned count = 0;

    MUST(out != NULL && bufpool_dump(pool, out, BUFPOOL_TEXT) == 0);
    fclose(out);
    for (const char *at = text; (at = strstr(at, ": leak: get(")) != NULL; at++)
        count++;
    free(text);
    return count;
}

/* Fails when more or fewer than one in N keep a backtrace, or a put does not end it. */
Test(conformance_debug_reuse, a_dump_tells_the_survivors_of_one_get_in_n)
{
    static void *buffers[80];
    bufpool_t *pool = pool_with("leak=8");

    get_many(pool, 4096, buffers, 80);
    cr_assert(eq(uint, dumped_leaks(pool), 10));
    put_many(pool, buffers, 40);
    cr_assert(eq(uint, dumped_leaks(pool), 5));
    put_many(pool, buffers + 40, 40);
    cr_assert(eq(uint, dumped_leaks(pool), 0));
    /* Samples are used again. */
    for (int i = 0; i < 10000; i++)
        bufpool_put(pool, bufpool_get(pool, 100));
    cr_assert(eq(uint, dumped_leaks(pool), 0));
    bufpool_destroy(pool);
}
