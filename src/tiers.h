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
 * Division and the test for a remainder are one multiplication (Granlund and
 * Montgomery 1994, section 9). Let stride = odd << twos. Multiplying by the
 * inverse of `odd` modulo 2^64 and rotating right by `twos` gives the quotient
 * for multiples of the stride, and for everything else, negative distances
 * included, a value no quotient can have. So one compare with the number of
 * buffers finds interior, misaligned and out of range at once.
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
/* Larger ones by power of two and its eighths; then a few compares. */
#define TIERS_EIGHTHS (8u * 64u)

/* Headroom, and the size from which on a tier has it; DESIGN.md "Memory" has the measurement. */
#define HEADROOM_FROM (16u << 10)
#define HEADROOM (3u * LINE_SIZE)

/* Groups of 64 neighbours begin on a page, whatever the stride: 64 strides are a multiple of 64 * 64 = 4096.
 */
#define GROUP_BUFFERS 64u

/* The largest number of buffers a tier can have; 28 bits keep every product below in 64. */
#define TIER_BUFFERS_MAX (UINT32_C(1) << 28)

/* No size above this: 64 tiers of it are beyond any address space anyway. */
#define TIER_SIZE_MAX ((uint64_t)1 << 44)

struct tier {
    /* What a put reads, one cache line; written at create and fork, but for `count`. */
    alignas(LINE_SIZE) uintptr_t origin; /* address of buffer number `first` */
    uint64_t inverse;                    /* of the stride's odd part, modulo 2^64 */
    uint32_t twos;                       /* trailing zeros of the stride */
    /*
     * Buffers from `origin` on that have been committed. relaxed: it only
     * grows, and whoever holds a valid buffer got it from somebody who saw the
     * count above it.
     */
    _Atomic uint32_t count;
    uint32_t bin_offset; /* of this tier's bin in a thread's block */
    uint32_t first;      /* 0; in a forked child, the first buffer its own carving may hand out */
    uint64_t capacity;
    uint64_t stride;
    uint64_t size;
    uintptr_t base; /* address of buffer 0 */
};

struct tiers {
    uintptr_t base;      /* of the reservation */
    unsigned span_shift; /* log2 of the address space a tier */
    unsigned count;
    uint64_t largest; /* capacity of the last tier */
    uint8_t direct[TIERS_DIRECT];
    uint8_t eighth[TIERS_EIGHTHS];
    struct tier tier[TIERS_MAX];
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

/* Set where the spans lie; all counts become 0. */
void tiers_place(struct tiers *tiers, uintptr_t base, unsigned span_shift);

/* How many buffers a span holds. */
uint32_t tiers_span_count(const struct tiers *tiers, unsigned tier);

unsigned tiers_find_large(const struct tiers *tiers, uint64_t size);

/* The smallest tier whose capacity fits, or TIER_NONE. */
static ALWAYS_INLINE unsigned tiers_find(const struct tiers *tiers, uint64_t size)
{
    uint64_t line = (size - 1) / LINE_SIZE; /* of size 0: beyond the table */
    if (LIKELY(line < TIERS_DIRECT))
        return tiers->direct[line];
    return tiers_find_large(tiers, size);
}

/* The number of the span an address lies in; at least tiers->count where it lies in none. */
static ALWAYS_INLINE uint64_t tiers_of_address(const struct tiers *tiers, const void *address)
{
    return ((uintptr_t)address - tiers->base) >> tiers->span_shift;
}

/* distance / stride where that is whole; a number no buffer has elsewhere. */
static ALWAYS_INLINE uint64_t tier_divide(const struct tier *tier, uint64_t distance)
{
    uint64_t product = distance * tier->inverse;
    return product >> tier->twos | product << (-tier->twos & 63);
}

/* Is it the begin of a buffer that a put may take without another look? */
static ALWAYS_INLINE bool tier_holds(struct tier *tier, const void *address)
{
    return tier_divide(tier, (uintptr_t)address - tier->origin) <
           atomic_load_explicit(&tier->count, memory_order_relaxed);
}

/* The number of the buffer that begins at an address of this tier's span; TIER_BUFFERS_MAX or more if none
 * does. */
static inline uint64_t tier_index(const struct tier *tier, const void *address)
{
    return tier_divide(tier, (uintptr_t)address - tier->base);
}

static inline void *tier_address(const struct tier *tier, uint32_t index)
{
    return (void *)(tier->base +
                    index * tier->stride); // NOLINT(performance-no-int-to-ptr): address arithmetic
}

#endif /* TIERS_H */
