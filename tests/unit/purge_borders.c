/*
 * span_purge at the pages that two buffers share.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "hook.h"
#include "pools.h"
#include "rig.h"

static struct rig rig;

static void open_row(size_t size, size_t page, uint32_t count)
{
    rig_open(&rig, (struct rig_plan){.size = size, .span_shift = 26, .page = page});
    rig_carve_row(&rig, 0, count);
    for (uint32_t i = 0; i < count; i++)
        rig_touch(&rig, i);
}

/* The pages that buffer `index` shares with its neighbours, and those it has for itself. */
static uint64_t first_page(uint32_t index)
{
    return index * rig.tier->stride / rig.page;
}

static uint64_t last_page(uint32_t index)
{
    return ((index + 1) * rig.tier->stride - 1) / rig.page;
}

static void park_and_purge(uint32_t index)
{
    MUST(span_park(&rig.span, index) == PARKED);
    span_purge(&rig.span, UINT64_MAX);
}

/* Fails when the border page of two is forgotten because neither has it for itself. */
Test(unit_purge_borders, border_page_goes_with_the_last_of_the_two_that_share_it)
{
    static const size_t sizes[] = {5000, 15000, 16384, 100000, 1 << 20};
    for (size_t page = 0; page <= 65536; page += 65536) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (int upwards = 0; upwards < 2; upwards++) {
                if (page != 0 && sizes[i] < 2 * page)
                    continue;
                open_row(sizes[i], page, 30);
                uint64_t border = last_page(20);
                MUST(border == first_page(21));
                park_and_purge(upwards ? 20 : 21);
                cr_assert(rig_page_is_present(&rig, border), "held by the other");
                park_and_purge(upwards ? 21 : 20);
                cr_assert(not(rig_page_is_present(&rig, border)), "tier %zu", sizes[i]);
                cr_assert(rig_page_is_present(&rig, first_page(20)));
                cr_assert(rig_page_is_present(&rig, last_page(21)));
                rig_close(&rig);
            }
        }
    }
}

/* Fails when a buffer's own pages wait for its neighbours. */
Test(unit_purge_borders, pages_of_its_own_go_at_once)
{
    open_row(16384, 0, 30);
    park_and_purge(20);
    for (uint64_t page = first_page(20) + 1; page < last_page(20); page++)
        cr_assert(not(rig_page_is_present(&rig, page)));
    cr_assert(eq(int, span_look(&rig.span, 20), PARK_UNCARVED));
    cr_assert(eq(u64, span_cold_count(&rig.span), 0));
    rig_close(&rig);
}

/* Fails when a buffer that shares all its pages is called unbacked before any of them went. */
Test(unit_purge_borders, buffer_without_a_whole_page_stays_cold_until_one_goes)
{
    open_row(640, 0, 64);
    /* Page 1 has bytes of buffers 6 to 12. */
    for (uint32_t i = 6; i < 12; i++)
        park_and_purge(i);
    cr_assert(eq(u64, span_cold_count(&rig.span), 6));
    cr_assert(rig_page_is_present(&rig, 1));
    park_and_purge(12);
    cr_assert(not(rig_page_is_present(&rig, 1)));
    cr_assert(rig_page_is_present(&rig, 0));
    cr_assert(rig_page_is_present(&rig, 2));
    cr_assert(eq(u64, span_cold_count(&rig.span), 0));
    for (uint32_t i = 0; i < 6; i++)
        park_and_purge(i);
    cr_assert(not(rig_page_is_present(&rig, 0)), "though buffer 6 was purged before");
    rig_close(&rig);
}

/* Fails when a carved buffer's border is purged because its neighbour was unbacked first. */
Test(unit_purge_borders, carved_again_it_keeps_its_border_from_the_neighbours_purge)
{
    open_row(16384, 0, 30);
    park_and_purge(20);
    cr_assert(eq(u32, rig_carve(&rig), 20));
    fill(rig_buffer(&rig, 20), rig.tier->capacity, 20);
    park_and_purge(21);
    park_and_purge(19);
    cr_assert(is_filled(rig_buffer(&rig, 20), rig.tier->capacity, 20));
    rig_close(&rig);
}

