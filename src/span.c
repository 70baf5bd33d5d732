#include "span.h"

#include "hook.h"
#include "region.h"

/* Growth is the size so far, within these: few mprotects, little charged ahead. DESIGN.md "Memory". */
#define GROWTH_MIN ((uint64_t)2 << 20)
#define GROWTH_MAX ((uint64_t)64 << 20)

/* ------------------------------------------------------------ books */

static uint32_t groups_of(uint32_t buffers)
{
    return (buffers + GROUP_BUFFERS - 1) / GROUP_BUFFERS;
}

static size_t group_bytes(uint32_t groups, size_t page)
{
    return round_up(groups * sizeof(struct group), page);
}

static size_t summary_bytes(uint32_t groups, size_t page)
{
    return round_up((groups + 63) / 64 * sizeof(uint64_t), page);
}

size_t span_books_size(const struct tiers *tiers, unsigned tier, size_t page)
{
    uint32_t groups = groups_of(tiers_span_count(tiers, tier));
    return group_bytes(groups, page) + 2 * summary_bytes(groups, page);
}

void span_init(struct span *span, struct tiers *tiers, unsigned tier, void *books, size_t page,
               struct budget *backed)
{
    span->tier = &tiers->tier[tier];
    span->backed = backed;
    span->page = page;
    span->count_max = tiers_span_count(tiers, tier);
    span->groups_max = groups_of(span->count_max);
    span->books = books;
    span->books_size = span_books_size(tiers, tier, page);
    span->group = books;
    span->shadow = NULL;
    size_t groups = group_bytes(span->groups_max, page);
    size_t summary = summary_bytes(span->groups_max, page);
    span->cold.words = (void *)(span->books + groups);
    span->unbacked.words = (void *)(span->books + groups + summary);
    atomic_store_explicit(&span->cold.lowest, 0, memory_order_relaxed);
    atomic_store_explicit(&span->unbacked.lowest, 0, memory_order_relaxed);
    atomic_store_explicit(&span->committed, 0, memory_order_relaxed);
    atomic_store_explicit(&span->books_committed_whole, false, memory_order_relaxed);
    atomic_store_explicit(&span->cold_count, 0, memory_order_relaxed);
    atomic_store_explicit(&span->purges, 0, memory_order_relaxed);
}

/* ------------------------------------------------------------ summaries */

/*
 * Who adds to a group sets the bit after; who finds nothing in a group clears
 * the bit and then looks again. seq_cst [summary] on the group's word and on the
 * bit, at both: one of two that cross sees the other.
 */
void summary_set(struct summary *summary, uint32_t group)
{
    _Atomic uint64_t *word = &summary->words[group / 64];
    uint64_t bit = UINT64_C(1) << group % 64;

    if ((atomic_load_explicit(word, memory_order_seq_cst) & bit) == 0)
        atomic_fetch_or_explicit(word, bit, memory_order_seq_cst);
    if (group / 64 < atomic_load_explicit(&summary->lowest, memory_order_relaxed))
        atomic_store_explicit(&summary->lowest, group / 64, memory_order_relaxed);
}

void summary_clear(struct summary *summary, uint32_t group)
{
    atomic_fetch_and_explicit(&summary->words[group / 64], ~(UINT64_C(1) << group % 64),
                              memory_order_seq_cst);
}

/* ------------------------------------------------------------ growing */

static bool books_commit(struct span *span, uint32_t buffers)
{
    if (span->shadow != NULL && !region_commit(span->shadow, shadow_bytes(buffers, span->page)))
        return false;
    if (atomic_load_explicit(&span->books_committed_whole, memory_order_relaxed))
        return true;
    /* Small books whole, at the first growth; large ones (512 B tiers: 8 MiB) as far as the span is used. */
    if (span->books_size <= 4 * span->page) {
        if (!region_commit(span->books, span->books_size))
            return false;
        atomic_store_explicit(&span->books_committed_whole, true, memory_order_relaxed);
        return true;
    }
    uint32_t groups = groups_of(buffers);
    size_t summary = summary_bytes(groups, span->page);
    return region_commit(span->books, group_bytes(groups, span->page)) &&
           region_commit(span->cold.words, summary) && region_commit(span->unbacked.words, summary);
}

/* How many buffers the next growth adds. */
static uint64_t growth(const struct span *span, uint32_t committed)
{
    uint64_t stride = span->tier->stride;
    return max_u64(1, min_u64(max_u64(committed * stride, GROWTH_MIN), GROWTH_MAX) / stride);
}

static bool grow_to(struct span *span, uint32_t from, uint32_t to)
{
    const struct tier *tier = span->tier;
    uint64_t begin = round_down(from * tier->stride, span->page);
    uint64_t end = round_up(to * tier->stride, span->page);
    return books_commit(span, to) && region_commit((char *)tier->base + begin, end - begin);
}

