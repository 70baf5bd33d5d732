/*
 * The word `guard`: pages of its own for each buffer, so that the processor finds
 * what no check can: reads, and writes that nobody looks at again.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"
#include "words.h"

struct touch {
    size_t size;
    ptrdiff_t at;   /* byte of the buffer, from its begin */
    bool after_put; /* or while it is borrowed */
    bool write;
};

static int touch_it(void *arg)
{
    const struct touch *touch = arg;
    bufpool_t *pool = pool_with("guard");
    volatile char *buffer = bufpool_get(pool, touch->size);

    signal(SIGSEGV, SIG_DFL); /* and not AddressSanitizer's */
    memset((void *)buffer, 1, touch->size);
    if (touch->after_put)
        bufpool_put(pool, (void *)buffer);
    if (touch->write)
        buffer[touch->at] = 1;
    else
        (void)buffer[touch->at];
    return 0;
}

static const size_t sizes[] = {SMALL, 512, 4096, LARGE, OVERSIZED};

/* Fails when a buffer stays accessible once it is put. */
Test(conformance_debug_guard, reads_and_writes_after_put_fault)
{
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int n = 0; n < 4; n++) {
            struct touch touch = {.size = sizes[s], .after_put = true, .write = n % 2};
            touch.at = n / 2 ? (ptrdiff_t)sizes[s] - 1 : 0;
            struct child_end end = child_run(touch_it, &touch);
            cr_assert(child_died(&end, SIGSEGV), "size %zu: status %#x", sizes[s], (unsigned)end.status);
        }
    }
}

/* Fails when there is room behind the end, but for that of the alignment. */
Test(conformance_debug_guard, reads_and_writes_over_the_end_fault)
{
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int write = 0; write < 2; write++) {
            size_t end_of_line = (sizes[s] + 63) / 64 * 64;
            struct touch over = {.size = sizes[s], .at = (ptrdiff_t)end_of_line, .write = write};
            struct child_end end = child_run(touch_it, &over);
            cr_assert(child_died(&end, SIGSEGV), "size %zu: status %#x", sizes[s], (unsigned)end.status);
            over.at--;
            end = child_run(touch_it, &over);
            cr_assert(child_exited(&end, 0), "size %zu: status %#x", sizes[s], (unsigned)end.status);
        }
    }
}

/* Fails when a get of nothing can be read from. */
Test(conformance_debug_guard, a_zero_size_get_has_no_byte)
{
    for (int write = 0; write < 2; write++) {
        struct touch touch = {.size = 0, .at = 0, .write = write};
        struct child_end end = child_run(touch_it, &touch);
        cr_assert(child_died(&end, SIGSEGV), "status %#x", (unsigned)end.status);
    }
}

/* Fails when the alignment of a get is forgotten for its end, or two buffers overlap. */
Test(conformance_debug_guard, buffers_are_aligned_and_apart)
{
    for (uint32_t flags = 0; flags <= BUFPOOL_PAGE_ALIGNED; flags += BUFPOOL_PAGE_ALIGNED) {
        bufpool_config_t config = still_config();
        config.debug = "off,guard";
        config.flags = flags;
        bufpool_t *pool = pool_from(&config);
        void *buffers[100];
        size_t asked[100];
        uint64_t random = 1;

        for (size_t i = 0; i < 100; i++) {
            asked[i] = random_size(&random, 2 * MIB);
            buffers[i] = bufpool_get(pool, asked[i]);
            MUST(buffers[i] != NULL);
            size_t aligned = flags != 0 && asked[i] > 2048 ? 4096 : 64;
            cr_assert(eq(u64, (uintptr_t)buffers[i] % aligned, 0), "get(%zu)", asked[i]);
            cr_assert(ge(sz, bufpool_capacity(pool, buffers[i]), asked[i]));
            fill(buffers[i], asked[i], i);
        }
        for (size_t i = 0; i < 100; i++)
            cr_assert(is_filled(buffers[i], asked[i], i));
        put_many(pool, buffers, 100);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.in_use_bytes, 0));
        cr_assert(eq(u64, stats.oversized_gets, 100));
        cr_assert(eq(u64, stats.refused_oversized, 100));
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when an address is used again at once: a late read would meet another's bytes instead of a fault. */
Test(conformance_debug_guard, an_address_comes_back_late)
{
    bufpool_t *pool = pool_with("guard");
    static void *seen[2000];

    for (size_t i = 0; i < 2000; i++) {
        seen[i] = bufpool_get(pool, SMALL);
        cr_assert(not(is_among(seen[i], seen, i)));
        bufpool_put(pool, seen[i]);
    }
    bufpool_destroy(pool);
}

/* Fails when the misuse of a guarded buffer is not told as any other's. */
Test(conformance_debug_guard, misuse_of_guarded_buffers_is_named)
{
    struct misuse_record misuse;
    bufpool_t *pool = pool_with("guard,canary");
    char *buffer = bufpool_get(pool, SMALL);
    char *other = bufpool_get(pool, SMALL);

    misuse_record(&misuse);
    buffer[SMALL] = 'x';
    cr_assert(not(bufpool_put(pool, buffer)));
    cr_assert(strstr(misuse.line, ": overflow: put(") != NULL, "%s", misuse.line);
    cr_assert(strstr(misuse.line, ": byte 500 is written, 500 were asked for") != NULL, "%s", misuse.line);
    bufpool_put(pool, other);
    cr_assert(eq(uint, misuse.calls, 1));
    bufpool_put(pool, other);
    cr_assert(strstr(misuse.line, ": double put: put(") != NULL, "%s", misuse.line);
    cr_assert(bufpool_resize(pool, other, 10) == NULL);
    cr_assert(strstr(misuse.line, ": resize after put: resize(") != NULL, "%s", misuse.line);
    bufpool_put(pool, buffer + 64);
    cr_assert(strstr(misuse.line, ": interior pointer: put(") != NULL, "%s", misuse.line);
    bufpool_put(pool, buffer + 1);
    cr_assert(strstr(misuse.line, ": misaligned pointer: put(") != NULL, "%s", misuse.line);
    cr_assert(eq(uint, misuse.calls, 5));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when more buffers than the system has mappings for end in a failed get. */
Test(conformance_debug_guard, gets_beyond_what_can_be_guarded_are_served_unguarded)
{
    enum { COUNT = 17000 };
    static void *buffers[COUNT];
    bufpool_t *pool = pool_with("guard");
    size_t maps = map_count();

    get_many(pool, SMALL, buffers, COUNT);
    cr_assert(lt(sz, map_count() - maps, 40000));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.oversized_gets, 16384));
    cr_assert(eq(u64, stats.carves, COUNT - 16384));
    for (size_t i = 0; i < COUNT; i++)
        fill(buffers[i], SMALL, i);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert(is_filled(buffers[i], SMALL, i));
    put_many(pool, buffers, COUNT);
    stats = stats_of(pool);
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    cr_assert(le(sz, map_count(), maps + 40));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when rounding up to pages wraps, or a size beyond all address space is taken for a small one. */
Test(conformance_debug_guard, impossible_size_is_null_with_enomem)
{
    static const size_t impossible[] = {SIZE_MAX, SIZE_MAX - 63, SIZE_MAX / 2, (size_t)1 << 46};
    bufpool_t *pool = pool_with("guard");

    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        errno = 0;
        cr_assert(bufpool_get(pool, impossible[i]) == NULL, "size %zu", impossible[i]);
        cr_assert(eq(int, errno, ENOMEM), "size %zu", impossible[i]);
    }
    cr_assert(eq(u64, stats_of(pool).failures, 4));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
