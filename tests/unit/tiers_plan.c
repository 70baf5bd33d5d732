/*
 * tiers.h: which sizes a plan makes, and what capacity and stride each gets.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "pools.h"
#include "tiers.h"

#define PAGE 4096u
#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static struct tiers tiers;

static int plan_steps(uint64_t min_size, uint64_t max_size, uint64_t steps)
{
    const struct tiers_plan plan = {.min_size = min_size, .max_size = max_size, .steps = steps};
    return tiers_plan(&tiers, &plan, PAGE);
}

static int plan_list(const size_t *list, size_t count)
{
    const struct tiers_plan plan = {.list = list, .list_count = count};
    return tiers_plan(&tiers, &plan, PAGE);
}

static bool sizes_are(const size_t *sizes, size_t count)
{
    if (tiers.count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (tiers.tier[i].size != sizes[i])
            return false;
    return tiers.largest == tiers.tier[count - 1].capacity;
}

/* Fails when a step is missing, doubled, or not an equal part of its doubling. */
Test(unit_tiers_plan, steps_divide_each_doubling_equally)
{
    static const size_t one[] = {512, 1024, 2048, 4096};
    static const size_t two[] = {512, 768, 1024, 1536, 2048, 3072, 4096};
    static const size_t four[] = {512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096};

    cr_assert(eq(int, plan_steps(512, 4096, 1), 0));
    cr_assert(sizes_are(one, LENGTH(one)));
    cr_assert(eq(int, plan_steps(512, 4096, 2), 0));
    cr_assert(sizes_are(two, LENGTH(two)));
    cr_assert(eq(int, plan_steps(512, 4096, 4), 0));
    cr_assert(sizes_are(four, LENGTH(four)));
}

/* Fails when max_size is skipped, passed by, or there twice because it is no step. */
Test(unit_tiers_plan, last_tier_is_max_size)
{
    static const size_t between[] = {512, 1024, 2048, 3008};
    static const size_t just_above[] = {512, 1024, 1088};
    static const size_t single[] = {704};

    cr_assert(eq(int, plan_steps(512, 3000, 1), 0));
    cr_assert(sizes_are(between, LENGTH(between)));
    cr_assert(eq(int, plan_steps(512, 1025, 1), 0));
    cr_assert(sizes_are(just_above, LENGTH(just_above)));
    cr_assert(eq(int, plan_steps(700, 700, 4), 0));
    cr_assert(sizes_are(single, LENGTH(single)));
}

/* Fails when steps that round to the same line make two tiers of one size. */
Test(unit_tiers_plan, sizes_round_to_lines_and_equal_ones_merge)
{
    static const size_t tiny[] = {64, 128, 192, 256};
    static const size_t list[] = {1000, 64, 1, 1024, 63, 961, 15000};
    static const size_t merged[] = {64, 1024, 15040};

    cr_assert(eq(int, plan_steps(1, 256, 4), 0));
    cr_assert(tiers.count >= LENGTH(tiny));
    for (unsigned i = 1; i < tiers.count; i++)
        cr_assert(gt(u64, tiers.tier[i].size, tiers.tier[i - 1].size));
    cr_assert(eq(u64, tiers.tier[0].size, 64));
    cr_assert(eq(u64, tiers.tier[tiers.count - 1].size, 256));
    cr_assert(eq(int, plan_list(list, LENGTH(list)), 0));
    cr_assert(sizes_are(merged, LENGTH(merged)));
}

/* Fails for a list that is not sorted already, or is not doubling. */
Test(unit_tiers_plan, list_is_taken_in_any_order)
{
    static const size_t list[] = {15000, 512, 4096, 1024};
    static const size_t sorted[] = {512, 1024, 4096, 15040};

    cr_assert(eq(int, plan_list(list, LENGTH(list)), 0));
    cr_assert(sizes_are(sorted, LENGTH(sorted)));
}

/* Fails when a random plan leaves a gap wider than a step, goes down, or misses an end. */
Test(unit_tiers_plan, any_valid_plan_covers_min_to_max_without_gaps)
{
    uint64_t state = 7;
    unsigned made = 0;

    for (int i = 0; i < 5000; i++) {
        uint64_t steps = UINT64_C(1) << random_next(&state) % 3;
        uint64_t min_size = random_size(&state, TIER_SIZE_MAX);
        uint64_t max_size = min_size + random_size(&state, TIER_SIZE_MAX - min_size + 1) - 1;
        int error = plan_steps(min_size, max_size, steps);
        /* 64 tiers are enough for 63 doublings, for 15 of four steps. */
        cr_assert(error == 0 || (steps != 1 && max_size >> 15 > min_size), "%zu..%zu by %zu",
                  (size_t)min_size, (size_t)max_size, (size_t)steps);
        if (error != 0)
            continue;
        made++;
        bool good = tiers.tier[0].size == round_up(min_size, LINE_SIZE) &&
                    tiers.tier[tiers.count - 1].size == round_up(max_size, LINE_SIZE);
        for (unsigned k = 1; k < tiers.count; k++) {
            uint64_t below = tiers.tier[k - 1].size;
            uint64_t size = tiers.tier[k].size;
            good = good && size > below && size % LINE_SIZE == 0;
            good = good && size <= below + below / steps + 2 * LINE_SIZE;
        }
        cr_assert(good, "%zu..%zu by %zu", (size_t)min_size, (size_t)max_size, (size_t)steps);
    }
    cr_assert(gt(uint, made, 1000));
}

