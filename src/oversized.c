#include "oversized.h"

#include <errno.h>

#include "region.h"

#define SIZE_MIN ((size_t)8 << 20)

/* The address space and its books, or neither. */
static bool reserve(struct oversized *oversized, size_t size)
{
    uint32_t granules = (uint32_t)(size / GRANULE);
    size_t words = round_up((granules + 63) / 64 * sizeof(uint64_t), LINE_SIZE);
    size_t books_size = round_up(words + granules * sizeof(struct oversized_buffer), oversized->page);
    char *base = region_reserve(size);
    char *books = base != NULL ? region_map(books_size) : NULL;

    if (books == NULL) {
        if (base != NULL)
            region_release(base, size);
        return false;
    }
    oversized->base = base;
    oversized->size = size;
    oversized->granules = granules;
    oversized->books = books;
    oversized->books_size = books_size;
    oversized->taken = (void *)books;
    oversized->buffers = (void *)(books + words);
    return true;
}

void oversized_init(struct oversized *oversized, size_t size, size_t page, struct budget *backed)
{
    /* Everything but the books is zeroed by the pool's mapping or its last use. */
    *oversized = (struct oversized){.page = page, .backed = backed, .epoch = oversized->epoch + 1};
    size = round_down(max_u64(SIZE_MIN, min_u64(size, region_reserve_limit() / 2)), GRANULE);
    while (!reserve(oversized, size) && size / 2 >= SIZE_MIN)
        size = round_down(size / 2, GRANULE);
}

void oversized_end(struct oversized *oversized)
{
    if (oversized->base == NULL)
        return;
    region_release(oversized->base, oversized->size);
    region_release(oversized->books, oversized->books_size);
    oversized->base = NULL;
    oversized->size = 0;
}

void oversized_after_fork(struct oversized *oversized)
{
    oversized->epoch++;
    atomic_store_explicit(&oversized->in_use_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&oversized->in_use_count, 0, memory_order_relaxed);
}

/* ------------------------------------------------------------ granules */

/* Clear the bits of granules from..to, or set them, word by word; true if all were as expected before. */
static void granules_free(struct oversized *oversized, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t last = (uint32_t)min_u64(to, round_down(from, 64) + 64) - 1;
        /* release [granule]: the release of the pages comes before their next use. */
        atomic_fetch_and_explicit(&oversized->taken[from / 64], ~bits_between(from % 64, last % 64),
                                  memory_order_release);
        from = last + 1;
    }
}

/*
 * Claim granules from..to, ascending. On a conflict give back what was claimed
 * and say where it was. Of several that cross, the one furthest up meets nobody,
 * so somebody always succeeds.
 */
static bool granules_claim(struct oversized *oversized, uint32_t from, uint32_t to, uint32_t *conflict)
{
    for (uint32_t next = from; next < to;) {
        uint32_t last = (uint32_t)min_u64(to, round_down(next, 64) + 64) - 1;
        uint64_t bits = bits_between(next % 64, last % 64);
        _Atomic uint64_t *word = &oversized->taken[next / 64];
        uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
        do {
            if ((now & bits) != 0) {
                granules_free(oversized, from, next);
                *conflict = (uint32_t)round_down(next, 64) + log2_floor(now & bits);
                return false;
            }
            /* acquire [granule] */
        } while (!atomic_compare_exchange_weak_explicit(word, &now, now | bits, memory_order_acquire,
                                                        memory_order_relaxed));
        next = last + 1;
    }
    return true;
}

/* The first of `count` free granules in a row between begin and end, now ours; `granules` where there are
 * none. */
static uint32_t granules_find(struct oversized *oversized, uint32_t begin, uint32_t end, uint32_t count)
{
    uint32_t run = begin; /* everything from here to `at` looked free */
    for (uint32_t at = begin; at < end;) {
        uint64_t word = atomic_load_explicit(&oversized->taken[at / 64], memory_order_relaxed) >> at % 64;
        uint32_t free = word == 0 ? 64 - at % 64 : (uint32_t)__builtin_ctzll(word);
        at += free;
        while (at <= end + 63 && run + count <= min_u64(at, end)) {
            uint32_t conflict;
            if (granules_claim(oversized, run, run + count, &conflict))
                return run;
            run = conflict + 1;
        }
        if (word != 0)
            run = ++at;
    }
    return oversized->granules;
}

/* How many a buffer takes: one page more, so that what runs over the end meets no neighbour. */
static uint32_t granules_of(const struct oversized *oversized, uint64_t capacity)
{
    return (uint32_t)((capacity + oversized->page + GRANULE - 1) / GRANULE);
}

bool oversized_has_room(const struct oversized *oversized, size_t size)
{
    if (size > oversized->size || oversized->base == NULL)
        return false;
    uint32_t count = granules_of(oversized, round_up(size, oversized->page));
    uint32_t run = 0; /* free ones just below `at` */

    for (uint32_t at = 0; at < oversized->granules && run < count; at++) {
        uint64_t word = atomic_load_explicit(&oversized->taken[at / 64], memory_order_relaxed);
        run = (word >> at % 64 & 1) != 0 ? 0 : run + 1;
        if (word == UINT64_MAX)
            at |= 63;
    }
    return run >= count;
}

