/*
 * tiers - sizes to tiers and addresses to buffers: arithmetic, no memory of its
 * own, no atomics but one.
 *
 *   base                base + span           base + 2 span
 *   |  tier 0           |  tier 1             |  tier 2 ...
 *   |[0][1][2]...       |[ 0 ][ 1 ]...        |[  0  ][  1  ]...
 *
 * tier = (address - base) >> span_shift; the buffer's number is the rest divided
 * by the stride, and the address is a buffer's begin if nothing remains.
 *
 * Whether nothing remains is one multiplication (Lemire, Kaser, Kurz 2019,
 * section 4): with c = ceil(2^64 / stride), distance * c modulo 2^64 is below c
 * for multiples of the stride and for nothing else, as long as distance and
 * stride together have at most 63 bits. tiers_shift_max sees to that.
 */
#ifndef TIERS_H
#define TIERS_H

#include <stdalign.h>
#include <stdatomic.h>

#include "base.h"

#define TIERS_MAX 64u
#define TIER_NONE 0xffu

/* Sizes up to 65 KiB find their tier with one load: 64 KiB and the largest header seen in BENCH.md's traces.
 */
#define TIERS_DIRECT 1040u
/* Sizes up to 2 MiB with one load and a compare or two. */
#define TIERS_COARSE 512u
#define COARSE_STEP UINT64_C(4096)
/* Larger ones by power of two and its eighths; then a few compares. */
#define TIERS_EIGHTHS (8u * 64u + 8u)

/* Headroom, and the size from which on a tier has it; DESIGN.md "Memory" has the measurement. */
#define HEADROOM_FROM (UINT64_C(16) << 10)
#define HEADROOM (3 * LINE_SIZE)

/* Groups of 64 neighbours begin on a page, whatever the stride: 64 strides are a multiple of 64 * 64 = 4096.
 */
#define GROUP_BUFFERS 64u

/* The largest number of buffers a tier can have; 28 bits keep every product below in 64. */
#define TIER_BUFFERS_MAX (UINT32_C(1) << 28)

/* No size above this: its span, to be divided exactly (tier_holds), could hold but few. */
#define TIER_SIZE_MAX ((uint64_t)1 << 30)

/* No span above this: 64 of them are half of a 47-bit address space. */
#define TIERS_SHIFT_MAX 40u

struct tier {
    /* What a put reads, one cache line; written at create and fork, but for `committed`. */
    alignas(LINE_SIZE) uintptr_t origin; /* address of buffer number `first` */
    uint64_t reciprocal;                 /* ceil(2^64 / stride) */
    /*
     * Bytes from `origin` on that hold committed buffers. relaxed: it only grows,
     * and whoever holds a valid buffer got it from somebody who saw it grown.
     */
    _Atomic uint64_t committed;
    uint32_t first; /* 0; in a forked child, the first buffer its own carving may hand out */
    uint64_t capacity;
    uint64_t stride;
    uint64_t size;
    uintptr_t base; /* address of buffer 0 */
};

struct tiers {
    /* What a hit reads: src/layout.c. */
    uintptr_t base;      /* of the reservation */
    unsigned span_shift; /* log2 of the address space a tier */
    unsigned line_shift; /* that less log2 of a line */
    /* The line of each size's tier, in steps of a line; beyond the largest tier that of the tier behind it.
     */
    uint16_t direct[TIERS_DIRECT];
    struct tier tier[TIERS_MAX + 1]; /* the one behind the last: every size fits, no address is held */

    uint16_t coarse[TIERS_COARSE]; /* as `direct`, for the smallest size of each coarse step */
    uint8_t eighth[TIERS_EIGHTHS];
    unsigned count;
    uint64_t largest; /* capacity of the last tier */
};

/* What tiers are made from; bufpool_config_t's fields of the same names. */
struct tiers_plan {
    uint64_t min_size, max_size, steps;
    const size_t *list;
    size_t list_count;
    bool page_aligned;
};

/*
 * Fill sizes, capacities, strides and look-up tables. `page` is the system's
 * page size. 0 or -EINVAL, see bufpool_create.
 */
int tiers_plan(struct tiers *tiers, const struct tiers_plan *plan, uint64_t page);

