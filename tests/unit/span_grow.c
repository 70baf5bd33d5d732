/*
 * span.h: growing, the end of the span, and a system that is short of memory.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "hook.h"
#include "pools.h"
#include "rig.h"

static struct rig rig;
static uint64_t state;

static bool commits_fail(enum hook_call call)
{
    return call == HOOK_COMMIT;
}

static bool half_the_commits_fail(enum hook_call call)
{
    return call == HOOK_COMMIT && (random_next(&state) >> 40) % 2 == 0;
}

/* Fails when the last buffer is not handed out, or one beyond the end is, or the budget keeps what failed. */
Test(unit_span_grow, span_is_handed_out_to_its_last_buffer_and_then_full)
{
    static const size_t sizes[] = {64, 640, 4096, 15000, 16384, 100000, 1 << 20, 3 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t index;
        rig_open(&rig, (struct rig_plan){.size = sizes[i], .span_shift = 23});
        uint32_t count = tiers_span_count(&rig.tiers, 0);
        rig_carve_row(&rig, 0, count);
        rig_touch(&rig, count - 1);
        uint64_t used = atomic_load(&rig.backed.used);
        cr_assert(eq(u64, used, count * rig.tier->capacity));
        for (int again = 0; again < 3; again++)
            cr_assert(eq(int, span_carve(&rig.span, 0, &index), CARVE_SPAN_FULL));
        cr_assert(eq(u64, atomic_load(&rig.backed.used), used));
        cr_assert(not(tier_holds(rig.tier, rig_buffer(&rig, count))));

        span_park(&rig.span, count - 1);
        span_park(&rig.span, 0);
        cr_assert(span_take_cold(&rig.span, &index));
        cr_assert(eq(u32, index, 0));
        cr_assert(span_take_cold(&rig.span, &index));
        cr_assert(eq(u32, index, count - 1));
        rig_close(&rig);
    }
}

/* Fails when a span whose size is one buffer, or not a whole group, is read beyond its books. */
Test(unit_span_grow, smallest_spans_work)
{
    for (size_t size = 64; size <= 65536; size = size * 3 / 2 / 64 * 64 + 64) {
        uint32_t index;
        rig_open(&rig, (struct rig_plan){.size = size, .span_shift = 17});
        uint32_t count = tiers_span_count(&rig.tiers, 0);
        rig_carve_row(&rig, 0, count);
        cr_assert(eq(int, span_carve(&rig.span, 0, &index), CARVE_SPAN_FULL));
        for (uint32_t i = 0; i < count; i++) {
            rig_touch(&rig, i);
            span_park(&rig.span, i);
        }
        span_purge(&rig.span, UINT64_MAX);
        rig_carve_row(&rig, 0, count - (uint32_t)span_cold_count(&rig.span));
        rig_close(&rig);
    }
}

/* Fails when memory is charged far ahead of what is used: growth is 2 MiB, then the size so far, 64 MiB at
 * most. */
Test(unit_span_grow, commits_no_further_ahead_than_the_size_so_far)
{
    rig_open(&rig, (struct rig_plan){.size = 16384, .span_shift = 30});
    for (uint32_t i = 0; i < 12000; i++) {
        rig_carve(&rig);
        uint64_t used = (i + 1) * rig.tier->stride;
        uint64_t committed = atomic_load(&rig.tier->committed);
        uint64_t ahead = min_u64(max_u64(used, 2 << 20), 64 << 20);
        if (committed < used || committed > used + ahead + rig.tier->stride)
            cr_fail("%zu committed, %zu used", (size_t)committed, (size_t)used);
    }
    rig_close(&rig);
}

/* Fails when a failed commit uses up budget or a buffer, or is remembered for ever. */
Test(unit_span_grow, failed_commit_is_no_memory_and_a_later_one_succeeds)
{
    uint32_t index;

    rig_open(&rig, (struct rig_plan){.size = 4096, .span_shift = 24});
    hook_on_call(commits_fail);
    for (int i = 0; i < 10; i++)
        cr_assert(eq(int, span_carve(&rig.span, 0, &index), CARVE_NO_MEMORY));
    cr_assert(eq(u64, atomic_load(&rig.backed.used), 0));
    cr_assert(eq(u64, atomic_load(&rig.tier->committed), 0));
    hook_on_call(NULL);
    rig_carve_row(&rig, 0, 512); /* the first growth */

    hook_on_call(commits_fail);
    cr_assert(eq(int, span_carve(&rig.span, 0, &index), CARVE_NO_MEMORY));
    cr_assert(eq(u64, atomic_load(&rig.backed.used), 512 * 4096));
    cr_assert(eq(int, span_park(&rig.span, 77), PARKED), "a put needs no memory");
    cr_assert(span_take_cold(&rig.span, &index));
    hook_on_call(NULL);
    rig_carve_row(&rig, 512, 1000);
    rig_close(&rig);
}

/* Fails when a growth that failed half way leaves a hole that is never handed out, or one handed out twice.
 */
Test(unit_span_grow, failing_commits_lose_no_buffer)
{
    static const size_t sizes[] = {64, 512, 640, 4096, 15000, 100000, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t index;
        uint32_t next = 0;
        unsigned failures = 0;
        enum carve carved;

        rig_open(&rig, (struct rig_plan){.size = sizes[i], .span_shift = 24});
        uint32_t count = tiers_span_count(&rig.tiers, 0);
        state = i + 1;
        hook_on_call(half_the_commits_fail);
        while ((carved = span_carve(&rig.span, 0, &index)) != CARVE_SPAN_FULL) {
            if (carved == CARVED && index != next)
                cr_fail("tier %zu: %u instead of %u", sizes[i], index, next);
            if (carved == CARVED)
                rig_buffer(&rig, next++)[rig.tier->capacity - 1] = 1;
            failures += carved == CARVE_NO_MEMORY;
        }
        hook_on_call(NULL);
        cr_assert(eq(u32, next, count), "tier %zu", sizes[i]);
        cr_assert(gt(uint, failures, 0));
        cr_assert(eq(u64, atomic_load(&rig.backed.used), count * rig.tier->capacity));
        rig_close(&rig);
    }
}

static bool large_commits_fail(enum hook_call call)
{
    /* Books first, then the growth; only the step by one buffer passes. */
    static unsigned calls;
    return call == HOOK_COMMIT && calls++ % 2 == 0;
}

/* Fails when a system that has a little memory left is treated as one that has none. */
Test(unit_span_grow, one_buffer_is_enough_where_no_step_is_to_be_had)
{
    rig_open(&rig, (struct rig_plan){.size = 4096, .span_shift = 23});
    rig_carve(&rig); /* the books are there now */
    rig_carve_row(&rig, 1, 511);
    hook_on_call(large_commits_fail);
    for (uint32_t i = 512; i < 600; i++) {
        rig_carve_row(&rig, i, 1);
        cr_assert(eq(u64, atomic_load(&rig.tier->committed), (i + 1) * UINT64_C(4096)));
    }
    hook_on_call(NULL);
    rig_close(&rig);
}