static void unbacked_add(struct span *span, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t group = from / GROUP_BUFFERS;
        uint32_t last = (uint32_t)min_u64(to, (uint64_t)(group + 1) * GROUP_BUFFERS) - 1;
        /* seq_cst [summary]; also release [buffer], though an unbacked buffer has nothing to tell. */
        atomic_fetch_or_explicit(&span->group[group].free,
                                 bits_between(from % GROUP_BUFFERS, last % GROUP_BUFFERS),
                                 memory_order_seq_cst);
        summary_set(&span->unbacked, group);
        from = last + 1;
    }
}

/*
 * Commit more. Two threads may commit the same range, which is harmless; the
 * one whose CAS wins puts the new buffers into the books. If it is stopped in
 * between, the others find nothing there and grow once more.
 */
static enum carve grow(struct span *span)
{
    uint32_t committed = atomic_load_explicit(&span->committed, memory_order_acquire);
    if (committed >= span->count_max)
        return CARVE_SPAN_FULL;

    uint32_t target = (uint32_t)min_u64(span->count_max, committed + growth(span, committed));
    if (!grow_to(span, committed, target)) {
        target = committed + 1; /* the system is short: just what is needed now */
        if (!grow_to(span, committed, target))
            return CARVE_NO_MEMORY;
    }
    /* release [grown]: who sees the new count may touch what it counts. */
    if (atomic_compare_exchange_strong_explicit(&span->committed, &committed, target, memory_order_acq_rel,
                                                memory_order_relaxed)) {
        uint64_t bytes = (target - span->tier->first) * span->tier->stride;
        uint64_t before = atomic_load_explicit(&span->tier->committed, memory_order_relaxed);
        /* Only ever up: the winner of a later growth may be here first. */
        while (before < bytes &&
               !atomic_compare_exchange_weak_explicit(&span->tier->committed, &before, bytes,
                                                      memory_order_relaxed, memory_order_relaxed))
            continue;
        unbacked_add(span, committed, target);
    }
    return CARVED;
}

/* ------------------------------------------------------------ taking */

/* Take the group's lowest free buffer that is backed, or unbacked, as asked. */
static bool group_take(struct group *group, bool backed, unsigned *number)
{
    /* seq_cst [summary]: read after the bit was cleared. */
    uint64_t free = atomic_load_explicit(&group->free, memory_order_seq_cst);
    for (;;) {
        /* acquire: no older than `free`; and checked again below. */
        uint64_t has_pages = atomic_load_explicit(&group->backed, memory_order_acquire);
        uint64_t wanted = free & (backed ? has_pages : ~has_pages);
        if (wanted == 0)
            return false;
        uint64_t bit = wanted & -wanted;
        hook_reach(HOOK_SPAN_CHOSEN);
        /* Acquires [buffer]: what was written before the park comes with it. */
        if (!atomic_compare_exchange_weak_explicit(&group->free, &free, free & ~bit, memory_order_seq_cst,
                                                   memory_order_seq_cst))
            continue;
        /* Ours now, and so is its backed bit: a purge between load and CAS may have changed it. */
        if (((atomic_load_explicit(&group->backed, memory_order_relaxed) & bit) != 0) == backed) {
            *number = (unsigned)__builtin_ctzll(bit);
            return true;
        }
        free = atomic_fetch_or_explicit(&group->free, bit, memory_order_seq_cst) | bit;
    }
}

/*
 * Which bit a lane looks at first: lane 0 at the lowest that is set, lane 1 at the
 * one above, and round. At the highest last: the group where the span ends for
 * now, whose last buffer cannot give back the page it shares with the next one.
 */
static unsigned lane_bit(uint64_t word, unsigned lane)
{
    unsigned lanes = (unsigned)__builtin_popcountll(word) - 1;
    for (lane = lanes == 0 ? 0 : lane % lanes; lane > 0; lane--)
        word &= word - 1;
    return (unsigned)__builtin_ctzll(word);
}

static bool take_in_words(struct span *span, struct summary *summary, bool backed, unsigned lane,
                          uint32_t from, uint32_t to, uint32_t *index)
{
    for (uint32_t w = from; w < to; w++) {
        uint64_t word = atomic_load_explicit(&summary->words[w], memory_order_relaxed);
        while (word != 0) {
            unsigned bit = lane_bit(word, lane);
            uint32_t group = w * 64 + bit;
            unsigned number;
            word &= ~(UINT64_C(1) << bit);
            if (!group_take(&span->group[group], backed, &number)) {
                summary_clear(summary, group);
                if (!group_take(&span->group[group], backed, &number))
                    continue;
                summary_set(summary, group);
            }
            if (w != atomic_load_explicit(&summary->lowest, memory_order_relaxed))
                atomic_store_explicit(&summary->lowest, w, memory_order_relaxed);
            *index = group * GROUP_BUFFERS + number;
            return true;
        }
    }
    return false;
}

static bool take(struct span *span, struct summary *summary, bool backed, unsigned lane, uint32_t *index)
{
    /* acquire [grown]: the books up to here are there. */
    uint32_t committed = atomic_load_explicit(&span->committed, memory_order_acquire);
    uint32_t words = (groups_of(committed) + 63) / 64;
    uint32_t lowest = (uint32_t)min_u64(words, atomic_load_explicit(&summary->lowest, memory_order_relaxed));
    return take_in_words(span, summary, backed, lane, lowest, words, index) ||
           take_in_words(span, summary, backed, lane, 0, lowest, index);
}

