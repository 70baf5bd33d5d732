/*
 * oversized.h: the address space in granules: used up, in pieces, refused.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "hook.h"
#include "oversized.h"
#include "pools.h"
#include "region.h"

enum { GRANULES = 300, MANY = 400 }; /* not a whole number of words */

static struct oversized oversized;
static struct budget backed;

static void open_space(size_t size)
{
    budget_init(&backed, UINT64_MAX - 1);
    oversized_init(&oversized, size, region_page(), &backed);
    cr_assert(oversized.base != NULL);
}

static bool put(void *buffer)
{
    size_t capacity, inside;
    return oversized_put(&oversized, buffer, &capacity, &inside) == OVERSIZED_IN_USE;
}

static unsigned granules_taken(void)
{
    unsigned taken = 0;
    for (uint32_t i = 0; i < (oversized.granules + 63) / 64; i++)
        taken += (unsigned)__builtin_popcountll(atomic_load(&oversized.taken[i]));
    return taken;
}

/* Fails when the last granule is never used, one beyond the end is, or a full space crashes. */
Test(unit_oversized_space, used_up_space_is_enomem_and_works_again_after_a_put)
{
    static char *buffers[MANY];
    unsigned count = 0;

    open_space(GRANULES * MIB);
    while (count < MANY && (buffers[count] = oversized_get(&oversized, MIB / 2)) != NULL)
        count++;
    cr_assert(eq(uint, count, GRANULES));
    cr_assert(eq(int, errno, ENOMEM));
    cr_assert(eq(u64, atomic_load(&backed.used), GRANULES * MIB / 2));
    for (unsigned i = 0; i < GRANULES; i += 7) {
        cr_assert(put(buffers[i]));
        char *again = oversized_get(&oversized, MIB / 2);
        cr_assert(eq(ptr, again, buffers[i]), "the only room there is");
        cr_assert(eq(ptr, oversized_get(&oversized, 1), NULL));
    }
    for (unsigned i = 0; i < GRANULES; i++)
        cr_assert(put(buffers[i]));
    cr_assert(eq(uint, granules_taken(), 0));
    cr_assert(eq(u64, atomic_load(&backed.used), 0));
    oversized_end(&oversized);
}

/* Fails when a sum wraps, or the whole space cannot be had in one piece. */
Test(unit_oversized_space, largest_size_is_the_space_less_its_guard)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4095, (size_t)1 << 63, 65 * MIB, 64 * MIB};
    open_space(64 * MIB);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        errno = 0;
        cr_assert(eq(ptr, oversized_get(&oversized, sizes[i]), NULL), "%zu", sizes[i]);
        cr_assert(eq(int, errno, ENOMEM));
    }
    for (int again = 0; again < 3; again++) {
        char *buffer = oversized_get(&oversized, 64 * MIB - region_page());
        cr_assert(eq(ptr, buffer, oversized.base));
        buffer[64 * MIB - region_page() - 1] = 1;
        cr_assert(eq(ptr, oversized_get(&oversized, 1), NULL));
        cr_assert(put(buffer));
    }
    cr_assert(eq(uint, granules_taken(), 0));
    oversized_end(&oversized);
}

