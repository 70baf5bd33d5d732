/*
 * rig - one tier's span on real memory, without a pool around it.
 */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "span.h"

struct rig {
    struct tiers tiers;
    struct span span;
    struct tier *tier;
    struct budget backed;
    size_t page;
    char *reserved;
    size_t reserved_size;
};

/* What a test says in one line: any valid size, a span of 2^span_shift bytes. */
struct rig_plan {
    size_t size;
    unsigned span_shift;
    size_t page;        /* 0: the system's; otherwise a multiple of it */
    uint64_t max_bytes; /* 0: no limit */
};

void rig_open(struct rig *rig, struct rig_plan plan);
void rig_close(struct rig *rig);

/* span_carve that must work: the number of the buffer. */
uint32_t rig_carve(struct rig *rig);
/* The next `count` of them, which must be the numbers first..first+count-1. */
void rig_carve_row(struct rig *rig, uint32_t first, uint32_t count);

static inline char *rig_buffer(const struct rig *rig, uint32_t index)
{
    return tier_address(rig->tier, index);
}

/* Is any part of the rig's page number `page` present? */
bool rig_page_is_present(const struct rig *rig, uint64_t page);
/* Pages up to the end of buffer `last`. */
uint64_t rig_pages(const struct rig *rig, uint32_t last);

/* Touch each page of a buffer, the last byte too. */
void rig_touch(const struct rig *rig, uint32_t index);

#endif /* TEST_RIG_H */
