/*
 * span_purge: what goes, what is claimed meanwhile, the limit, and a system that
 * refuses.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "hook.h"
#include "pools.h"
#include "rig.h"

static const size_t sizes[] = {64, 512, 640, 1024, 1536, 4096, 8192, 15000, 16384, 100000, 1 << 20};
#define SIZES (sizeof sizes / sizeof sizes[0])

static struct rig rig;
static uint32_t count;

/* Whole groups, some 5 MiB of them and at least one: three batches. Touched. */
static void open_full(size_t size, size_t page)
{
    rig_open(&rig, (struct rig_plan){.size = size, .span_shift = 28, .page = page});
    count = (uint32_t)round_up(max_u64(1, (5 << 20) / size), GROUP_BUFFERS);
    rig_carve_row(&rig, 0, count);
    for (uint32_t i = 0; i < count; i++)
        rig_touch(&rig, i);
}

static void park_all(void)
{
    for (uint32_t i = 0; i < count; i++)
        MUST(span_park(&rig.span, i) == PARKED);
}

static uint64_t pages_present(void)
{
    uint64_t present = 0;
    for (uint64_t page = 0; page < rig_pages(&rig, count - 1); page++)
        present += rig_page_is_present(&rig, page);
    return present;
}

/* Fails when a page stays although nobody needs it: at a group's edge, at a batch's edge. */
Test(unit_purge, all_pages_go_when_all_buffers_are_cold)
{
    for (size_t page = 0; page <= 65536; page += 65536) {
        for (size_t i = 0; i < SIZES; i++) {
            open_full(sizes[i], page);
            park_all();
            cr_assert(gt(u64, pages_present(), 0));
            cr_assert(eq(u64, span_purge(&rig.span, UINT64_MAX), count * rig.tier->stride));
            cr_assert(eq(u64, pages_present(), 0), "tier %zu", sizes[i]);
            cr_assert(eq(u64, span_cold_count(&rig.span), 0));
            cr_assert(eq(u64, atomic_load(&rig.span.purges), count));
            cr_assert(eq(u64, atomic_load(&rig.backed.used), 0));
            rig_close(&rig);
        }
    }
}

/* Fails when there is no page between two held buffers and one is taken all the same. */
Test(unit_purge, every_second_buffer_held_keeps_its_bytes)
{
    for (size_t i = 0; i < SIZES; i++) {
        open_full(sizes[i], 0);
        for (uint32_t n = 0; n < count; n++) {
            fill(rig_buffer(&rig, n), rig.tier->capacity, n);
            if (n % 2 == 0)
                span_park(&rig.span, n);
        }
        uint64_t released = span_purge(&rig.span, UINT64_MAX);
        for (uint32_t n = 1; n < count; n += 2)
            if (!is_filled(rig_buffer(&rig, n), rig.tier->capacity, n))
                cr_fail("tier %zu: buffer %u", sizes[i], n);
        /* With at most a page no whole one is free; with twice a page one is, in every buffer. */
        if (sizes[i] < 4096)
            cr_assert(eq(u64, released, 0));
        if (sizes[i] >= 8192)
            cr_assert(eq(u64, atomic_load(&rig.span.purges), count / 2));
        rig_close(&rig);
    }
}

/* Fails when min_cached_bytes loses more than it may, or a purge stops long before its limit. */
Test(unit_purge, limit_is_used_up_and_never_passed)
{
    uint64_t state = 31;
    for (size_t i = 0; i < SIZES; i++) {
        open_full(sizes[i], 0);
        uint64_t stride = rig.tier->stride;
        park_all();
        for (uint64_t left = count; left > 0;) {
            uint64_t limit = random_next(&state) % (8 * stride + (4 << 20));
            uint64_t released = span_purge(&rig.span, limit);
            uint64_t fitting = min_u64(left, limit / stride);
            cr_assert(eq(u64, released, fitting * stride), "tier %zu, limit %zu", sizes[i], (size_t)limit);
            left -= fitting;
            cr_assert(eq(u64, span_cold_count(&rig.span), left));
        }
        cr_assert(eq(u64, pages_present(), 0));
        rig_close(&rig);
    }
}

/* Fails when a buffer spared by the limit is lost, or its pages cannot be used again. */
Test(unit_purge, what_the_limit_spares_is_still_cold_and_usable)
{
    for (size_t i = 0; i < SIZES; i++) {
        uint32_t index;
        uint32_t taken = 0;
        open_full(sizes[i], 0);
        park_all();
        span_purge(&rig.span, count / 3 * rig.tier->stride);
        for (; span_take_cold(&rig.span, &index); taken++)
            rig_touch(&rig, index);
        cr_assert(eq(u32, taken, count - count / 3));
        rig_carve_row(&rig, 0, count / 3);
        rig_close(&rig);
    }
}

static unsigned refusals_after;

static bool purge_fails(enum hook_call call)
{
    if (call != HOOK_PURGE || refusals_after-- > 0)
        return false;
    refusals_after = 0;
    errno = EAGAIN; /* not EINVAL, which would be for ever */
    return true;
}

