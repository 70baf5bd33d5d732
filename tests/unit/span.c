/*
 * span.h: the states of a buffer and who may change them; one thread.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "depot.h"
#include "pools.h"
#include "rig.h"

static struct rig rig;

static void open_with(size_t size, unsigned span_shift)
{
    rig_open(&rig, (struct rig_plan){.size = size, .span_shift = span_shift});
}

static uint32_t take_cold(void)
{
    uint32_t index;
    return span_take_cold(&rig.span, &index) ? index : UINT32_MAX;
}

/* Fails when buffers in use are strewn over the span: pages would be shared with idle ones. */
Test(unit_span, carve_takes_the_lowest)
{
    static const size_t sizes[] = {64, 512, 1536, 4096, 15000, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        open_with(sizes[i], 25);
        rig_carve_row(&rig, 0, 500);
        for (uint32_t index = 0; index < 500; index++)
            cr_assert(tier_holds(rig.tier, rig_buffer(&rig, index)));
        rig_close(&rig);
    }
}

/* Fails when lanes carve one another's neighbours, or a lane finds nothing while another would. */
Test(unit_span, lanes_carve_neighbours)
{
    enum { LANES = 3 };
    uint32_t index;
    open_with(512, 25); /* grown by 2 MiB: 64 groups */
    for (uint32_t i = 0; i < GROUP_BUFFERS; i++)
        for (unsigned lane = 0; lane < LANES; lane++) {
            cr_assert(eq(int, span_carve(&rig.span, lane, &index), CARVED));
            cr_assert(eq(uint, index, lane * GROUP_BUFFERS + i));
        }
    uint32_t committed = rig.span.committed;
    for (uint32_t i = LANES * GROUP_BUFFERS; i < committed; i++)
        cr_assert(eq(int, span_carve(&rig.span, SHARDS_MAX - 1, &index), CARVED));
    cr_assert(eq(uint, rig.span.committed, committed), "grown while there was room");
    rig_close(&rig);
}

/* Fails when a buffer carved is not writable to its last byte, or touches another. */
Test(unit_span, carved_buffers_do_not_overlap)
{
    open_with(15000, 24);
    for (uint32_t i = 0; i < 600; i++)
        memset(rig_buffer(&rig, rig_carve(&rig)), (int)(i % 255), rig.tier->capacity);
    for (uint32_t i = 0; i < 600; i++) {
        const char *buffer = rig_buffer(&rig, i);
        cr_assert(buffer[0] == (char)(i % 255) && memcmp(buffer, buffer + 1, rig.tier->capacity - 1) == 0);
    }
    rig_close(&rig);
}

/* Fails when a state of the table in span.h is told wrongly, or looking changes it. */
Test(unit_span, look_tells_held_cold_and_unbacked_apart)
{
    open_with(512, 23);
    rig_carve_row(&rig, 0, 3);
    for (int twice = 0; twice < 2; twice++) {
        cr_assert(eq(int, span_look(&rig.span, 0), PARKED));
        cr_assert(eq(int, span_look(&rig.span, 3), PARK_UNCARVED));
        cr_assert(eq(int, span_look(&rig.span, 4095), PARK_UNCARVED));
    }
    cr_assert(eq(int, span_park(&rig.span, 1), PARKED));
    cr_assert(eq(int, span_look(&rig.span, 1), PARK_DOUBLE));
    cr_assert(eq(u32, take_cold(), 1));
    cr_assert(eq(int, span_look(&rig.span, 1), PARKED));
    rig_close(&rig);
}

/* Fails when a second put files the buffer twice, or miscounts what is cold. */
Test(unit_span, double_park_is_refused_and_changes_nothing)
{
    open_with(4096, 23);
    rig_carve_row(&rig, 0, 2);
    cr_assert(eq(int, span_park(&rig.span, 0), PARKED));
    for (int i = 0; i < 5; i++)
        cr_assert(eq(int, span_park(&rig.span, 0), PARK_DOUBLE));
    cr_assert(eq(u64, span_cold_count(&rig.span), 1));
    cr_assert(eq(u32, take_cold(), 0));
    cr_assert(eq(u32, take_cold(), UINT32_MAX));
    cr_assert(eq(u64, span_cold_count(&rig.span), 0));
    rig_close(&rig);
}

/* Fails when a pointer into memory that nobody got becomes a cold buffer. */
Test(unit_span, what_was_never_carved_cannot_be_parked)
{
    open_with(4096, 23);
    rig_carve_row(&rig, 0, 2);
    for (uint32_t index = 2; index < 500; index++)
        cr_assert(eq(int, span_park(&rig.span, index), PARK_UNCARVED));
    cr_assert(eq(u64, span_cold_count(&rig.span), 0));
    cr_assert(eq(u32, take_cold(), UINT32_MAX));
    rig_carve_row(&rig, 2, 498);
    rig_close(&rig);
}

