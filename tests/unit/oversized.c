/*
 * oversized.h: what a buffer is, what is behind it, and what an address means.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "oversized.h"
#include "pools.h"
#include "process.h"
#include "region.h"

static struct oversized oversized;
static struct budget backed;
static size_t capacity, inside;

static void open_space(size_t size)
{
    budget_init(&backed, UINT64_MAX - 1);
    oversized_init(&oversized, size, region_page(), &backed);
    cr_assert(oversized.base != NULL);
}

static char *get(size_t size)
{
    char *buffer = oversized_get(&oversized, size);
    MUST(buffer != NULL);
    return buffer;
}

static enum oversized_state put(void *buffer)
{
    return oversized_put(&oversized, buffer, &capacity, &inside);
}

static enum oversized_state look(const void *address)
{
    return oversized_look(&oversized, address, &capacity, &inside);
}

/* Fails when a size beside a page or a granule gets too little, or memory that is not there. */
Test(unit_oversized, whole_capacity_is_writable_and_begins_as_zeros)
{
    static const size_t sizes[] = {0,   1,       4096,        4097,        MIB - 4096,  MIB - 4095,
                                   MIB, MIB + 1, 2 * MIB - 1, 5 * MIB - 7, 63 * MIB + 1};
    open_space(256 * MIB);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *buffer = get(sizes[i]);
        cr_assert(eq(int, look(buffer), OVERSIZED_IN_USE));
        cr_assert(gt(sz, capacity, 0));
        cr_assert(ge(sz, capacity, sizes[i]));
        cr_assert(lt(sz, capacity, sizes[i] + 2 * region_page()));
        cr_assert(is_zero(buffer, capacity));
        memset(buffer, 0xa5, capacity);
        cr_assert(eq(u64, atomic_load(&backed.used), capacity));
        cr_assert(eq(u64, atomic_load(&oversized.in_use_bytes), capacity));
        cr_assert(eq(int, put(buffer), OVERSIZED_IN_USE));
        cr_assert(eq(u64, atomic_load(&backed.used), 0));
        cr_assert(eq(u64, atomic_load(&oversized.in_use_bytes), 0));
    }
    oversized_end(&oversized);
}

/* Fails when a neighbour begins right behind: an overrun would corrupt it in silence. */
Test(unit_oversized, page_behind_each_buffer_is_a_guard)
{
    open_space(256 * MIB);
    for (size_t size = MIB - 3 * 4096; size <= 3 * MIB; size += 4096) {
        char *buffer = get(size);
        char *next = get(size);
        look(buffer);
        cr_assert(is_readable(buffer + capacity - 1), "%zu", size);
        cr_assert(not(is_readable(buffer + capacity)), "%zu", size);
        cr_assert(next < buffer || next >= buffer + capacity + region_page());
        put(buffer);
        put(next);
    }
    oversized_end(&oversized);
}

static int overrun(void *arg)
{
    (void)arg;
    open_space(64 * MIB);
    char *buffer = get(MIB);
    look(buffer);
    memset(buffer, 1, capacity);
    *(volatile char *)(buffer + capacity) = 1;
    return 0;
}

static int use_after_put(void *arg)
{
    (void)arg;
    open_space(64 * MIB);
    char *buffer = get(2 * MIB);
    buffer[0] = 1;
    put(buffer);
    return *(volatile char *)buffer;
}

/* Fails when one byte too many, or a byte too late, goes unnoticed. */
Test(unit_oversized, overrun_and_use_after_put_fault)
{
    struct child_end end = child_run(overrun, NULL);
    cr_assert(child_died(&end, SIGSEGV));
    end = child_run(use_after_put, NULL);
    cr_assert(child_died(&end, SIGSEGV));
}

/* Fails when pages of a released buffer stay, or a stale pointer still works. */
Test(unit_oversized, released_buffer_is_inaccessible)
{
    open_space(64 * MIB);
    char *buffer = get(3 * MIB);
    memset(buffer, 1, 3 * MIB);
    cr_assert(eq(int, put(buffer), OVERSIZED_IN_USE));
    for (size_t at = 0; at < 3 * MIB; at += 64 * KIB)
        cr_assert(not(is_readable(buffer + at)));
    cr_assert(eq(sz, present_bytes(buffer, 3 * MIB), 0));
    oversized_end(&oversized);
}