static void *get(struct oversized *oversized, size_t size, uint32_t offset)
{
    uint64_t capacity = round_up(max_u64(offset + size, 1), oversized->page);
    uint32_t count = granules_of(oversized, capacity);
    if (count > oversized->granules || budget_take(oversized->backed, capacity, 1) == 0) {
        errno = ENOMEM;
        return NULL;
    }
    /* relaxed: a hint. From there to the end, then everything. */
    uint32_t hint = atomic_load_explicit(&oversized->hint, memory_order_relaxed);
    uint32_t first = granules_find(oversized, hint, oversized->granules, count);
    if (first == oversized->granules)
        first = granules_find(oversized, 0, oversized->granules, count);
    if (first == oversized->granules)
        goto no_space;
    atomic_store_explicit(&oversized->hint, (first + count) % oversized->granules, memory_order_relaxed);

    char *buffer = oversized->base + first * GRANULE;
    if (!region_commit(buffer, capacity))
        goto no_memory;
    oversized->buffers[first].epoch = oversized->epoch;
    oversized->buffers[first].offset = offset;
    /* release [oversized]: whoever puts it sees its epoch and offset. */
    atomic_store_explicit(&oversized->buffers[first].pages, capacity, memory_order_release);
    atomic_fetch_add_explicit(&oversized->in_use_bytes, capacity, memory_order_relaxed);
    atomic_fetch_add_explicit(&oversized->in_use_count, 1, memory_order_relaxed);
    return buffer + offset;

no_memory:
    granules_free(oversized, first, first + count);
no_space:
    budget_give(oversized->backed, capacity);
    errno = ENOMEM;
    return NULL;
}

void *oversized_get(struct oversized *oversized, size_t size)
{
    if (size <= oversized->size && oversized->base != NULL)
        return get(oversized, size, 0);
    errno = ENOMEM;
    return NULL;
}

void *oversized_get_at_end(struct oversized *oversized, size_t size, size_t alignment)
{
    if (size > oversized->size || oversized->base == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    uint64_t rounded = round_up(size, alignment);
    uint64_t pages = round_up(max_u64(rounded, 1), oversized->page);
    return get(oversized, rounded, (uint32_t)(pages - rounded));
}

enum oversized_state oversized_look(const struct oversized *oversized, const void *address, size_t *capacity,
                                    size_t *inside)
{
    uint64_t offset = (uintptr_t)address - (uintptr_t)oversized->base;
    uint32_t granule = (uint32_t)(offset / GRANULE);

    if (offset % LINE_SIZE != 0)
        return OVERSIZED_MISALIGNED;
    /* acquire [oversized] */
    uint64_t pages = atomic_load_explicit(&oversized->buffers[granule].pages, memory_order_acquire);
    if (pages != 0 && offset % GRANULE == oversized->buffers[granule].offset) {
        *capacity = pages - oversized->buffers[granule].offset;
        return OVERSIZED_IN_USE;
    }
    /* Inside one that begins further down? A bug is being reported: time does not matter. */
    for (uint32_t head = granule + 1; head-- > 0;) {
        uint64_t bytes = atomic_load_explicit(&oversized->buffers[head].pages, memory_order_relaxed);
        uint64_t in_pages = offset - head * GRANULE;
        if (bytes != 0) {
            /* In front of one that ends where its pages do: no better name for it. */
            *inside = subtract_to_zero(in_pages, oversized->buffers[head].offset);
            return in_pages < bytes ? OVERSIZED_INTERIOR : OVERSIZED_FREE;
        }
    }
    return OVERSIZED_FREE;
}

bool oversized_was_got(const struct oversized *oversized, const void *address)
{
    uint64_t offset = (uintptr_t)address - (uintptr_t)oversized->base;
    const struct oversized_buffer *entry = &oversized->buffers[offset / GRANULE];
    return entry->epoch != 0 && offset % GRANULE == entry->offset;
}

enum oversized_state oversized_put(struct oversized *oversized, void *buffer, size_t *capacity,
                                   size_t *inside)
{
    enum oversized_state state = oversized_look(oversized, buffer, capacity, inside);
    if (state != OVERSIZED_IN_USE)
        return state;

    uint32_t first = (uint32_t)(((uintptr_t)buffer - (uintptr_t)oversized->base) / GRANULE);
    struct oversized_buffer *entry = &oversized->buffers[first];
    char *begin = oversized->base + first * GRANULE;
    uint64_t pages = *capacity + entry->offset;
    uint64_t expected = pages;
    bool counted = entry->epoch == oversized->epoch;
    /* relaxed: of two that put it at once one wins; order comes with the granules. */
    if (!atomic_compare_exchange_strong_explicit(&entry->pages, &expected, 0, memory_order_relaxed,
                                                 memory_order_relaxed))
        return OVERSIZED_FREE;
    region_decommit(begin, pages);
    if (counted) {
        atomic_fetch_sub_explicit(&oversized->in_use_bytes, pages, memory_order_relaxed);
        atomic_fetch_sub_explicit(&oversized->in_use_count, 1, memory_order_relaxed);
        budget_give(oversized->backed, pages);
    }
    granules_free(oversized, first, first + granules_of(oversized, pages));
    return OVERSIZED_IN_USE;
}
