#include "span.h"

#include "hook.h"
#include "region.h"

/* Claims that are held together, so that ranges which touch go with one madvise. */
#define CLAIMS_MAX 64u

struct claim {
    uint32_t group;
    uint64_t taken;      /* free bits we cleared */
    uint64_t losing;     /* those of them that will have lost pages */
    uint64_t begin, end; /* bytes from the span's base, whole pages */
};

struct purge {
    struct span *span;
    uint64_t limit;    /* bytes still to go */
    uint64_t released; /* bytes gone */
    uint64_t claimed;  /* bytes of buffers in hand */
    unsigned count;
    bool refused; /* the system does not take pages: stop */
    struct claim claim[CLAIMS_MAX];
};

static bool release_range(struct purge *purge, uint64_t begin, uint64_t end)
{
    return region_purge((char *)purge->span->tier->base + begin,
                        end - begin); // NOLINT(performance-no-int-to-ptr)
}

/* The bits of buffers that have a byte in begin..end. */
static uint64_t buffers_in(const struct span *span, const struct claim *claim)
{
    const uint64_t base = claim->group * (uint64_t)GROUP_BUFFERS;
    uint64_t first = claim->begin / span->tier->stride - base;
    uint64_t last = (claim->end - 1) / span->tier->stride - base;
    return bits_between((unsigned)first, (unsigned)min_u64(last, GROUP_BUFFERS - 1));
}

/*
 * Buffers that keep their pages may have lost a border page to a neighbour's
 * purge, where they too were cold: what a put left in them is no longer there.
 */
static void forget_fill(const struct span *span, const struct claim *claim)
{
    if (span->shadow == NULL)
        return;
    for (uint64_t bits = claim->taken & buffers_in(span, claim); bits != 0; bits &= bits - 1) {
        unsigned number = (unsigned)__builtin_ctzll(bits);
        atomic_store_explicit(&span->shadow[claim->group * GROUP_BUFFERS + number].is_filled, false,
                              memory_order_relaxed); /* ours until their free bits are set */
    }
}

/* The buffers go back to their group, unbacked if their pages went. */
static void claim_return(struct purge *purge, const struct claim *claim, bool gone)
{
    struct span *span = purge->span;
    struct group *group = &span->group[claim->group];

    if (gone) {
        forget_fill(span, claim);
        unsigned count = (unsigned)__builtin_popcountll(claim->losing);
        /* relaxed: ours; published by the free bits below. */
        atomic_fetch_and_explicit(&group->backed, ~claim->losing, memory_order_relaxed);
        atomic_fetch_sub_explicit(&span->cold_count, count, memory_order_relaxed);
        atomic_fetch_add_explicit(&span->purges, count, memory_order_relaxed);
        budget_give(span->backed, count * span->tier->capacity);
        purge->released += min_u64(count * span->tier->stride, claim->end - claim->begin);
    }
    /* seq_cst [summary]; releases [buffer] the backed bits. */
    atomic_fetch_or_explicit(&group->free, claim->taken, memory_order_seq_cst);
    if (gone)
        summary_set(&span->unbacked, claim->group);
    if (!gone || claim->taken != claim->losing)
        summary_set(&span->cold, claim->group);
}

static void purge_flush(struct purge *purge)
{
    if (purge->count == 0)
        return;
    hook_reach(HOOK_PURGE_CLAIMED);
    for (unsigned i = 0, last; i < purge->count; i = last + 1) {
        for (last = i; last + 1 < purge->count; last++)
            if (purge->claim[last].end != purge->claim[last + 1].begin)
                break;
        bool gone = release_range(purge, purge->claim[i].begin, purge->claim[last].end);
        hook_reach(HOOK_PURGE_RELEASED);
        for (unsigned j = i; j <= last; j++)
            claim_return(purge, &purge->claim[j], gone);
        purge->refused = purge->refused || !gone;
    }
    purge->limit = subtract_to_zero(purge->limit, purge->claimed);
    purge->claimed = 0;
    purge->count = 0;
}

/*
 * Of a group whose `free` buffers may be claimed, which range of pages goes when
 * the cold ones from..to go, and who must be claimed for it: neighbours that
 * share a border page, if they are free too. False where no whole page goes.
 */
