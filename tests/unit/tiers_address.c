/*
 * tiers.h: addresses to buffers. No memory is touched: the addresses are numbers.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pools.h"
#include "tiers.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define BASE ((uintptr_t)1 << 45)

static const size_t sizes[] = {64,    192,   512,   640,   1024,  1536,    4096,     8192,
                               15000, 16384, 20000, 65536, 81920, 1048576, 33333333, 1u << 30};

static struct tiers tiers;

static struct tier *place_one(size_t size)
{
    const struct tiers_plan plan = {.list = &size, .list_count = 1};
    cr_assert(tiers_plan(&tiers, &plan, 4096) == 0);
    tiers_place(&tiers, BASE, tiers_shift_max(&tiers));
    return &tiers.tier[0];
}

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

static bool holds_slowly(const struct tier *tier, uint64_t address)
{
    return address >= tier->origin && (address - tier->origin) % tier->stride == 0 &&
           address - tier->origin < atomic_load(&tier->committed);
}

static bool agrees(const struct tier *tier, uint64_t address)
{
    return tier_holds(tier, at(address)) == holds_slowly(tier, address);
}

/* Every byte from 200 below to 200 above buffer `index`. */
static bool agrees_around(const struct tier *tier, uint64_t index)
{
    uint64_t middle = tier->origin + index * tier->stride;
    bool good = true;
    for (uint64_t address = middle - 200; address != middle + 201; address++)
        good = good && agrees(tier, address);
    return good;
}

static uint64_t fill_span(struct tier *tier)
{
    uint64_t count = tiers_span_count(&tiers, 0);
    atomic_store(&tier->committed, count * tier->stride);
    return count;
}

/* Fails when the multiplication takes an address for a buffer's begin that is none, or the other way round.
 */
Test(unit_tiers_address, holds_is_exact_for_every_byte_near_a_buffers_begin)
{
    uint64_t state = 3;
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct tier *tier = place_one(sizes[i]);
        uint64_t count = fill_span(tier);
        cr_assert(gt(u64, count, 0));
        bool good = agrees_around(tier, 0) && agrees_around(tier, 1) && agrees_around(tier, count - 1) &&
                    agrees_around(tier, count);
        for (int round = 0; round < 500; round++)
            good = good && agrees_around(tier, random_next(&state) % count);
        cr_assert(good, "tier %zu", sizes[i]);
    }
}

/* Fails when the product wraps where nobody looked: any offset of the span, any address at all. */
Test(unit_tiers_address, holds_is_exact_for_millions_of_random_addresses)
{
    uint64_t state = 5;
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct tier *tier = place_one(sizes[i]);
        uint64_t span = UINT64_C(1) << tiers.span_shift;
        uint64_t count = fill_span(tier);
        unsigned faults = 0;
        for (int round = 0; round < 300000; round++) {
            uint64_t number = random_next(&state) >> 8;
            faults += !agrees(tier, BASE + number % span);
            faults += !agrees(tier, BASE + number % count * tier->stride);
            faults += !agrees(tier, BASE + number % span / LINE_SIZE * LINE_SIZE);
            faults += !agrees(tier, random_next(&state));
        }
        cr_assert(eq(uint, faults, 0), "tier %zu", sizes[i]);
    }
}

/* Fails when what is below the span, or not committed yet, passes for a buffer. */
Test(unit_tiers_address, holds_nothing_below_origin_or_above_committed)
{
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct tier *tier = place_one(sizes[i]);
        cr_assert(not(tier_holds(tier, at(tier->base))), "nothing is committed yet");
        atomic_store(&tier->committed, tier->stride);
        cr_assert(tier_holds(tier, at(tier->base)));
        cr_assert(not(tier_holds(tier, at(tier->base + tier->stride))));
        for (uint64_t below = 1; below < 5000; below++)
            if (tier_holds(tier, at(tier->base - below * tier->stride)) ||
                tier_holds(tier, at(tier->base - below)))
                cr_fail("tier %zu, %zu below", sizes[i], (size_t)below);
        cr_assert(not(tier_holds(tier, NULL)));
    }
}