/* Fails when a pointer that is no buffer's begin is told as one, or as the wrong fault. */
Test(unit_oversized, every_address_is_what_it_is)
{
    open_space(64 * MIB);
    char *buffer = get(3 * MIB);
    look(buffer);
    size_t whole = capacity;
    for (size_t at = 64; at < whole; at += at < 8192 ? 64 : 64 * 1021) {
        cr_assert(eq(int, look(buffer + at), OVERSIZED_INTERIOR), "%zu", at);
        cr_assert(eq(sz, inside, at));
        cr_assert(eq(int, put(buffer + at), OVERSIZED_INTERIOR));
        cr_assert(eq(int, look(buffer + at + 1), OVERSIZED_MISALIGNED));
        cr_assert(eq(int, put(buffer + at + 63), OVERSIZED_MISALIGNED));
    }
    cr_assert(eq(int, look(buffer + whole), OVERSIZED_FREE));
    cr_assert(eq(int, look(buffer + 4 * MIB), OVERSIZED_FREE));
    cr_assert(eq(int, put(buffer + 4 * MIB), OVERSIZED_FREE));
    cr_assert(eq(int, look(oversized.base + oversized.size - 64), OVERSIZED_FREE));
    cr_assert(eq(int, look(buffer), OVERSIZED_IN_USE));
    cr_assert(eq(int, put(buffer), OVERSIZED_IN_USE));
    cr_assert(eq(int, put(buffer), OVERSIZED_FREE));
    cr_assert(eq(int, look(buffer + 64), OVERSIZED_FREE));
    cr_assert(eq(u64, atomic_load(&backed.used), 0));
    oversized_end(&oversized);
}

/* Fails when a size that is no whole number of granules makes addresses that have no book. */
Test(unit_oversized, every_address_it_has_lies_in_a_granule)
{
    static const size_t sizes[] = {8 * MIB, 9 * MIB + 4096, 252 * MIB + 512 * KIB, 100 * MIB - 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        open_space(sizes[i]);
        cr_assert(oversized_has(&oversized, oversized.base));
        cr_assert(oversized_has(&oversized, oversized.base + oversized.size - 1));
        cr_assert(not(oversized_has(&oversized, oversized.base + oversized.size)));
        cr_assert(not(oversized_has(&oversized, oversized.base - 1)));
        cr_assert(le(u64, oversized.size, oversized.granules * GRANULE));
        cr_assert(eq(int, look(oversized.base + oversized.size - 64), OVERSIZED_FREE));
        oversized_end(&oversized);
        cr_assert(not(oversized_has(&oversized, NULL)));
    }
}

/* Fails when max_bytes is passed, or what failed stays charged. */
Test(unit_oversized, max_bytes_bounds_them_exactly)
{
    open_space(64 * MIB);
    budget_init(&backed, 4 * MIB);
    char *first = get(3 * MIB);
    errno = 0;
    cr_assert(eq(ptr, oversized_get(&oversized, MIB + 1), NULL));
    cr_assert(eq(int, errno, ENOMEM));
    char *second = get(MIB);
    cr_assert(eq(u64, atomic_load(&backed.used), 4 * MIB));
    put(first);
    first = get(2 * MIB);
    put(first);
    put(second);
    cr_assert(eq(u64, atomic_load(&backed.used), 0));
    oversized_end(&oversized);
}

/* Fails when a child's accounts lose what it never got, or an inherited buffer cannot be put. */
Test(unit_oversized, inherited_buffer_is_put_without_being_counted)
{
    open_space(64 * MIB);
    char *inherited = get(2 * MIB);
    memset(inherited, 1, 2 * MIB);
    oversized_after_fork(&oversized);
    budget_init(&backed, UINT64_MAX - 1);
    cr_assert(eq(u64, atomic_load(&oversized.in_use_bytes), 0));
    char *own = get(MIB);
    cr_assert(eq(int, put(inherited), OVERSIZED_IN_USE));
    cr_assert(eq(u64, atomic_load(&oversized.in_use_bytes), MIB));
    cr_assert(eq(u64, atomic_load(&backed.used), MIB));
    cr_assert(not(is_readable(inherited)));
    cr_assert(eq(int, put(own), OVERSIZED_IN_USE));
    cr_assert(eq(u64, atomic_load(&oversized.in_use_bytes), 0));
    oversized_end(&oversized);
}
