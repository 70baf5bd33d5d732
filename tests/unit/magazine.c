/*
 * magazine.h: an array that moves as one.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "magazine.h"
#include "pools.h"

static struct magazine from, to;

static void *number(uintptr_t value)
{
    return (void *)(value * 64); // NOLINT(performance-no-int-to-ptr)
}

static void hold(struct magazine *magazine, unsigned count, uintptr_t first)
{
    magazine_set_count(magazine, 0);
    for (unsigned i = 0; i < count; i++)
        magazine_add(magazine, number(first + i));
}

/* Fails when the oldest is taken: it is the coldest in the caches. */
Test(unit_magazine, last_added_is_first_taken)
{
    hold(&from, MAGAZINE_MAX, 1);
    cr_assert(eq(uint, magazine_count(&from), MAGAZINE_MAX));
    for (uintptr_t i = MAGAZINE_MAX; i >= 1; i--)
        cr_assert(eq(ptr, magazine_take(&from), number(i)));
    cr_assert(eq(uint, magazine_count(&from), 0));
}

/* Fails when a pour drops or doubles a buffer, or goes beyond the tier's magazine. */
Test(unit_magazine, pour_moves_until_one_is_full_or_the_other_empty)
{
    for (unsigned size = 1; size <= MAGAZINE_MAX; size++) {
        for (unsigned a = 0; a <= size; a += 3) {
            for (unsigned b = 0; b <= size; b += 2) {
                bool seen[2 * MAGAZINE_MAX + 1] = {false};
                hold(&to, a, 1);
                hold(&from, b, MAGAZINE_MAX + 1);
                magazine_pour(&to, &from, size);
                bool good = magazine_count(&to) == min_u64(size, a + b) &&
                            magazine_count(&to) + magazine_count(&from) == a + b;
                for (unsigned total = a + b; total > 0 && good; total--) {
                    void *buffer = magazine_take(magazine_count(&to) > 0 ? &to : &from);
                    uintptr_t value = (uintptr_t)buffer / 64;
                    good = value >= 1 && value <= 2 * MAGAZINE_MAX && !seen[value];
                    seen[value] = good;
                }
                cr_assert(good, "%u and %u of %u", a, b, size);
            }
        }
    }
}

/* Fails when a large tier's magazines hold 64 MiB, or none at all. */
Test(unit_magazine, magazine_moves_at_most_1_mib_and_at_least_one)
{
    cr_assert(eq(u32, magazine_size(64), MAGAZINE_MAX));
    cr_assert(eq(u32, magazine_size(512), MAGAZINE_MAX));
    cr_assert(eq(u32, magazine_size(16384), MAGAZINE_MAX));
    cr_assert(eq(u32, magazine_size(65536), 16));
    cr_assert(eq(u32, magazine_size(MIB), 1));
    cr_assert(eq(u32, magazine_size(1024 * MIB), 1));
    for (size_t size = 64; size <= 4 * MIB; size += 64) {
        uint32_t count = magazine_size(size);
        if (count < 1 || count > MAGAZINE_MAX || (count > 1 && count * size > MAGAZINE_BYTES))
            cr_fail("tier %zu: %u a magazine", size, count);
    }
}

/* Fails when place and tier do not fit their bytes: the accounts would name another tier. */
Test(unit_magazine, place_and_tier_are_told_as_set)
{
    for (unsigned tier = 0; tier < 64; tier++)
        for (enum place place = PLACE_HAND; place < PLACES; place++) {
            magazine_set_place(&from, place, tier);
            cr_assert(eq(uint, atomic_load(&from.tier), tier));
            cr_assert(eq(uint, atomic_load(&from.place), place));
        }
}
