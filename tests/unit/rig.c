#include "rig.h"

#include <string.h>
#include <sys/mman.h>

#include "pools.h"
#include "region.h"

void rig_open(struct rig *rig, struct rig_plan plan)
{
    const struct tiers_plan tiers = {.list = &plan.size, .list_count = 1};
    size_t span = (size_t)1 << plan.span_shift;

    memset(rig, 0, sizeof *rig);
    rig->page = plan.page != 0 ? plan.page : region_page();
    MUST(tiers_plan(&rig->tiers, &tiers, rig->page) == 0);
    rig->tier = &rig->tiers.tier[0];
    rig->tiers.span_shift = plan.span_shift;
    rig->reserved_size = span + span_books_size(&rig->tiers, 0, rig->page);
    rig->reserved = region_reserve(rig->reserved_size);
    MUST(rig->reserved != NULL);
    region_advise(rig->reserved, rig->reserved_size, false);
    tiers_place(&rig->tiers, (uintptr_t)rig->reserved, plan.span_shift);
    budget_init(&rig->backed, plan.max_bytes != 0 ? plan.max_bytes : UINT64_MAX - 1);
    span_init(&rig->span, &rig->tiers, 0, rig->reserved + span, rig->page, &rig->backed);
}

void rig_close(struct rig *rig)
{
    region_release(rig->reserved, rig->reserved_size);
}

uint32_t rig_carve(struct rig *rig)
{
    uint32_t index;
    MUST(span_carve(&rig->span, 0, &index) == CARVED);
    return index;
}

void rig_carve_row(struct rig *rig, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        MUST(rig_carve(rig) == first + i);
}

bool rig_page_is_present(const struct rig *rig, uint64_t page)
{
    unsigned char present[64];

    MUST(rig->page / region_page() <= sizeof present);
    MUST(mincore(rig->reserved + page * rig->page, rig->page, present) == 0);
    for (size_t i = 0; i < rig->page / region_page(); i++)
        if ((present[i] & 1) != 0)
            return true;
    return false;
}

uint64_t rig_pages(const struct rig *rig, uint32_t last)
{
    return round_up((last + UINT64_C(1)) * rig->tier->stride, rig->page) / rig->page;
}

void rig_touch(const struct rig *rig, uint32_t index)
{
    char *buffer = rig_buffer(rig, index);
    size_t capacity = rig->tier->capacity;

    for (size_t at = 0; at < capacity; at += 4096)
        buffer[at] = 1;
    buffer[capacity - 1] = 1;
}
