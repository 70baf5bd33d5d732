/*
 * base.h: roundings, logarithms and masks against their definitions.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base.h"
#include "pools.h"

/* Fails when a shift by 64 or an off-by-one gets into the mask: purges would claim a neighbour. */
Test(unit_base, bits_between_are_the_bits_from_one_to_the_other)
{
    unsigned faults = 0;
    for (unsigned from = 0; from < 64; from++) {
        for (unsigned to = from; to < 64; to++) {
            uint64_t expected = 0;
            for (unsigned bit = from; bit <= to; bit++)
                expected |= UINT64_C(1) << bit;
            faults += bits_between(from, to) != expected;
        }
    }
    cr_assert(eq(uint, faults, 0));
}

/* Fails when a value that is a multiple already is moved, or a rounding goes the wrong way. */
Test(unit_base, rounding_finds_the_nearest_multiple_on_its_side)
{
    uint64_t state = 1;
    unsigned faults = 0;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t unit = UINT64_C(1) << random_next(&state) % 31;
        uint64_t value = random_next(&state) >> 24;
        uint64_t up = round_up(value, unit);
        uint64_t down = round_down(value, unit);
        faults += up % unit != 0 || up < value || up - value >= unit;
        faults += down % unit != 0 || down > value || value - down >= unit;
    }
    cr_assert(eq(uint, faults, 0));
}

/* Fails when a power of two has the logarithm of its neighbour. */
Test(unit_base, logarithms_enclose_the_value)
{
    unsigned faults = 0;
    for (unsigned power = 1; power < 64; power++) {
        uint64_t value = UINT64_C(1) << power;
        faults += log2_floor(value) != power || log2_ceil(value) != power;
        faults += log2_floor(value - 1) != power - 1;
        faults += value > 2 && log2_ceil(value - 1) != power;
        faults += log2_floor(value + 1) != power || (power < 63 && log2_ceil(value + 1) != power + 1);
    }
    cr_assert(eq(uint, faults, 0));
    cr_assert(eq(uint, log2_floor(1), 0));
    cr_assert(eq(uint, log2_ceil(1), 0));
    cr_assert(eq(uint, log2_ceil(0), 0));
}

/* Fails when a gauge that was read too late shows 2^64 less a few. */
Test(unit_base, subtract_to_zero_does_not_wrap)
{
    cr_assert(eq(u64, subtract_to_zero(5, 3), 2));
    cr_assert(eq(u64, subtract_to_zero(3, 3), 0));
    cr_assert(eq(u64, subtract_to_zero(3, 5), 0));
    cr_assert(eq(u64, subtract_to_zero(0, UINT64_MAX), 0));
    cr_assert(eq(u64, subtract_to_zero(UINT64_MAX, 0), UINT64_MAX));
}