/* Fails when two buffers share a granule, or a hole that is large enough is not found. */
Test(unit_oversized_space, granules_never_overlap_and_holes_are_found)
{
    static char *buffers[MANY];
    static size_t sizes[MANY];
    static unsigned char owner[GRANULES];
    uint64_t state = 41;
    unsigned count = 0;

    open_space(GRANULES * MIB);
    for (int step = 0; step < 20000; step++) {
        if (count > 0 && (random_next(&state) >> 32) % 100 < (step / 1000 % 2 != 0 ? 60 : 40)) {
            unsigned i = (unsigned)(random_next(&state) % count);
            size_t first = (size_t)(buffers[i] - oversized.base) / MIB;
            memset(owner + first, 0, (sizes[i] + region_page() + MIB - 1) / MIB);
            MUST(put(buffers[i]));
            buffers[i] = buffers[--count];
            sizes[i] = sizes[count];
            continue;
        }
        size_t size = round_up(random_size(&state, 40 * MIB), region_page());
        size_t needed = (size + region_page() + MIB - 1) / MIB;
        bool has_room = oversized_has_room(&oversized, size);
        char *buffer = oversized_get(&oversized, size);
        size_t longest = 0;
        for (size_t at = 0, run = 0; at < GRANULES; at++) {
            run = owner[at] == 0 ? run + 1 : 0;
            longest = run > longest ? run : longest;
        }
        if ((buffer == NULL) != (longest < needed))
            cr_fail("%zu granules: %p, the longest hole has %zu", needed, (void *)buffer, longest);
        cr_assert(eq(int, has_room, buffer != NULL));
        if (buffer == NULL)
            continue;
        size_t first = (size_t)(buffer - oversized.base) / MIB;
        for (size_t at = first; at < first + needed; at++) {
            MUST(at < GRANULES);
            if (owner[at]++ != 0)
                cr_fail("granule %zu has two owners", at);
        }
        buffers[count] = buffer;
        sizes[count++] = size;
    }
    while (count > 0)
        MUST(put(buffers[--count]));
    cr_assert(eq(uint, granules_taken(), 0));
    cr_assert(eq(u64, atomic_load(&backed.used), 0));
    oversized_end(&oversized);
}

static bool commits_fail(enum hook_call call)
{
    return call == HOOK_COMMIT;
}

/* Fails when a get that failed keeps its granules or its charge. */
Test(unit_oversized_space, failed_commit_leaves_nothing_taken)
{
    open_space(64 * MIB);
    hook_on_call(commits_fail);
    for (int i = 0; i < 200; i++) {
        errno = 0;
        cr_assert(eq(ptr, oversized_get(&oversized, 3 * MIB), NULL));
        cr_assert(eq(int, errno, ENOMEM));
    }
    hook_on_call(NULL);
    cr_assert(eq(uint, granules_taken(), 0));
    cr_assert(eq(u64, atomic_load(&backed.used), 0));
    cr_assert(eq(u64, atomic_load(&oversized.in_use_bytes), 0));
    cr_assert(put(oversized_get(&oversized, 60 * MIB)));
    oversized_end(&oversized);
}

static unsigned reservations_left;

static bool reservations_fail(enum hook_call call)
{
    return call == HOOK_RESERVE && reservations_left-- > 0;
}

static unsigned maps;

static bool maps_fail(enum hook_call call)
{
    return call == HOOK_MAP;
}

static bool first_map_fails(enum hook_call call)
{
    return call == HOOK_MAP && maps++ == 0;
}

/* Fails when books that could not be had once leave a pool that never serves an oversized buffer. */
Test(unit_oversized_space, books_that_cannot_be_had_once_make_the_space_smaller)
{
    hook_on_call(first_map_fails);
    open_space(64 * MIB);
    hook_on_call(NULL);
    cr_assert(eq(sz, oversized.size, 32 * MIB));
    cr_assert(put(oversized_get(&oversized, 20 * MIB)));
    oversized_end(&oversized);
}

/* Fails when a pool without room for oversized buffers crashes instead of saying ENOMEM. */
Test(unit_oversized_space, space_that_cannot_be_had_is_smaller_or_none)
{
    reservations_left = 2;
    hook_on_call(reservations_fail);
    open_space(64 * MIB);
    hook_on_call(NULL);
    cr_assert(eq(sz, oversized.size, 16 * MIB));
    cr_assert(put(oversized_get(&oversized, 10 * MIB)));
    oversized_end(&oversized);

    for (int books = 0; books < 2; books++) {
        reservations_left = 1000;
        hook_on_call(books ? maps_fail : reservations_fail);
        oversized_init(&oversized, 64 * MIB, region_page(), &backed);
        hook_on_call(NULL);
        cr_assert(eq(ptr, oversized.base, NULL));
        cr_assert(not(oversized_has(&oversized, NULL)));
        cr_assert(not(oversized_has(&oversized, &oversized)));
        for (size_t size = 0; size < 2 * MIB; size += MIB / 2) {
            errno = 0;
            cr_assert(eq(ptr, oversized_get(&oversized, size), NULL), "%zu", size);
            cr_assert(eq(int, errno, ENOMEM));
        }
        cr_assert(eq(u64, atomic_load(&backed.used), 0));
        oversized_end(&oversized);
    }
}
