/*
 * slot - one connection's place: a word that says whose it is, and what its owner keeps beside it.
 *
 * The word is { generation:48 | shelf:12 | state:4 } and is moved by compare-and-swap: who wins
 * owns the connection until he moves it on. Nothing else decides that; hints, queues and
 * the keeper's notes only say where to look.
 *
 *            acquire                     open                   acquire, keeper
 *   IDLE ---------------> IN_USE   FREE -------> OPENING ---------------------> IN_USE, KEPT
 *   IDLE <--------------- IN_USE   release of a connection that is fit, nobody waiting
 *   IDLE <--------------> KEPT     taken aside: checked, or looked at by the keeper
 *   IN_USE -> KEPT -> IN_USE       release with more to do: reset, hand over to who waits
 *   IDLE, KEPT -> CLOSING -> FREE  its resource ends; or -> OPENING for whoever needs the room
 *   IN_USE -> RECLAIMED -> FREE    closed under its borrower; FREE when he releases
 *
 * The generation grows when a connection is lent out and when a slot is opened, so a ticket
 * { generation:48 | index + 1:16 } fits its slot during one lease and never again. It begins at a
 * number of the pool's own, so another pool's ticket is as good as never near it.
 */
#ifndef CONN_SLOT_H
#define CONN_SLOT_H

#include <bufpool/connpool.h>
#include <stdatomic.h>

enum conn_state {
    CONN_FREE,      /* no connection */
    CONN_OPENING,   /* whoever moved it here opens one */
    CONN_IDLE,      /* nobody's: the next to swap it */
    CONN_KEPT,      /* idle, but somebody is looking at it */
    CONN_CLOSING,   /* whoever moved it here closes it */
    CONN_RECLAIMED, /* closed under its borrower, who has not come back */
    CONN_IN_USE = 8 /* and its flags */
};

/* Beside CONN_IN_USE. */
#define CONN_TOUCHED 1u /* since the keeper looked last */
#define CONN_MARKED 2u  /* release closes it */
#define CONN_TOLD 4u    /* as overdue, once */

#define CONN_STATE_BITS 4u
#define CONN_SHELF_BITS 12u
#define CONN_GENERATION_SHIFT (CONN_STATE_BITS + CONN_SHELF_BITS)
#define CONN_STATE_MASK (((uint64_t)1 << CONN_STATE_BITS) - 1)
#define CONN_PLACE_MASK (((uint64_t)1 << CONN_GENERATION_SHIFT) - 1) /* shelf and state */

/* Why a connection is closed: one counter each, in the order of connpool_stats_t. */
enum conn_reason {
    CONN_BY_IDLE,
    CONN_BY_AGE,
    CONN_BY_MARK,
    CONN_BY_RESET,
    CONN_BY_CHECK,
    CONN_BY_PEER,
    CONN_BY_LIMIT,
    CONN_BY_RECLAIM,
    CONN_BY_EVICTION,
    CONN_BY_END,
    CONN_REASONS
};

/*
 * "Owner" is who moved the word last, into any state but IDLE and FREE. What only he touches is plain; what
 * others read in passing (scans, the keeper, a stale lease) is atomic and relaxed: they swap the word
 * before they act on it.
 */
struct conn_slot {
    _Alignas(128) _Atomic uint64_t word;
    _Atomic(void *) resource;      /* owner */
    _Atomic uint64_t used_at;      /* owner, at release and open: ms */
    _Atomic uint64_t stamp;        /* the same moment, finer: orders by use */
    _Atomic uint64_t lent_at;      /* borrower, at acquire and touch, where overdue_ms counts; see below */
    _Atomic uint64_t lent_us;      /* borrower: when this use began, plus 1; 0 where it is not timed */
    _Atomic uint64_t opened_at;    /* owner, at open: ms */
    _Atomic uint64_t opened_order; /* owner, at open: grows from open to open */
    _Atomic uint64_t checked_at;   /* owner: ms of the last check or use that went well */
    _Atomic uint64_t uses;         /* owner, at acquire: leases of this slot since create */
    _Atomic uint32_t jitter_ms;    /* owner, at open: ends so much before max_lifetime */
    _Atomic uint32_t reason;       /* who sets CONN_MARKED, before: why; enum conn_reason */
    uint64_t gone;      /* keeper, in a round: `opened_order` of one that the other end has closed */
    uint64_t seen_uses; /* keeper, in a round: `uses` when it looked last */
    bool is_counted;    /* owner: this idleness is in the counts of max_idle */
};

