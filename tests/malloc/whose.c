/*
 * Who serves what, and that memory finds its way back by its address alone.
 */
#include <bufpool/malloc.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "misuse.h"
#include "pools.h"
#include "process.h"

/* Does the pool know it as a buffer? A foreign address is misuse, which goes to `record`. */
static bool is_the_pool_s(const void *memory)
{
    struct misuse_record record;
    misuse_record(&record);
    return bufpool_capacity(NULL, memory) != 0;
}

/* Fails when small requests fill buffers four times their size and more, or larger ones stay outside. */
Test(malloc_whose, up_to_half_the_smallest_tier_goes_to_the_c_library)
{
    for (size_t size = 0; size <= 520; size++) {
        void *memory[] = {bufpool_malloc(size), bufpool_calloc(size, 1), bufpool_realloc(NULL, size),
                          bufpool_aligned_alloc(8, (size + 7) & ~(size_t)7)};
        for (int i = 0; i < 4; i++) {
            cr_assert(memory[i] != NULL);
            cr_assert(is_the_pool_s(memory[i]) == (size > 256), "size %zu, call %d", size, i);
            bufpool_free(memory[i]);
        }
    }
    void *largest = bufpool_malloc(MIB + 192);
    void *larger = bufpool_malloc(MIB + 193);
    cr_assert(is_the_pool_s(largest) && is_the_pool_s(larger));
    cr_assert(eq(u64, stats_of(NULL).oversized_gets, 1));
    bufpool_free(largest);
    bufpool_free(larger);
}

/* Fails when an alignment is promised that the pool does not have. */
Test(malloc_whose, alignments_above_64_go_to_the_c_library)
{
    for (size_t alignment = 1; alignment <= 8192; alignment *= 2) {
        void *memory = bufpool_aligned_alloc(alignment, 8192);
        cr_assert(is_the_pool_s(memory) == (alignment <= 64), "alignment %zu", alignment);
        bufpool_free(memory);
    }
}

/* Fails when the face must be there first: it is used on memory from before it ever was. */
Test(malloc_whose, it_may_be_installed_late)
{
    char *small = malloc(100);
    char *large = malloc(100 * KIB);
    char *grown = malloc(100 * KIB);
    char *dropped = malloc(3 * MIB);

    fill(small, 100, 1);
    fill(large, 100 * KIB, 2);
    fill(grown, 100 * KIB, 3);
    bufpool_free(dropped);
    small = bufpool_realloc(small, 5000);
    large = bufpool_realloc(large, 200);
    grown = bufpool_realloc(grown, 4 * MIB); /* beyond the largest tier: the C library moves its pages */
    cr_assert(is_filled(small, 100, 1) && is_the_pool_s(small));
    cr_assert(is_filled(large, 200, 2) && !is_the_pool_s(large));
    cr_assert(is_filled(grown, 100 * KIB, 3) && !is_the_pool_s(grown));
    free(large);
    free(grown); /* they are the C library's: both ways */
    small = bufpool_realloc(small, 50);
    cr_assert(is_filled(small, 50, 1) && !is_the_pool_s(small));
    free(small);
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}

/* Fails when an address of the pool reaches the C library's free, which would take it for its own. */
Test(malloc_whose, an_interior_pointer_is_named_and_nothing_else_happens)
{
    const size_t sizes[] = {600, 5000, 20000, MIB, 3 * MIB};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct misuse_record record = {.calls = 0};
        char *memory = bufpool_malloc(sizes[i]);
        fill(memory, sizes[i], i);
        uint64_t in_use = stats_of(NULL).in_use_bytes;
        misuse_record(&record);
        bufpool_free(memory + 64);
        cr_assert(eq(uint, record.calls, 1));
        cr_assert(strstr(record.line, "interior") != NULL, "%s", record.line);
        bufpool_free(memory + 1);
        cr_assert(strstr(record.line, "misaligned") != NULL, "%s", record.line);
        errno = 0;
        cr_assert(bufpool_realloc(memory + 128, 100) == NULL);
        cr_assert(eq(int, errno, EINVAL));
        cr_assert(bufpool_realloc(memory + 128, 9000) == NULL);
        cr_assert(eq(sz, bufpool_malloc_usable_size(memory + 192), 0));
        cr_assert(eq(uint, record.calls, 5));
        cr_assert(eq(u64, stats_of(NULL).in_use_bytes, in_use));
        cr_assert(is_filled(memory, sizes[i], i));
        bufpool_free(memory);
        cr_assert(eq(uint, record.calls, 5));
        bufpool_free(memory);
        cr_assert(eq(uint, record.calls, 6));
        cr_assert(strstr(record.line, "double put") != NULL, "%s", record.line);
    }
}

