#include "tiers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_sizes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool size_is_valid(uint64_t size)
{
    return size != 0 && size <= TIER_SIZE_MAX;
}

/* The plan's nominal sizes, rounded, in no order, perhaps twice. Returns how many, or 0 for a bad plan. */
static size_t plan_sizes(const struct tiers_plan *plan, uint64_t sizes[TIERS_MAX])
{
    size_t count = 0;

    if (plan->list != NULL || plan->list_count != 0) {
        if (plan->list == NULL || plan->list_count == 0 || plan->list_count > TIERS_MAX)
            return 0;
        for (size_t i = 0; i < plan->list_count; i++) {
            if (!size_is_valid(plan->list[i]))
                return 0;
            sizes[count++] = round_up(plan->list[i], LINE_SIZE);
        }
        return count;
    }

    if (!size_is_valid(plan->min_size) || !size_is_valid(plan->max_size) || plan->min_size > plan->max_size)
        return 0;
    if (plan->steps != 1 && plan->steps != 2 && plan->steps != 4)
        return 0;
    uint64_t last = round_up(plan->max_size, LINE_SIZE);
    for (uint64_t doubled = plan->min_size; doubled < plan->max_size; doubled *= 2) {
        for (uint64_t step = 0; step < plan->steps; step++) {
            uint64_t size = round_up(doubled + doubled * step / plan->steps, LINE_SIZE);
            if (size >= last)
                break;
            if (count != 0 && sizes[count - 1] == size)
                continue;
            if (count == TIERS_MAX - 1)
                return 0;
            sizes[count++] = size;
        }
    }
    sizes[count++] = last;
    return count;
}

static void tier_shape(struct tier *tier, uint64_t size, bool page_aligned, uint64_t page)
{
    bool whole_pages = page_aligned && size >= 4096;

    tier->size = size;
    tier->capacity = size;
    if (size >= HEADROOM_FROM && !whole_pages)
        tier->capacity += HEADROOM;
    /* A group of 64 must be whole pages: with pages above 4096 that takes a coarser stride. */
    tier->stride = round_up(tier->capacity, whole_pages ? page : max_u64(LINE_SIZE, page / GROUP_BUFFERS));
    tier->reciprocal = UINT64_MAX / tier->stride + 1;
}

int tiers_plan(struct tiers *tiers, const struct tiers_plan *plan, uint64_t page)
{
    uint64_t sizes[TIERS_MAX];
    size_t count = plan_sizes(plan, sizes);
    if (count == 0)
        return -EINVAL;

    memset(tiers, 0, sizeof *tiers);
    qsort(sizes, count, sizeof sizes[0], compare_sizes);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || sizes[i] != sizes[i - 1])
            tier_shape(&tiers->tier[tiers->count++], sizes[i], plan->page_aligned, page);
    }
    tiers->largest = tiers->tier[tiers->count - 1].capacity;

    for (uint64_t eighth = 0; eighth < TIERS_EIGHTHS; eighth++) {
        unsigned first = 0;
        while (first < tiers->count && tiers_eighth(tiers->tier[first].capacity) < eighth)
            first++;
        tiers->eighth[eighth] = first < tiers->count ? (uint8_t)first : TIER_NONE;
    }
    tiers->tier[tiers->count].capacity = UINT64_MAX;
    unsigned tier = 0;
    for (unsigned step = 0; step < TIERS_DIRECT; step++) {
        while (tiers->tier[tier].capacity < (step + 1) * LINE_SIZE)
            tier++;
        tiers->direct[step] = (uint16_t)tiers_line(tier);
    }
    tier = 0;
    for (unsigned step = 0; step < TIERS_COARSE; step++) {
        while (tiers->tier[tier].capacity <= step * COARSE_STEP)
            tier++;
        tiers->coarse[step] = (uint16_t)tiers_line(tier);
    }
    return 0;
}

unsigned tiers_shift_min(const struct tiers *tiers)
{
    return log2_ceil(tiers->tier[tiers->count - 1].stride);
}

unsigned tiers_shift_max(const struct tiers *tiers)
{
    return (unsigned)min_u64(TIERS_SHIFT_MAX, 63 - tiers_shift_min(tiers));
}

uint32_t tiers_span_count(const struct tiers *tiers, unsigned tier)
{
    uint64_t count = ((uint64_t)1 << tiers->span_shift) / tiers->tier[tier].stride;
    return (uint32_t)min_u64(count, TIER_BUFFERS_MAX - 1);
}

void tiers_place(struct tiers *tiers, uintptr_t base, unsigned span_shift)
{
    tiers->base = base;
    tiers->span_shift = span_shift;
    tiers->line_shift = span_shift - log2_floor(LINE_SIZE);
    for (unsigned i = 0; i < tiers->count; i++) {
        struct tier *tier = &tiers->tier[i];
        tier->base = tier->origin = base + ((uintptr_t)i << span_shift);
        tier->first = 0;
        atomic_store_explicit(&tier->committed, 0, memory_order_relaxed);
    }
}