/* Fails when a forked child takes its parent's buffers for its own carving, or its own for the parent's. */
Test(unit_tiers_address, childs_own_buffers_begin_at_first)
{
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct tier *tier = place_one(sizes[i]);
        uint32_t count = tiers_span_count(&tiers, 0);
        uint32_t last = count < 20 ? count : 20;
        tier->first = last / 2;
        tier->origin = tier->base + tier->first * tier->stride;
        atomic_store(&tier->committed, (last - tier->first) * tier->stride);
        for (uint32_t index = 0; index < last; index++) {
            void *buffer = tier_address(tier, index);
            cr_assert(eq(int, tier_inherited(tier, buffer), index < tier->first));
            cr_assert(eq(int, tier_holds(tier, buffer), index >= tier->first));
            cr_assert(tier->stride == 64 || !tier_inherited(tier, (char *)buffer + 64));
            cr_assert(not(tier_inherited(tier, (char *)buffer + 1)));
        }
        cr_assert(not(tier_inherited(tier, at(tier->base - tier->stride))));
    }
}

/* Fails when the first or the last byte of a buffer is counted to its neighbour. */
Test(unit_tiers_address, index_and_address_are_inverse)
{
    uint64_t state = 9;
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct tier *tier = place_one(sizes[i]);
        uint64_t count = tiers_span_count(&tiers, 0);
        unsigned faults = 0;
        for (int round = 0; round < 100000; round++) {
            uint64_t index = random_next(&state) % count;
            char *buffer = tier_address(tier, index);
            faults += tier_index(tier, buffer) != index;
            faults += tier_index(tier, buffer + tier->stride - 1) != index;
            faults += tiers_of_address(&tiers, buffer + tier->stride - 1) != 0;
        }
        cr_assert(eq(uint, faults, 0), "tier %zu", sizes[i]);
    }
}

/* Fails when the byte behind the last span belongs to a tier, or one below the first does. */
Test(unit_tiers_address, every_span_border_divides_two_tiers)
{
    const struct tiers_plan plan = {.min_size = 512, .max_size = MIB, .steps = 1};
    cr_assert(tiers_plan(&tiers, &plan, 4096) == 0);
    for (unsigned shift = 23; shift <= 34; shift++) {
        tiers_place(&tiers, BASE + 4096, shift);
        for (unsigned i = 0; i < tiers.count; i++) {
            uintptr_t base = tiers.tier[i].base;
            cr_assert(eq(u64, tiers_of_address(&tiers, at(base)), i));
            cr_assert(eq(u64, tiers_of_address(&tiers, at(base + (UINT64_C(1) << shift) - 1)), i));
        }
        uint64_t end = (uint64_t)tiers.count << shift;
        cr_assert(ge(u64, tiers_of_address(&tiers, at(tiers.base - 1)), tiers.count));
        cr_assert(ge(u64, tiers_of_address(&tiers, at(tiers.base + end)), tiers.count));
        cr_assert(ge(u64, tiers_of_address(&tiers, NULL), tiers.count));
        cr_assert(ge(u64, tiers_of_address(&tiers, at(UINTPTR_MAX)), tiers.count));
    }
}

/* Fails when a span holds less than one buffer, or more than divides exactly and 28 bits count. */
Test(unit_tiers_address, span_limits_keep_division_exact)
{
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        const struct tier *tier = place_one(sizes[i]);
        unsigned least = tiers_shift_min(&tiers);
        unsigned most = tiers_shift_max(&tiers);
        cr_assert(ge(u64, UINT64_C(1) << least, tier->stride));
        cr_assert(lt(u64, UINT64_C(1) << (least - 1), tier->stride));
        cr_assert(ge(uint, most, least));
        cr_assert(le(uint, most, TIERS_SHIFT_MAX));
        cr_assert(le(uint, most + log2_ceil(tier->stride), 63));
        cr_assert(lt(u64, tiers_span_count(&tiers, 0), TIER_BUFFERS_MAX));
        tiers_place(&tiers, BASE, least);
        cr_assert(eq(u64, tiers_span_count(&tiers, 0), (UINT64_C(1) << least) / tier->stride));
    }
}