enum carve span_carve(struct span *span, unsigned lane, uint32_t *index)
{
    uint64_t capacity = span->tier->capacity;
    if (budget_take(span->backed, capacity, 1) == 0)
        return CARVE_NO_MEMORY;
    while (!take(span, &span->unbacked, false, lane, index)) {
        enum carve grown = grow(span);
        if (grown != CARVED) {
            budget_give(span->backed, capacity);
            return grown;
        }
    }
    /* relaxed: the buffer is ours, and so is its bit. */
    atomic_fetch_or_explicit(&span->group[*index / GROUP_BUFFERS].backed,
                             UINT64_C(1) << *index % GROUP_BUFFERS, memory_order_relaxed);
    return CARVED;
}

bool span_take_cold(struct span *span, uint32_t *index)
{
    if (span_cold_count(span) == 0 || !take(span, &span->cold, true, 0, index))
        return false;
    atomic_fetch_sub_explicit(&span->cold_count, 1, memory_order_relaxed);
    return true;
}

uint64_t span_cold_count(struct span *span)
{
    return atomic_load_explicit(&span->cold_count, memory_order_relaxed);
}

/* ------------------------------------------------------------ giving back */

enum park span_look(struct span *span, uint32_t index)
{
    const struct group *group = &span->group[index / GROUP_BUFFERS];
    uint64_t bit = UINT64_C(1) << index % GROUP_BUFFERS;

    /* relaxed: the holder's own bits; of who holds nothing, only the answer matters. */
    if ((atomic_load_explicit(&group->backed, memory_order_relaxed) & bit) == 0)
        return PARK_UNCARVED;
    return (atomic_load_explicit(&group->free, memory_order_relaxed) & bit) != 0 ? PARK_DOUBLE : PARKED;
}

enum park span_park(struct span *span, uint32_t index)
{
    struct group *group = &span->group[index / GROUP_BUFFERS];
    uint64_t bit = UINT64_C(1) << index % GROUP_BUFFERS;

    if (span_look(span, index) == PARK_UNCARVED)
        return PARK_UNCARVED;
    atomic_fetch_add_explicit(&span->cold_count, 1, memory_order_relaxed);
    /* release [buffer]: what was written before the put goes with it; seq_cst [summary]. */
    if ((atomic_fetch_or_explicit(&group->free, bit, memory_order_seq_cst) & bit) != 0) {
        atomic_fetch_sub_explicit(&span->cold_count, 1, memory_order_relaxed);
        return PARK_DOUBLE;
    }
    summary_set(&span->cold, index / GROUP_BUFFERS);
    return PARKED;
}

bool span_adopt(struct span *span, uint32_t index)
{
    struct group *group = &span->group[index / GROUP_BUFFERS];
    uint64_t bit = UINT64_C(1) << index % GROUP_BUFFERS;

    if ((atomic_fetch_or_explicit(&group->backed, bit, memory_order_relaxed) & bit) != 0)
        return false;
    budget_force(span->backed, span->tier->capacity);
    return true;
}

void span_after_fork(struct span *span)
{
    struct tier *tier = span->tier;
    uint32_t committed =
        atomic_load_explicit(&span->committed, memory_order_relaxed); /* alone in the process */

    /*
     * Pages are copied one after another while the parent's other threads run:
     * this count may be older than a pointer to a buffer carved since, by the one
     * growth that was ready to be counted. The mappings are of one moment. Two
     * steps above lies what nobody can have seen, one of them to spare.
     */
    uint32_t first = (uint32_t)min_u64(committed + 2 * growth(span, committed), span->count_max);
    if (!books_commit(span, first)) {
        first = committed;
        span->count_max = committed; /* no memory for the books: this tier carves nothing more */
    }
    for (uint32_t g = 0; g < groups_of(first); g++) {
        atomic_store_explicit(&span->group[g].free, 0, memory_order_relaxed);
        atomic_store_explicit(&span->group[g].backed, 0, memory_order_relaxed);
    }
    for (uint32_t w = 0; w < (groups_of(first) + 63) / 64; w++) {
        atomic_store_explicit(&span->cold.words[w], 0, memory_order_relaxed);
        atomic_store_explicit(&span->unbacked.words[w], 0, memory_order_relaxed);
    }
    tier->first = first;
    tier->origin = tier->base + first * tier->stride;
    atomic_store_explicit(&tier->committed, 0, memory_order_relaxed);
    atomic_store_explicit(&span->committed, first, memory_order_relaxed);
    atomic_store_explicit(&span->cold.lowest, 0, memory_order_relaxed);
    atomic_store_explicit(&span->unbacked.lowest, 0, memory_order_relaxed);
    atomic_store_explicit(&span->cold_count, 0, memory_order_relaxed);
    atomic_store_explicit(&span->purges, 0, memory_order_relaxed);
}
