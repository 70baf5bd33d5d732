/*
 * span.h: what a forked child makes of its parent's span. The test is the child:
 * span_after_fork asks for nothing but to be alone.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "hook.h"
#include "pools.h"
#include "process.h"
#include "rig.h"

static struct rig rig;

static void open_and_fork(size_t size, unsigned span_shift, uint32_t carved)
{
    rig_open(&rig, (struct rig_plan){.size = size, .span_shift = span_shift});
    if (carved != 0)
        rig_carve_row(&rig, 0, carved);
    for (uint32_t i = 0; i < carved; i += 3)
        span_park(&rig.span, i);
    budget_init(&rig.backed, rig.backed.limit);
    span_after_fork(&rig.span);
}

/* Fails when the child uses a buffer that the parent had idle: the image may show it in two places. */
Test(unit_span_fork, nothing_is_idle_and_nothing_is_known_of_the_parents)
{
    uint32_t index;

    open_and_fork(4096, 26, 700);
    cr_assert(eq(u64, span_cold_count(&rig.span), 0));
    cr_assert(not(span_take_cold(&rig.span, &index)));
    for (uint32_t i = 0; i < 700; i++) {
        cr_assert(eq(int, span_look(&rig.span, i), PARK_UNCARVED));
        cr_assert(tier_inherited(rig.tier, rig_buffer(&rig, i)));
        cr_assert(not(tier_holds(rig.tier, rig_buffer(&rig, i))));
    }
    cr_assert(eq(u64, span_purge(&rig.span, UINT64_MAX), 0));
    rig_close(&rig);
}

/* Fails when the child carves where the parent may have carved meanwhile. */
Test(unit_span_fork, carving_resumes_two_growth_steps_above)
{
    static const size_t sizes[] = {512, 640, 4096, 16384};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint32_t carved = 0; carved < 10000; carved += 3000) {
            open_and_fork(sizes[i], 29, carved);
            uint64_t stride = rig.tier->stride;
            /* A step is the size so far, 2 MiB at least and 64 MiB at most. */
            uint64_t step = min_u64(max_u64(carved * stride, 2 << 20), 64 << 20);
            uint32_t first = rig_carve(&rig);
            cr_assert(ge(u64, first * stride + 2 * stride, carved * stride + 2 * step));
            cr_assert(eq(u32, first, rig.tier->first));
            rig_carve_row(&rig, first + 1, 1000);
            for (uint32_t n = 0; n < 1000; n++) {
                rig_touch(&rig, first + n);
                cr_assert(tier_holds(rig.tier, rig_buffer(&rig, first + n)));
                cr_assert(not(tier_inherited(rig.tier, rig_buffer(&rig, first + n))));
            }
            cr_assert(eq(u64, atomic_load(&rig.backed.used), 1001 * rig.tier->capacity));
            rig_close(&rig);
        }
    }
}

/* Fails when the second put of a parent's buffer is counted as a second buffer. */
Test(unit_span_fork, adopt_is_true_once_for_each)
{
    open_and_fork(8192, 25, 300);
    for (uint32_t i = 0; i < 300; i++) {
        cr_assert(span_adopt(&rig.span, i));
        cr_assert(not(span_adopt(&rig.span, i)));
        cr_assert(eq(u64, atomic_load(&rig.backed.used), (i + 1) * rig.tier->capacity));
        cr_assert(eq(int, span_look(&rig.span, i), PARKED));
        cr_assert(eq(int, span_park(&rig.span, i), PARKED));
        cr_assert(not(span_adopt(&rig.span, i)));
        cr_assert(eq(int, span_look(&rig.span, i), PARK_DOUBLE));
    }
    rig_close(&rig);
}