static bool claim_plan(const struct purge *purge, struct claim *claim, uint64_t free, unsigned from,
                       unsigned to)
{
    const uint64_t stride = purge->span->tier->stride;
    const uint64_t page = purge->span->page;
    const uint64_t base = claim->group * (uint64_t)GROUP_BUFFERS;
    uint64_t begin = (base + from) * stride;
    uint64_t end = (base + to + 1) * stride;
    uint64_t below =
        round_down(begin, page) / stride; /* first buffer on the first page; same group, see GROUP_BUFFERS */
    uint64_t above = (round_up(end, page) - 1) / stride;

    claim->taken = bits_between(from, to);
    uint64_t sharing = bits_between((unsigned)(below - base), from);
    if ((free & sharing) == sharing) {
        begin = round_down(begin, page);
        claim->taken |= sharing;
    } else {
        begin = round_up(begin, page);
    }
    /* The span may end inside a page and inside a group. */
    sharing = bits_between(to, (unsigned)min_u64(above - base, GROUP_BUFFERS - 1));
    if (above < purge->span->count_max && (free & sharing) == sharing) {
        end = round_up(end, page);
        claim->taken |= sharing;
    } else {
        end = round_down(end, page);
    }
    claim->begin = begin;
    claim->end = end;
    return begin < end;
}

static bool is_full(const struct purge *purge)
{
    return purge->count == CLAIMS_MAX || purge->claimed >= min_u64(PURGE_BATCH, purge->limit);
}

/* Claim what can go of one group, run by run; flush whenever the hand is full. */
static void purge_group(struct purge *purge, uint32_t number)
{
    struct span *span = purge->span;
    struct group *group = &span->group[number];
    unsigned from = 0;

    while (from < GROUP_BUFFERS && purge->limit > 0 && !purge->refused) {
        /* seq_cst [summary]; acquires [buffer] with the CAS below. */
        uint64_t free = atomic_load_explicit(&group->free, memory_order_seq_cst);
        uint64_t cold = free & atomic_load_explicit(&group->backed, memory_order_acquire);
        uint64_t ahead = cold & bits_between(from, GROUP_BUFFERS - 1);
        if (ahead == 0)
            return;
        unsigned begin = (unsigned)__builtin_ctzll(ahead);

        /* On to the last cold one before somebody's, as far as hand and limit have room. */
        uint64_t room =
            subtract_to_zero(min_u64(PURGE_BATCH, purge->limit), purge->claimed) / span->tier->stride;
        if (room == 0 && purge->claimed > 0) {
            purge_flush(purge);
            continue;
        }
        if (room == 0 && purge->limit < span->tier->stride) {
            purge->limit = 0;
            return;
        }
        unsigned to = begin; /* at least one */
        unsigned end = begin + 1;
        for (; end < GROUP_BUFFERS && (free >> end & 1) != 0 && end - begin < room; end++)
            if ((cold >> end & 1) != 0)
                to = end;

        struct claim *claim = &purge->claim[purge->count];
        claim->group = number;
        from = to + 1;
        if (!claim_plan(purge, claim, free, begin, to))
            continue;
        if (!atomic_compare_exchange_strong_explicit(&group->free, &free, free & ~claim->taken,
                                                     memory_order_seq_cst, memory_order_relaxed)) {
            from = begin; /* somebody parked or took here: look again */
            continue;
        }
        /* relaxed: only now they are ours, and what is backed stands still. */
        claim->losing = atomic_load_explicit(&group->backed, memory_order_relaxed) & bits_between(begin, to) &
                        buffers_in(span, claim);
        purge->count++;
        purge->claimed += (uint64_t)__builtin_popcountll(claim->losing) * span->tier->stride;
        /* A run that goes on gets its next part with this one unbacked, or their common page would stay. */
        if (is_full(purge) || (end < GROUP_BUFFERS && (free >> end & 1) != 0))
            purge_flush(purge);
    }
}

uint64_t span_purge(struct span *span, uint64_t limit)
{
    struct purge purge = {.span = span, .limit = limit};
    /* acquire [grown]: the books up to here are there. */
    uint32_t committed = atomic_load_explicit(&span->committed, memory_order_acquire);
    uint32_t words = (committed + 64 * GROUP_BUFFERS - 1) / (64 * GROUP_BUFFERS);

    for (uint32_t w = 0; w < words && span_cold_count(span) != 0; w++) {
        uint64_t word = atomic_load_explicit(&span->cold.words[w], memory_order_relaxed);
        for (; word != 0 && purge.limit > 0 && !purge.refused; word &= word - 1)
            purge_group(&purge, w * 64 + (uint32_t)__builtin_ctzll(word));
    }
    purge_flush(&purge);
    return purge.released;
}