/* Fails when buffers whose pages stay are called unbacked, or a byte of them changes. */
Test(unit_purge, refused_purge_keeps_every_buffer_cold)
{
    for (size_t i = 0; i < SIZES; i++) {
        uint32_t index;
        open_full(sizes[i], 0);
        for (uint32_t n = 0; n < count; n++)
            fill(rig_buffer(&rig, n), rig.tier->capacity, n);
        park_all();
        refusals_after = 0;
        hook_on_call(purge_fails);
        for (int again = 0; again < 3; again++)
            cr_assert(eq(u64, span_purge(&rig.span, UINT64_MAX), 0));
        hook_on_call(NULL);
        cr_assert(eq(u64, span_cold_count(&rig.span), count));
        cr_assert(eq(u64, atomic_load(&rig.span.purges), 0));
        cr_assert(eq(u64, atomic_load(&rig.backed.used), count * rig.tier->capacity));
        for (uint32_t n = 0; n < count; n++)
            if (!span_take_cold(&rig.span, &index) || index != n ||
                !is_filled(rig_buffer(&rig, n), rig.tier->capacity, n))
                cr_fail("tier %zu: buffer %u", sizes[i], n);
        park_all();
        cr_assert(eq(u64, span_purge(&rig.span, UINT64_MAX), count * rig.tier->stride));
        rig_close(&rig);
    }
}

/* Fails when a refusal in the middle loses what is in hand, or the rest. */
Test(unit_purge, purge_refused_half_way_loses_nothing)
{
    for (size_t i = 0; i < SIZES; i++) {
        for (unsigned calls = 1; calls < 3; calls++) {
            open_full(sizes[i], 0);
            park_all();
            refusals_after = calls;
            hook_on_call(purge_fails);
            uint64_t released = span_purge(&rig.span, UINT64_MAX);
            hook_on_call(NULL);
            uint64_t gone = atomic_load(&rig.span.purges);
            cr_assert(eq(u64, released, gone * rig.tier->stride));
            cr_assert(eq(u64, span_cold_count(&rig.span) + gone, count));
            released = span_purge(&rig.span, UINT64_MAX);
            cr_assert(eq(u64, released, (count - gone) * rig.tier->stride));
            cr_assert(eq(u64, pages_present(), 0));
            rig_close(&rig);
        }
    }
}

static uint64_t most_claimed;
static unsigned faults;

static uint64_t in_hand_of(uint32_t group)
{
    return ~atomic_load(&rig.span.group[group].free) & atomic_load(&rig.span.group[group].backed);
}

/* In the middle of a purge: what is in its hand is nobody else's, and still counts as cold. */
static void look_at_claims(enum hook_point point)
{
    static uint64_t claimed[1 << 12];
    uint64_t sum = 0;
    uint32_t index;

    if (point != HOOK_PURGE_CLAIMED)
        return;
    for (uint32_t g = 0; g < count / GROUP_BUFFERS; g++) {
        claimed[g] = in_hand_of(g);
        sum += (uint64_t)__builtin_popcountll(claimed[g]);
    }
    most_claimed = max_u64(most_claimed, sum * rig.tier->stride);
    faults += sum == 0;
    faults += span_cold_count(&rig.span) + atomic_load(&rig.span.purges) != count;
    if (span_take_cold(&rig.span, &index)) {
        faults += (claimed[index / GROUP_BUFFERS] >> index % GROUP_BUFFERS & 1) != 0;
        faults += span_park(&rig.span, index) != PARKED;
    }
}

/* Fails when a purger that is stopped for ever would take more than a batch with it. */
Test(unit_purge, claims_at_most_one_batch_and_counts_it_as_cold)
{
    for (size_t i = 0; i < SIZES; i++) {
        open_full(sizes[i], 0);
        park_all();
        most_claimed = 0;
        hook_on_point(look_at_claims);
        span_purge(&rig.span, UINT64_MAX);
        hook_on_point(NULL);
        cr_assert(eq(uint, faults, 0), "tier %zu", sizes[i]);
        cr_assert(gt(u64, most_claimed, 0));
        /* Beside those that go, neighbours on a border page are held for the moment. */
        cr_assert(
            le(u64, most_claimed, max_u64(PURGE_BATCH, rig.tier->stride) + rig.tier->stride + rig.page));
        cr_assert(eq(u64, span_cold_count(&rig.span), 0));
        rig_close(&rig);
    }
}

static void purge_once(enum hook_point point)
{
    if (point == HOOK_SPAN_CHOSEN && span_cold_count(&rig.span) == 1) {
        hook_on_point(NULL);
        span_purge(&rig.span, UINT64_MAX);
    }
}

/* Fails when a get of a cold buffer believes what it saw before it had it: its pages went in between. */
Test(unit_purge, a_buffer_purged_while_it_is_chosen_is_not_taken_as_backed)
{
    uint32_t index;

    rig_open(&rig, (struct rig_plan){.size = 4096, .span_shift = 28});
    rig_carve_row(&rig, 0, 1);
    cr_assert(eq(int, span_park(&rig.span, 0), PARKED));
    hook_on_point(purge_once);
    cr_assert(not(span_take_cold(&rig.span, &index)));
    hook_on_point(NULL);
    cr_assert(eq(u64, span_cold_count(&rig.span), 0));
    cr_assert(eq(u64, atomic_load(&rig.backed.used), 0));
    cr_assert(eq(uint, rig_carve(&rig), 0));
    rig_close(&rig);
}