static inline unsigned conn_state_of(uint64_t word)
{
    return (unsigned)(word & CONN_STATE_MASK);
}

static inline bool conn_word_is_in_use(uint64_t word)
{
    return (word & CONN_IN_USE) != 0;
}

static inline unsigned conn_shelf_of(uint64_t word)
{
    return (unsigned)((word & CONN_PLACE_MASK) >> CONN_STATE_BITS);
}

static inline uint64_t conn_generation_of(uint64_t word)
{
    return word >> CONN_GENERATION_SHIFT;
}

static inline uint64_t conn_word(uint64_t generation, unsigned shelf, unsigned state)
{
    return generation << CONN_GENERATION_SHIFT | (uint64_t)shelf << CONN_STATE_BITS | state;
}

/* The same connection in another state. */
static inline uint64_t conn_word_as(uint64_t word, unsigned state)
{
    return (word & ~CONN_STATE_MASK) | state;
}

/* The next lease of it. Wraps after 2^48. */
static inline uint64_t conn_word_lent(uint64_t word)
{
    return conn_word_as(word + ((uint64_t)1 << CONN_GENERATION_SHIFT), CONN_IN_USE);
}

static inline uint64_t conn_ticket(uint64_t word, size_t index)
{
    return conn_generation_of(word) << 16 | (index + 1);
}

/*
 * lent_at is { low 20 bits of the lease's generation | ms }: it is written while others may look, after
 * the word has moved, and must not be taken for the next lease's.
 */
#define CONN_LENT_BITS 44u
#define CONN_LENT_MASK (((uint64_t)1 << CONN_LENT_BITS) - 1)

static inline void conn_lent_write(struct conn_slot *slot, uint64_t word, uint64_t now_ms)
{
    /* relaxed: carries its own proof of what it belongs to. */
    atomic_store_explicit(&slot->lent_at,
                          conn_generation_of(word) << CONN_LENT_BITS | (now_ms & CONN_LENT_MASK),
                          memory_order_relaxed);
}

/* The same for a touch, which may come when the lease has just ended: the next one's is left alone. */
static inline void conn_lent_renew(struct conn_slot *slot, uint64_t word, uint64_t now_ms)
{
    uint64_t lent = atomic_load_explicit(&slot->lent_at, memory_order_relaxed);
    uint64_t renewed = conn_generation_of(word) << CONN_LENT_BITS | (now_ms & CONN_LENT_MASK);

    /* relaxed: as above. Lost: touched by another thread too, or the next lease has begun. */
    if ((lent ^ renewed) >> CONN_LENT_BITS == 0)
        atomic_compare_exchange_strong_explicit(&slot->lent_at, &lent, renewed, memory_order_relaxed,
                                                memory_order_relaxed);
}

/* Since when the lease of `word` runs: ms, or UINT64_MAX where that is not written yet. */
static inline uint64_t conn_lent_read(const struct conn_slot *slot, uint64_t word)
{
    uint64_t lent = atomic_load_explicit(&slot->lent_at, memory_order_relaxed);
    bool is_ours = lent >> CONN_LENT_BITS == (conn_generation_of(word) << CONN_LENT_BITS) >> CONN_LENT_BITS;
    return is_ours ? lent & CONN_LENT_MASK : UINT64_MAX;
}

/*
 * Move a word on if it still is `*word`, which else becomes what it is.
 *
 * acquire [slot]: what the last owner wrote comes with it. release [slot]: what we wrote
 * goes with it. seq_cst [waiters]: to make idle and then look for who waits; see queue.c.
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): clang-tidy 14 does not see that it is written. */
static inline bool conn_slot_move(struct conn_slot *slot, uint64_t *word, uint64_t next)
{
    return atomic_compare_exchange_strong_explicit(&slot->word, word, next, memory_order_seq_cst,
                                                   memory_order_acquire);
}

#endif /* CONN_SLOT_H */