static int fill_a_small_address_space(void *arg)
{
    enum { PIECES = 60 };
    static char *memory[PIECES];
    struct rlimit limit = {.rlim_cur = status_bytes("VmSize") + 400 * MIB, .rlim_max = RLIM_INFINITY};
    struct misuse_record record;
    size_t size = *(size_t *)arg;
    unsigned foreign = 0;

    MUST(setrlimit(RLIMIT_AS, &limit) == 0);
    errno = 4711;
    for (unsigned i = 0; i < PIECES; i++) {
        memory[i] = bufpool_malloc(size);
        if (memory[i] == NULL || errno != 4711)
            return 1;
        fill(memory[i], size, i);
    }
    misuse_record(&record);
    for (unsigned i = 0; i < PIECES; i++)
        foreign += bufpool_capacity(NULL, memory[i]) == 0;
    if (foreign == 0 || foreign == PIECES)
        return 2;
    /* Both kinds grow, which copies them, and shrink. */
    for (unsigned i = 0; i < PIECES; i++) {
        memory[i] = bufpool_realloc(memory[i], size + size / 2);
        if (memory[i] == NULL || !is_filled(memory[i], size, i))
            return 3;
        memory[i] = bufpool_realloc(memory[i], size);
        if (memory[i] == NULL || !is_filled(memory[i], size, i))
            return 4;
    }
    for (unsigned i = 0; i < PIECES; i++)
        bufpool_free(memory[i]);
    return stats_of(NULL).in_use_bytes == 0 && errno == 4711 ? 0 : 5;
}

/* Fails when a drop-in malloc is out of memory because the pool's share of a small address space is: tiers of
 * 8 MiB and 32 MiB for oversized ones. */
Test(malloc_whose, a_full_pool_is_helped_by_the_c_library, .disabled = UNDER_SANITIZER)
{
    size_t sizes[] = {2 * MIB, MIB};

    for (int i = 0; i < 2; i++) {
        struct child_end end = child_run(fill_a_small_address_space, &sizes[i]);
        cr_assert(child_exited(&end, 0), "status %#x %s", (unsigned)end.status, end.errors);
    }
}

static int without_a_pool(void *arg)
{
    char *memory[64];

    (void)arg;
    MUST(setenv("BUFPOOL_DEBUG", "no-such-word", 1) == 0);
    errno = 4711;
    for (size_t i = 0; i < 64; i++) {
        memory[i] = i % 2 == 0 ? bufpool_malloc(100 * i + 1) : bufpool_calloc(100 * i + 1, 1);
        if (memory[i] == NULL || errno != 4711)
            return 1;
        fill(memory[i], 100 * i + 1, i);
    }
    MUST(unsetenv("BUFPOOL_DEBUG") == 0);
    for (size_t i = 0; i < 64; i++) {
        memory[i] = bufpool_realloc(memory[i], 100 * i + 2000);
        if (memory[i] == NULL || !is_filled(memory[i], 100 * i + 1, i) || errno != 4711)
            return 2;
    }
    if (stats_of(NULL).in_use_bytes == 0) /* what was asked for since it can be made */
        return 3;
    for (size_t i = 0; i < 64; i++)
        bufpool_free(memory[i]);
    return stats_of(NULL).in_use_bytes == 0 ? 0 : 4;
}

/* Fails when there is no malloc without a pool; or when each call tries again to make one, and says why it
 * cannot. */
Test(malloc_whose, without_a_pool_the_c_library_serves_and_little_is_said)
{
    struct child_end end = child_run(without_a_pool, NULL);
    cr_assert(child_exited(&end, 0), "status %#x %s", (unsigned)end.status, end.errors);
    cr_assert(count_lines(end.errors) >= 1 && count_lines(end.errors) <= 8, "%s", end.errors);
}