/* Fails when adopted buffers cannot be used, purged and carved like the child's own. */
Test(unit_span_fork, adopted_buffers_live_on)
{
    open_and_fork(8192, 25, 300);
    for (uint32_t i = 100; i < 200; i++) {
        span_adopt(&rig.span, i);
        rig_touch(&rig, i);
        span_park(&rig.span, i);
    }
    uint32_t index;
    cr_assert(span_take_cold(&rig.span, &index));
    cr_assert(eq(u32, index, 100));
    cr_assert(eq(u64, span_purge(&rig.span, UINT64_MAX), 99 * 8192));
    cr_assert(eq(u64, present_bytes(rig_buffer(&rig, 101), 99 * 8192), 0));
    rig_carve_row(&rig, 101, 99);
    cr_assert(ge(u32, rig_carve(&rig), rig.tier->first));
    rig_close(&rig);
}

/* Fails when a purge takes pages of a buffer that the child did not adopt: it may be in use. */
Test(unit_span_fork, purge_leaves_what_was_not_adopted)
{
    rig_open(&rig, (struct rig_plan){.size = 640, .span_shift = 23});
    rig_carve_row(&rig, 0, 640);
    for (uint32_t i = 0; i < 640; i++)
        fill(rig_buffer(&rig, i), 640, i);
    span_after_fork(&rig.span);
    for (uint32_t i = 0; i < 640; i += 2) {
        span_adopt(&rig.span, i);
        span_park(&rig.span, i);
    }
    span_purge(&rig.span, UINT64_MAX);
    for (uint32_t i = 1; i < 640; i += 2)
        cr_assert(is_filled(rig_buffer(&rig, i), 640, i), "buffer %u", i);
    rig_close(&rig);
}

/* Fails when a span that was nearly used up runs over its end. */
Test(unit_span_fork, span_with_no_room_above_is_full)
{
    uint32_t index;
    open_and_fork(16384, 23, 500);
    cr_assert(eq(int, span_carve(&rig.span, 0, &index), CARVE_SPAN_FULL));
    cr_assert(span_adopt(&rig.span, 499));
    cr_assert(eq(int, span_park(&rig.span, 499), PARKED));
    rig_close(&rig);
}

/* Fails when a child of a child takes what its parent carved for its own. */
Test(unit_span_fork, grandchild_inherits_from_both)
{
    open_and_fork(4096, 27, 700);
    uint32_t first = rig_carve(&rig);
    span_adopt(&rig.span, 5);
    span_after_fork(&rig.span);
    cr_assert(tier_inherited(rig.tier, rig_buffer(&rig, first)));
    cr_assert(tier_inherited(rig.tier, rig_buffer(&rig, 5)));
    cr_assert(span_adopt(&rig.span, 5));
    cr_assert(span_adopt(&rig.span, first));
    cr_assert(gt(u32, rig_carve(&rig), first + 1));
    rig_close(&rig);
}

static bool commits_fail(enum hook_call call)
{
    return call == HOOK_COMMIT;
}

static int fork_without_memory(void *arg)
{
    uint32_t index;

    (void)arg;
    rig_open(&rig, (struct rig_plan){.size = 512, .span_shift = 34}); /* as in a pool: books of many pages */
    rig_carve_row(&rig, 0, 700);
    for (uint32_t i = 0; i < 700; i += 3)
        span_park(&rig.span, i);
    hook_on_call(commits_fail);
    span_after_fork(&rig.span);
    if (span_carve(&rig.span, 0, &index) == CARVED || span_take_cold(&rig.span, &index))
        return 1;
    /* As put does with any address: the far end of the span was never anybody's. */
    void *wild = rig_buffer(&rig, tiers_span_count(&rig.tiers, 0) - 1);
    if (tier_inherited(rig.tier, wild))
        span_adopt(&rig.span, (uint32_t)tier_index(rig.tier, wild));
    if (!tier_inherited(rig.tier, rig_buffer(&rig, 3)) || !span_adopt(&rig.span, 3))
        return 2;
    if (span_park(&rig.span, 3) != PARKED || !span_take_cold(&rig.span, &index))
        return 3;
    return index == 3 ? 0 : 4;
}

/* Fails when a child that has no memory for books trusts its parent's, or reads books that are not there. */
Test(unit_span_fork, child_without_memory_carves_nothing_and_trusts_nothing)
{
    struct child_end end = child_run(fork_without_memory, NULL);
    cr_assert(child_exited(&end, 0), "status %#x", (unsigned)end.status);
}