/* Fails when 64 are refused, or 65 written behind the array. */
Test(unit_tiers_plan, sixty_four_tiers_are_the_most)
{
    size_t list[65];
    for (size_t i = 0; i < 65; i++)
        list[i] = 64 * (i + 1);

    cr_assert(eq(int, plan_list(list, 64), 0));
    cr_assert(sizes_are(list, 64));
    cr_assert(eq(int, plan_list(list, 65), -EINVAL));
    uint64_t top = UINT64_C(4096) << 15;
    cr_assert(eq(int, plan_steps(4096, top + top / 4 * 3, 4), 0));
    cr_assert(eq(uint, tiers.count, 64));
    cr_assert(eq(int, plan_steps(4096, 2 * top, 4), -EINVAL));
}

/* Fails when a bad number reaches the arithmetic: a shift by too much, a division by zero. */
Test(unit_tiers_plan, bad_plan_is_einval)
{
    static const size_t with_zero[] = {512, 0};
    static const size_t too_large[] = {512, ((size_t)1 << 30) + 1};
    static const size_t largest[] = {(size_t)1 << 30};

    cr_assert(eq(int, plan_steps(0, 4096, 1), -EINVAL));
    cr_assert(eq(int, plan_steps(512, 0, 1), -EINVAL));
    cr_assert(eq(int, plan_steps(1024, 512, 1), -EINVAL));
    cr_assert(eq(int, plan_steps(512, TIER_SIZE_MAX + 1, 1), -EINVAL));
    cr_assert(eq(int, plan_steps(UINT64_MAX, UINT64_MAX, 1), -EINVAL));
    for (uint64_t steps = 0; steps < 10; steps++)
        cr_assert(
            eq(int, plan_steps(512, 4096, steps), steps == 1 || steps == 2 || steps == 4 ? 0 : -EINVAL));
    cr_assert(eq(int, plan_list(with_zero, 2), -EINVAL));
    cr_assert(eq(int, plan_list(too_large, 2), -EINVAL));
    cr_assert(eq(int, plan_list(largest, 1), 0));
    cr_assert(eq(int, plan_list(largest, 0), -EINVAL));
    cr_assert(eq(int, plan_list(NULL, 1), -EINVAL));
}

static void plan_shapes(bool page_aligned, uint64_t page)
{
    static const size_t list[] = {512,   640,   4032,  4096,  5000,  8192,   15000,
                                  16320, 16384, 20000, 65536, 81920, 1048576};
    const struct tiers_plan plan = {.list = list, .list_count = LENGTH(list), .page_aligned = page_aligned};
    cr_assert(eq(int, tiers_plan(&tiers, &plan, page), 0));
}

/* Fails when 16 KiB and a header do not fit their tier, or 8 KiB is no longer page-exact. */
Test(unit_tiers_plan, headroom_is_three_lines_from_16_kib_on)
{
    plan_shapes(false, PAGE);
    for (unsigned i = 0; i < tiers.count; i++) {
        const struct tier *tier = &tiers.tier[i];
        cr_assert(eq(u64, tier->capacity, tier->size + (tier->size >= 16384 ? 192 : 0)));
        cr_assert(eq(u64, tier->stride, tier->capacity));
    }
}

/* Fails when a neighbour begins inside a page, or when headroom pushes it there. */
Test(unit_tiers_plan, page_aligned_tiers_are_whole_pages_from_4096_on)
{
    for (uint64_t page = PAGE; page <= 65536; page *= 16) {
        plan_shapes(true, page);
        for (unsigned i = 0; i < tiers.count; i++) {
            const struct tier *tier = &tiers.tier[i];
            cr_assert(eq(u64, tier->capacity, tier->size));
            if (tier->size >= 4096)
                cr_assert(eq(u64, tier->stride, round_up(tier->size, page)));
        }
    }
}

/* Fails when two groups of 64 share a page: a purge decides in one word about pages of its own. */
Test(unit_tiers_plan, sixty_four_strides_are_whole_pages)
{
    for (uint64_t page = PAGE; page <= 65536; page *= 4) {
        for (int aligned = 0; aligned < 2; aligned++) {
            plan_shapes(aligned != 0, page);
            for (unsigned i = 0; i < tiers.count; i++) {
                cr_assert(eq(u64, tiers.tier[i].stride * 64 % page, 0));
                cr_assert(ge(u64, tiers.tier[i].stride, tiers.tier[i].capacity));
                cr_assert(eq(u64, tiers.tier[i].stride % LINE_SIZE, 0));
            }
        }
    }
}
