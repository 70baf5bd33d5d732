#include "sizes.h"

#include <inttypes.h>

#define LINEAR_WIDTH UINT64_C(64)
#define LINEAR_LOG2 10u /* log2 of LINEAR_WIDTH * SIZES_LINEAR */

unsigned sizes_bucket(uint64_t size)
{
    uint64_t below = subtract_to_zero(size, 1); /* a bucket's largest size is a round one */

    if (below < LINEAR_WIDTH * SIZES_LINEAR)
        return (unsigned)(below / LINEAR_WIDTH);
    unsigned power = log2_floor(below);
    uint64_t bucket = SIZES_LINEAR + (power - LINEAR_LOG2) * 16 + (below >> (power - 4) & 15);
    return (unsigned)min_u64(bucket, SIZES_BUCKETS - 1);
}

uint64_t sizes_most(unsigned bucket)
{
    if (bucket < SIZES_LINEAR)
        return (bucket + 1) * LINEAR_WIDTH;
    unsigned sixteenths = bucket - SIZES_LINEAR;
    return (uint64_t)(16 + sixteenths % 16 + 1) << (LINEAR_LOG2 - 4 + sixteenths / 16);
}

static uint64_t read(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static void raise_to(_Atomic uint64_t *number, uint64_t value)
{
    uint64_t before = read(number);
    while (before < value && !atomic_compare_exchange_weak_explicit(
                                 number, &before, value, memory_order_relaxed, memory_order_relaxed))
        ;
}

/* So rarely that it costs nothing: at most sixteen times a doubling, and a bit. */
static void copy_peak(struct sizes *sizes, uint64_t bytes)
{
    uint64_t peak = read(&sizes->peak_bytes);

    if (bytes <= peak + peak / 16 || atomic_exchange_explicit(&sizes->is_copying, true, memory_order_relaxed))
        return;
    atomic_store_explicit(&sizes->peak_bytes, bytes, memory_order_relaxed);
    for (unsigned i = 0; i < SIZES_BUCKETS; i++)
        atomic_store_explicit(&sizes->bucket[i].at_peak, read(&sizes->bucket[i].in_use),
                              memory_order_relaxed);
    atomic_store_explicit(&sizes->is_copying, false, memory_order_relaxed);
}

static void add(struct sizes *sizes, uint64_t size)
{
    struct sizes_bucket *bucket = &sizes->bucket[sizes_bucket(size)];

    raise_to(&bucket->largest, size);
    atomic_fetch_add_explicit(&bucket->in_use, 1, memory_order_relaxed);
    copy_peak(sizes, atomic_fetch_add_explicit(&sizes->in_use_bytes, size, memory_order_relaxed) + size);
}

void sizes_got(struct sizes *sizes, uint64_t size)
{
    atomic_fetch_add_explicit(&sizes->bucket[sizes_bucket(size)].gets, 1, memory_order_relaxed);
    add(sizes, size);
}

void sizes_put(struct sizes *sizes, uint64_t size)
{
    atomic_fetch_sub_explicit(&sizes->bucket[sizes_bucket(size)].in_use, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&sizes->in_use_bytes, size, memory_order_relaxed);
}

void sizes_resized(struct sizes *sizes, uint64_t before, uint64_t size)
{
    sizes_put(sizes, before);
    add(sizes, size);
}

static void copy_number(_Atomic uint64_t *copy, const _Atomic uint64_t *number)
{
    atomic_store_explicit(copy, read(number), memory_order_relaxed);
}

void sizes_copy(struct sizes *copy, const struct sizes *sizes)
{
    copy_number(&copy->in_use_bytes, &sizes->in_use_bytes);
    copy_number(&copy->peak_bytes, &sizes->peak_bytes);
    for (unsigned i = 0; i < SIZES_BUCKETS; i++) {
        copy_number(&copy->bucket[i].gets, &sizes->bucket[i].gets);
        copy_number(&copy->bucket[i].in_use, &sizes->bucket[i].in_use);
        copy_number(&copy->bucket[i].at_peak, &sizes->bucket[i].at_peak);
        copy_number(&copy->bucket[i].largest, &sizes->bucket[i].largest);
    }
}

void sizes_write(const struct sizes *sizes, FILE *out)
{
    const char *before = "";

    fprintf(out, "{\"in_use_bytes\":%" PRIu64 ",\"peak_bytes\":%" PRIu64 ",\"buckets\":[",
            read(&sizes->in_use_bytes), read(&sizes->peak_bytes));
    for (unsigned i = 0; i < SIZES_BUCKETS; i++) {
        const struct sizes_bucket *bucket = &sizes->bucket[i];
        if (read(&bucket->largest) == 0 && read(&bucket->gets) == 0)
            continue;
        fprintf(out,
                "%s{\"to\":%" PRIu64 ",\"largest\":%" PRIu64 ",\"gets\":%" PRIu64 ",\"in_use\":%" PRIu64
                ",\"at_peak\":%" PRIu64 "}",
                before, sizes_most(i), read(&bucket->largest), read(&bucket->gets), read(&bucket->in_use),
                read(&bucket->at_peak));
        before = ",";
    }
    fputs("]}", out);
}