/* Fails when a purged buffer is still cold, or a stale put of it is taken. */
Test(unit_span, purged_buffer_is_unbacked_again)
{
    open_with(4096, 23);
    rig_carve_row(&rig, 0, 4);
    for (uint32_t i = 0; i < 4; i++)
        span_park(&rig.span, i);
    cr_assert(eq(u64, span_purge(&rig.span, UINT64_MAX), 4 * 4096));
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert(eq(int, span_look(&rig.span, i), PARK_UNCARVED));
        cr_assert(eq(int, span_park(&rig.span, i), PARK_UNCARVED));
    }
    cr_assert(eq(u32, take_cold(), UINT32_MAX));
    cr_assert(eq(u64, atomic_load(&rig.span.purges), 4));
    rig_carve_row(&rig, 0, 4);
    rig_close(&rig);
}

/* Fails when a hint or a summary bit hides a cold buffer, or a higher one comes first. */
Test(unit_span, cold_ones_are_taken_lowest_first_after_random_parks)
{
    enum { MANY = 12000 }; /* three words of the summary */
    static bool cold[MANY];
    uint64_t state = 21;

    open_with(64, 23);
    rig_carve_row(&rig, 0, MANY);
    for (int round = 0; round < 300; round++) {
        for (uint64_t n = random_next(&state) % 200; n > 0; n--) {
            uint32_t index = (uint32_t)(random_next(&state) % MANY);
            if (span_park(&rig.span, index) != (cold[index] ? PARK_DOUBLE : PARKED))
                cr_fail("park of %u", index);
            cold[index] = true;
        }
        for (uint64_t n = random_next(&state) % 200; n > 0; n--) {
            uint32_t lowest = 0;
            while (lowest < MANY && !cold[lowest])
                lowest++;
            uint32_t taken = take_cold();
            if (taken != (lowest == MANY ? UINT32_MAX : lowest))
                cr_fail("took %u, the lowest is %u", taken, lowest);
            if (lowest < MANY)
                cold[lowest] = false;
        }
        uint64_t count = 0;
        for (uint32_t i = 0; i < MANY; i++)
            count += cold[i];
        cr_assert(eq(u64, span_cold_count(&rig.span), count));
    }
    rig_close(&rig);
}

/* Fails when purged holes are left and the span grows instead: memory would creep upwards. */
Test(unit_span, carving_fills_purged_holes_before_anything_higher)
{
    enum { MANY = 1000 };
    uint64_t state = 22;

    open_with(4096, 23);
    rig_carve_row(&rig, 0, MANY);
    for (int round = 0; round < 50; round++) {
        bool purged[MANY] = {false};
        for (int n = 0; n < 100; n++) {
            uint32_t index = (uint32_t)(random_next(&state) % MANY);
            purged[index] = true;
            span_park(&rig.span, index);
        }
        span_purge(&rig.span, UINT64_MAX);
        for (uint32_t index = 0; index < MANY; index++)
            if (purged[index] && rig_carve(&rig) != index)
                cr_fail("%u was not next", index);
        cr_assert(eq(u32, rig_carve(&rig), MANY));
        span_park(&rig.span, MANY);
        span_purge(&rig.span, UINT64_MAX);
    }
    rig_close(&rig);
}

/* Fails when max_bytes is charged for growth, for cold ones twice, or not given back by a purge. */
Test(unit_span, backed_budget_is_what_has_pages)
{
    rig_open(&rig, (struct rig_plan){.size = 8192, .span_shift = 24, .max_bytes = 10 * 8192 + 8191});
    uint32_t index;

    rig_carve_row(&rig, 0, 10);
    cr_assert(eq(int, span_carve(&rig.span, 0, &index), CARVE_NO_MEMORY));
    cr_assert(eq(u64, atomic_load(&rig.backed.used), 10 * 8192));
    for (uint32_t i = 0; i < 10; i += 2)
        span_park(&rig.span, i);
    cr_assert(eq(int, span_carve(&rig.span, 0, &index), CARVE_NO_MEMORY));
    cr_assert(eq(u32, take_cold(), 0));
    cr_assert(eq(u64, atomic_load(&rig.backed.used), 10 * 8192));
    cr_assert(eq(u64, span_purge(&rig.span, UINT64_MAX), 4 * 8192));
    cr_assert(eq(u64, atomic_load(&rig.backed.used), 6 * 8192));
    rig_carve_row(&rig, 2, 1);
    rig_carve_row(&rig, 4, 1);
    rig_close(&rig);
}