/* The smallest shift whose span holds one buffer of the largest tier. */
unsigned tiers_shift_min(const struct tiers *tiers);

/* Set where the spans lie; nothing is committed then. */
void tiers_place(struct tiers *tiers, uintptr_t base, unsigned span_shift);

/* How many buffers a span holds. */
uint32_t tiers_span_count(const struct tiers *tiers, unsigned tier);

/* The largest shift for which tier_holds is exact. */
unsigned tiers_shift_max(const struct tiers *tiers);

/* Which eighth of a doubling a size lies in; monotone in the size, which is at least 8. */
static inline uint64_t tiers_eighth(uint64_t size)
{
    uint64_t power = log2_floor(size);
    return power * 8 + (size >> (power - 3) & 7);
}

/* The smallest tier whose capacity fits, or TIER_NONE. */
static ALWAYS_INLINE unsigned tiers_find(const struct tiers *tiers, uint64_t size)
{
    if (UNLIKELY(size > tiers->largest))
        return TIER_NONE;
    unsigned tier = tiers->eighth[tiers_eighth(max_u64(size, 8))]; /* below 8 there are no eighths */
    /* At most the tiers of one eighth; ends, as the last tier fits. */
    while (tiers->tier[tier].capacity < size)
        tier++;
    return tier;
}

/*
 * A tier's line: its number times LINE_SIZE, the distance of two tiers in
 * `tier`, and of their bins in a block. Of an address, modulo TIERS_MAX: no tier
 * and no unused entry holds an address outside its own span.
 */
static ALWAYS_INLINE uint64_t tiers_line(unsigned tier)
{
    return tier * LINE_SIZE;
}

static ALWAYS_INLINE uint64_t tiers_line_of_address(const struct tiers *tiers, const void *address)
{
    return ((uintptr_t)address - tiers->base) >> tiers->line_shift & (TIERS_MAX - 1) * LINE_SIZE;
}

static ALWAYS_INLINE const struct tier *tiers_at_line(const struct tiers *tiers, uint64_t line)
{
    return (const struct tier *)(const void *)((const char *)tiers->tier + line);
}

/* The number of the span an address lies in; at least tiers->count where it lies in none. */
static ALWAYS_INLINE uint64_t tiers_of_address(const struct tiers *tiers, const void *address)
{
    return ((uintptr_t)address - tiers->base) >> tiers->span_shift;
}

/* The line of the tier for a size that `coarse` has and `direct` has not. */
static ALWAYS_INLINE uint64_t tiers_line_of_large(const struct tiers *tiers, uint64_t size)
{
    uint64_t line = tiers->coarse[(size - 1) / COARSE_STEP];
    while (UNLIKELY(tiers_at_line(tiers, line)->capacity < size))
        line += LINE_SIZE;
    return line;
}

/* The line of the tier for any size; beyond the largest tier that of the one behind it. */
static inline uint64_t tiers_line_of_any(const struct tiers *tiers, uint64_t size)
{
    unsigned tier = tiers_find(tiers, size);
    return tiers_line(tier == TIER_NONE ? tiers->count : tier);
}

/* Does a committed buffer, of this process's own carving, begin here? For any address. */
static ALWAYS_INLINE bool tier_holds(const struct tier *tier, const void *address)
{
    uint64_t distance = (uintptr_t)address - tier->origin;
    return distance < atomic_load_explicit(&tier->committed, memory_order_relaxed) &&
           distance * tier->reciprocal < tier->reciprocal;
}

/* The number of the buffer an address of this tier's span lies in. */
static inline uint64_t tier_index(const struct tier *tier, const void *address)
{
    return ((uintptr_t)address - tier->base) / tier->stride;
}

static inline void *tier_address(const struct tier *tier, uint64_t index)
{
    return (void *)(tier->base +
                    index * tier->stride); // NOLINT(performance-no-int-to-ptr): address arithmetic
}

/* Did a forked child's parent hand this one out? */
static inline bool tier_inherited(const struct tier *tier, const void *address)
{
    uint64_t distance = (uintptr_t)address - tier->base;
    return distance < tier->first * tier->stride && distance % tier->stride == 0;
}

#endif /* TIERS_H */
