/*
 * span - one tier's stretch of address space: what is committed, which buffers
 * have pages, which of them nobody holds, and how their pages go home.
 *
 * The books stand beside the span, two bits a buffer in groups of 64:
 *
 *   free backed
 *    0     0     a forked child only: the parent handed it out, or had it idle
 *    0     1     held: in use, or in a bin, a magazine, somebody's hand
 *    1     1     cold: idle, and nobody's but the group's
 *    1     0     unbacked: never used, or purged
 *
 *            carve                        park
 *   unbacked ------> held (0 1) <-------------------> cold
 *       ^                         take (cold hit)       |
 *       '--------------- purge: claim, madvise ---------'
 *
 * A buffer changes owner with the atomic change of its `free` bit and at no
 * other moment. Its `backed` bit is written only by who holds it. 64 strides
 * are whole pages, so groups share no page and everything about a purge is
 * decided in one word: a page goes when all buffers on it are claimed.
 *
 * No lists: put never needs memory to file a buffer here, a double one is
 * seen by its bit, and the lowest free buffer (of those a CPU begins with) is
 * always the next one taken, which keeps what is in use together.
 */
#ifndef SPAN_H
#define SPAN_H

#include "budget.h"
#include "shadow.h"
#include "tiers.h"

struct group {
    _Atomic uint64_t free;
    _Atomic uint64_t backed;
};

/* One bit a group, 64 groups a word: may this group have what is looked for? */
struct summary {
    _Atomic uint64_t *words;
    _Atomic uint32_t lowest; /* no word below has a bit: a hint, relaxed */
};

struct span {
    struct tier *tier;
    struct budget *backed; /* max_bytes */
    size_t page;
    uint32_t count_max; /* buffers the span may hold */
    uint32_t groups_max;
    char *books; /* the groups, then the two summaries; committed as the span is */
    size_t books_size;
    struct group *group;
    struct summary cold;
    struct summary unbacked;
    struct shadow *shadow; /* one a buffer, committed as the span is; NULL: no debug word asked for it */

    /* Buffers committed so far, from 0. Written with CAS by who grows it. */
    alignas(DESTRUCTIVE_SIZE) _Atomic uint32_t committed;
    _Atomic bool books_committed_whole;

    /* What is cold, a purger's hand included; and counters. relaxed: numbers. */
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t cold_count;
    _Atomic uint64_t purges;
};

/* Bytes of address space the books of a span take; whole pages. */
size_t span_books_size(const struct tiers *tiers, unsigned tier, size_t page);

/* `books` is reserved, not committed. */
void span_init(struct span *span, struct tiers *tiers, unsigned tier, void *books, size_t page,
               struct budget *backed);

enum carve {
    CARVED,
    CARVE_NO_MEMORY, /* the system's, or max_bytes */
    CARVE_SPAN_FULL
};

/*
 * An unbacked buffer; it is held, and max_bytes has been charged. The lowest of
 * its lane's group: threads of different lanes, as CPUs are, each get neighbours
 * instead of every other buffer, so that what one writes goes on in one stream.
 */
enum carve span_carve(struct span *span, unsigned lane, uint32_t *index);

/* Has it grown to its end, so that a carve that finds nothing unbacked says CARVE_SPAN_FULL? */
static inline bool span_is_full(const struct span *span)
{
    /* relaxed: a number that only grows. */
    return atomic_load_explicit(&span->committed, memory_order_relaxed) >= span->count_max;
}

/* The lowest cold buffer; false where there is none. */
bool span_take_cold(struct span *span, uint32_t *index);

enum park {
    PARKED,
    PARK_DOUBLE,  /* it is free already */
    PARK_UNCARVED /* nobody can hold it: it has no pages */
};

/* A held buffer becomes cold. Never needs memory; lock-free. */
enum park span_park(struct span *span, uint32_t index);

/* What span_park would say, without doing it: may somebody hold this buffer? */
enum park span_look(struct span *span, uint32_t index);

/*
 * In a forked child: take over a buffer that the parent handed out. True the
 * first time for each.
 */
bool span_adopt(struct span *span, uint32_t index);

/*
 * Give the pages of cold buffers back, lowest first, until `limit` bytes are
 * gone or no page is left whose buffers are all cold or unbacked. Returns the
 * bytes given back. Claims at most PURGE_BATCH bytes at a time, and what shares
 * a border page with them: a purger that is stopped keeps no more, and they stay
 * counted as cold.
 */
#define PURGE_BATCH ((uint64_t)2 << 20)
uint64_t span_purge(struct span *span, uint64_t limit);

/*
 * In a forked child, which trusts no free list: nothing is idle, nothing is
 * known of what the parent carved, and carving resumes two growth steps above.
 */
void span_after_fork(struct span *span);

uint64_t span_cold_count(struct span *span);

/* For span.c and purge.c. */
void summary_set(struct summary *summary, uint32_t group);
void summary_clear(struct summary *summary, uint32_t group);

#endif /* SPAN_H */