/* Fails when an unbacked buffer between cold ones divides a run, and its page stays. */
Test(unit_purge_borders, run_extends_over_unbacked_neighbours)
{
    static const size_t sizes[] = {512, 640, 1536, 5000, 15000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        open_row(sizes[i], 0, 64);
        for (uint32_t k = 0; k < 64; k += 2)
            span_park(&rig.span, k);
        span_purge(&rig.span, UINT64_MAX);
        for (uint32_t k = 1; k < 64; k += 2)
            span_park(&rig.span, k);
        span_purge(&rig.span, UINT64_MAX);
        for (uint64_t page = 0; page <= last_page(63); page++)
            if (rig_page_is_present(&rig, page))
                cr_fail("tier %zu: page %zu", sizes[i], (size_t)page);
        cr_assert(eq(u64, span_cold_count(&rig.span), 0));
        rig_close(&rig);
    }
}

/* Fails when the last page of a span that ends inside a buffer or a group is taken from under its holder. */
Test(unit_purge_borders, end_of_the_span_is_purged_up_to_the_last_buffer)
{
    static const size_t sizes[] = {640, 1536, 15000, 16384, 100000, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        rig_open(&rig, (struct rig_plan){.size = sizes[i], .span_shift = 23});
        uint32_t count = tiers_span_count(&rig.tiers, 0);
        rig_carve_row(&rig, 0, count);
        for (uint32_t k = 0; k < count; k++)
            rig_touch(&rig, k);
        fill(rig_buffer(&rig, count - 1), rig.tier->capacity, 1);
        for (uint32_t k = 0; k + 1 < count; k++)
            span_park(&rig.span, k);
        span_purge(&rig.span, UINT64_MAX);
        cr_assert(is_filled(rig_buffer(&rig, count - 1), rig.tier->capacity, 1), "tier %zu", sizes[i]);
        for (uint64_t page = 0; page < first_page(count - 1); page++)
            cr_assert(not(rig_page_is_present(&rig, page)));
        park_and_purge(count - 1);
        for (uint64_t page = 0; page < count * rig.tier->stride / rig.page; page++)
            cr_assert(not(rig_page_is_present(&rig, page)));
        rig_close(&rig);
    }
}

/* Fails when a batch that ends inside a page passes over it: what shares the page is in the purger's own
 * hand. */
Test(unit_purge_borders, page_at_the_end_of_a_batch_goes_too)
{
    static const size_t sizes[] = {640, 1536, 3008};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t batch = (uint32_t)(PURGE_BATCH / sizes[i]);
        uint32_t group = batch / GROUP_BUFFERS * GROUP_BUFFERS;
        open_row(sizes[i], 0, group + 2 * GROUP_BUFFERS);
        /* One page of the group in which the batch will end goes first; all its buffers but the last come
         * back. */
        uint32_t last = 0;
        for (; last_page(group + last) == first_page(group); last++)
            span_park(&rig.span, group + last);
        span_park(&rig.span, group + last);
        span_purge(&rig.span, UINT64_MAX);
        rig_carve_row(&rig, group, last);
        for (uint32_t k = 0; k < group + 2 * GROUP_BUFFERS; k++) {
            if (k < group || k >= group + last)
                continue;
            rig_touch(&rig, k);
        }
        for (uint32_t k = 0; k < group + 2 * GROUP_BUFFERS; k++)
            if (k != group + last)
                MUST(span_park(&rig.span, k) == PARKED);
        span_purge(&rig.span, UINT64_MAX);
        unsigned left = 0;
        for (uint64_t page = 0; page <= last_page(group + 2 * GROUP_BUFFERS - 1); page++)
            left += rig_page_is_present(&rig, page);
        cr_assert(eq(uint, left, 0), "tier %zu", sizes[i]);
        cr_assert(eq(u64, span_cold_count(&rig.span), 0));
        rig_close(&rig);
    }
}

static void look_for_a_cold_one(enum hook_point point)
{
    uint32_t index;
    if (point == HOOK_PURGE_CLAIMED)
        MUST(!span_take_cold(&rig.span, &index)); /* all are in the purger's hand: the group's bit goes */
}

/*
 * Fails when a buffer that was claimed for its border page alone is given back and its group not told: it
 * stays cold for ever, as no get and no purge looks there again.
 */
Test(unit_purge_borders, neighbour_claimed_for_its_border_page_is_to_be_had_again)
{
    uint32_t index;

    open_row(16384, 0, 2);
    MUST(span_park(&rig.span, 0) == PARKED && span_park(&rig.span, 1) == PARKED);
    hook_on_point(look_for_a_cold_one);
    span_purge(&rig.span, rig.tier->stride);
    hook_on_point(NULL);
    cr_assert(eq(int, span_look(&rig.span, 0), PARK_UNCARVED));
    cr_assert(eq(u64, span_cold_count(&rig.span), 1));
    cr_assert(span_take_cold(&rig.span, &index));
    cr_assert(eq(u32, index, 1));
    rig_close(&rig);
}
