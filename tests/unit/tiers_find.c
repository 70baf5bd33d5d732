/*
 * tiers.h: tiers_find and the `direct` table against a search through all tiers.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pools.h"
#include "tiers.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static struct tiers tiers;

static void plan(const struct tiers_plan *plan)
{
    cr_assert(tiers_plan(&tiers, plan, 4096) == 0);
}

static unsigned find_slowly(uint64_t size)
{
    for (unsigned i = 0; i < tiers.count; i++)
        if (tiers.tier[i].capacity >= size)
            return i;
    return TIER_NONE;
}

/* Every size up to one above the largest; the first that is filed wrongly, or SIZE_MAX. */
static size_t first_lost_size(void)
{
    for (uint64_t size = 0; size <= tiers.largest + 1; size++)
        if (tiers_find(&tiers, size) != find_slowly(size))
            return size;
    return SIZE_MAX;
}

/* The same of what a hit does: (size - 1) / LINE_SIZE, then one load; of larger ones, a look at the capacity
 * too. */
static uint64_t hit_s_line(uint64_t size)
{
    if ((size - 1) / LINE_SIZE < TIERS_DIRECT)
        return tiers.direct[(size - 1) / LINE_SIZE];
    return (size - 1) / COARSE_STEP < TIERS_COARSE ? tiers_line_of_large(&tiers, size)
                                                   : tiers_line_of_any(&tiers, size);
}

static size_t first_lost_line(void)
{
    for (uint64_t size = 0; size <= max_u64(TIERS_COARSE * COARSE_STEP, tiers.largest) + 1; size++) {
        unsigned tier = find_slowly(size);
        if (hit_s_line(size) != tiers_line(tier == TIER_NONE ? tiers.count : tier))
            return size;
    }
    return hit_s_line(SIZE_MAX) == tiers_line(tiers.count) ? SIZE_MAX : 0;
}

static void check_every_size(void)
{
    cr_assert(eq(sz, first_lost_size(), SIZE_MAX));
    cr_assert(eq(sz, first_lost_line(), SIZE_MAX));
}

/* Fails when a size beside a power of two, or beside a headroom, goes to the tier next door. */
Test(unit_tiers_find, every_size_of_the_default_tiers_is_found)
{
    plan(&(struct tiers_plan){.min_size = 512, .max_size = MIB, .steps = 1});
    check_every_size();
}

/* Fails when several tiers of one eighth of a doubling are not told apart. */
Test(unit_tiers_find, every_size_of_four_steps_is_found)
{
    plan(&(struct tiers_plan){.min_size = 512, .max_size = MIB, .steps = 4});
    check_every_size();
    plan(&(struct tiers_plan){.min_size = 320, .max_size = 300000, .steps = 2});
    check_every_size();
}

/* Fails when tiers are assumed to be like each other. */
Test(unit_tiers_find, every_size_of_an_unlike_list_is_found)
{
    static const size_t unlike[] = {512, 1024, 4096, 15000};
    static const size_t close[] = {16320, 16384, 16448, 16512, 16576, 65600, 65664};
    static const size_t wide[] = {64, 900000};

    plan(&(struct tiers_plan){.list = unlike, .list_count = LENGTH(unlike)});
    check_every_size();
    plan(&(struct tiers_plan){.list = close, .list_count = LENGTH(close)});
    check_every_size();
    plan(&(struct tiers_plan){.list = wide, .list_count = LENGTH(wide)});
    check_every_size();
}

/* Fails when a table entry names a tier that is too large because eighths hold eight tiers. */
Test(unit_tiers_find, every_size_of_64_tiers_a_line_apart_is_found)
{
    static const size_t begins[] = {64, 12288, 16384, 61440};
    size_t list[64];

    for (size_t b = 0; b < LENGTH(begins); b++) {
        for (size_t i = 0; i < 64; i++)
            list[i] = begins[b] + 64 * i;
        plan(&(struct tiers_plan){.list = list, .list_count = 64});
        check_every_size();
    }
}

/* Fails when first and last tier are one and the table has no way round that. */
Test(unit_tiers_find, every_size_of_one_tier_is_found)
{
    static const size_t sizes[] = {64, 512, 4096, 16384, 66368, 66560, 66624, 1000000};

    for (size_t i = 0; i < LENGTH(sizes); i++) {
        plan(&(struct tiers_plan){.list = &sizes[i], .list_count = 1});
        check_every_size();
    }
}

/* Fails when a list nobody thought of breaks the tables. */
Test(unit_tiers_find, every_size_of_random_lists_is_found)
{
    uint64_t state = 11;
    size_t list[64];

    for (int round = 0; round < 60; round++) {
        size_t count = 1 + random_next(&state) % 64;
        for (size_t i = 0; i < count; i++)
            list[i] = random_size(&state, 100000);
        plan(&(struct tiers_plan){.list = list, .list_count = count});
        check_every_size();
    }
}

/* Fails when an index of the large tables runs out of its array or wraps, up to 1 GiB and beyond. */
Test(unit_tiers_find, sizes_beside_large_capacities_are_found)
{
    plan(&(struct tiers_plan){.min_size = 4096, .max_size = TIER_SIZE_MAX, .steps = 2});
    for (unsigned i = 0; i < tiers.count; i++) {
        uint64_t capacity = tiers.tier[i].capacity;
        cr_assert(eq(uint, tiers_find(&tiers, capacity), i));
        cr_assert(eq(uint, tiers_find(&tiers, capacity - 1), i));
        cr_assert(eq(uint, tiers_find(&tiers, capacity + 1), i + 1 < tiers.count ? i + 1 : TIER_NONE));
    }
    cr_assert(eq(uint, tiers_find(&tiers, UINT64_MAX), TIER_NONE));
    cr_assert(eq(uint, tiers_find(&tiers, UINT64_C(1) << 63), TIER_NONE));
}
