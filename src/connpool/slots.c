#include "slots.h"

#include <sched.h>

/* ------------------------------------------------------------ near, and hints */

_Thread_local struct conn_near conn_near[CONN_NEAR];

unsigned conn_shard(const struct connpool *pool)
{
    /* Where the system does not tell: (unsigned)-1, some shard. */
    return (unsigned)sched_getcpu() & pool->shard_mask;
}

static struct conn_hints *hints_of(struct connpool *pool, unsigned shelf)
{
    return &pool->hints[(size_t)shelf * (pool->shard_mask + 1) + conn_shard(pool)];
}

void conn_hint(struct connpool *pool, size_t index)
{
    /* relaxed, all of it: a guess. */
    uint64_t word = atomic_load_explicit(&pool->slots[index].word, memory_order_relaxed);
    struct conn_hints *hints = hints_of(pool, conn_shelf_of(word));
    uint32_t top = atomic_load_explicit(&hints->top, memory_order_relaxed) + 1;
    atomic_store_explicit(&hints->slot[top % CONN_HINTS], (uint16_t)(index + 1), memory_order_relaxed);
    atomic_store_explicit(&hints->top, top, memory_order_relaxed);
}

struct conn_slot *conn_hinted(struct connpool *pool, unsigned shelf, uint64_t *word)
{
    struct conn_hints *hints = hints_of(pool, shelf);
    uint32_t top = atomic_load_explicit(&hints->top, memory_order_relaxed);

    for (unsigned i = 0; i < CONN_HINTS; i++) {
        _Atomic uint16_t *hint = &hints->slot[top % CONN_HINTS];
        uint16_t number = atomic_load_explicit(hint, memory_order_relaxed);
        if (number == 0)
            return NULL;
        atomic_store_explicit(hint, 0, memory_order_relaxed);
        atomic_store_explicit(&hints->top, --top, memory_order_relaxed);
        struct conn_slot *slot = &pool->slots[number - 1];
        /* acquire [slot]: the last owner's writes come with it. */
        *word = atomic_load_explicit(&slot->word, memory_order_acquire);
        if ((*word & CONN_PLACE_MASK) == ((uint64_t)shelf << CONN_STATE_BITS | CONN_IDLE))
            return slot;
    }
    return NULL;
}

/* ------------------------------------------------------------ claims */

/* One less is idle: ours. */
void conn_uncount(struct connpool *pool, struct conn_slot *slot, uint64_t word)
{
    slot->is_counted = false;
    /* relaxed [idle]: bounds; who counts in looks at what his own RMW gave. */
    atomic_fetch_sub_explicit(&pool->idle, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&pool->shelves[conn_shelf_of(word)].idle, 1, memory_order_relaxed);
}

bool conn_claim(struct connpool *pool, struct conn_slot *slot, uint64_t word, unsigned state)
{
    if (conn_state_of(word) != CONN_IDLE || !conn_slot_move(slot, &word, conn_word_as(word, state)))
        return false;
    if (slot->is_counted)
        conn_uncount(pool, slot, word);
    return true;
}

/* What a scan has found so far. */
struct finding {
    struct conn_slot *slot;
    uint64_t word;
    uint64_t rank;
    uint64_t seen;   /* how many idle ones, for an even choice among them */
    bool has_passed; /* one that is idle, and not asked for */
};

/* The larger the sooner. */
static uint64_t rank_of(struct connpool *pool, const struct conn_slot *slot, struct finding *best)
{
    /* relaxed: a scan's figures may be of a moment ago; the claim decides. */
    switch (pool->config.order) {
    case CONNPOOL_FIFO:
        return ~atomic_load_explicit(&slot->opened_order, memory_order_relaxed);
    case CONNPOOL_LRU:
        return ~atomic_load_explicit(&slot->stamp, memory_order_relaxed);
    case CONNPOOL_RANDOM:
        /* The n-th seen replaces the choice in one of n cases. */
        best->seen++;
        return conn_random(pool) % best->seen == 0 ? UINT64_MAX : 0;
    case CONNPOOL_LIFO:
        break;
    }
    return atomic_load_explicit(&slot->stamp, memory_order_relaxed);
}

static void consider(struct finding *best, struct conn_slot *slot, uint64_t word, uint64_t rank)
{
    if (best->slot == NULL || rank == UINT64_MAX || rank > best->rank)
        *best = (struct finding){slot, word, rank, best->seen, best->has_passed};
}

/* An idle one into the finding: of a shelf by the pool's order, or of any other by what was unused for
 * longest.
 */
static inline void look_at(struct connpool *pool, struct conn_slot *slot, unsigned shelf, bool is_of_others,
                           struct finding *best)
{
    /* seq_cst [waiters]: who waits has said so, and now looks at each word. */
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_seq_cst);

    if (conn_state_of(word) != CONN_IDLE)
        return;
    if ((conn_shelf_of(word) == shelf) == is_of_others) {
        best->has_passed = true;
        return;
    }
    /* relaxed: see rank_of. */
    consider(best, slot, word,
             is_of_others ? ~atomic_load_explicit(&slot->stamp, memory_order_relaxed)
                          : rank_of(pool, slot, best));
}

/* The best of all slots that are not FREE: what was open once costs a bit. */
static struct finding scan(struct connpool *pool, unsigned shelf, bool is_of_others)
{
    struct finding best = {.slot = NULL};
    size_t high = conn_high(pool);

    for (size_t i = 0; i < high; i += 64) {
        /* seq_cst [waiters]: taken, then idle, then who waits; here the other way round. */
        uint64_t taken = atomic_load_explicit(&pool->taken[i / 64], memory_order_seq_cst);
        for (; taken != 0; taken &= taken - 1)
            look_at(pool, &pool->slots[i + (size_t)__builtin_ctzll(taken)], shelf, is_of_others, &best);
    }
    return best;
}

static struct finding claim_best(struct connpool *pool, unsigned shelf, bool is_of_others, unsigned state)
{
    for (;;) {
        struct finding best = scan(pool, shelf, is_of_others);
        /* Lost: somebody else has got one, so looking again is lock-free. */
        if (best.slot == NULL || conn_claim(pool, best.slot, best.word, state))
            return best;
    }
}

/*
 * Where all are lent out, whoever comes would look at all of them for nothing, and in the queue under the
 * lock. So who has looked there and found none notes it, and looks are saved until one is made idle.
 *
 * [barren] SOUGHT is set before the look, and becomes BARREN after it only where it is still set; who makes
 * one idle clears both, behind its word. All of it is seq_cst: he reads SOUGHT or BARREN and clears it, or
 * has made his idle before SOUGHT was set, and then the look sees it. Only the holder of the lock looks so:
 * of two, one would take the other's SOUGHT for his own.
 */
static bool is_barren(struct connpool *pool)
{
    return (atomic_load_explicit(&pool->attention, memory_order_seq_cst) & CONN_BARREN) != 0;
}

struct conn_slot *conn_claim_of(struct connpool *pool, unsigned shelf)
{
    return is_barren(pool) ? NULL : claim_best(pool, shelf, false, CONN_KEPT).slot;
}

/* Unless one has been made idle since. */
static void note_barren(struct connpool *pool)
{
    uint64_t now = atomic_load_explicit(&pool->attention, memory_order_seq_cst);

    /* seq_cst [barren] */
    while ((now & CONN_SOUGHT) != 0 &&
           !atomic_compare_exchange_weak_explicit(&pool->attention, &now, now ^ (CONN_SOUGHT | CONN_BARREN),
                                                  memory_order_seq_cst, memory_order_seq_cst))
        ;
}

struct conn_slot *conn_claim_locked(struct connpool *pool, unsigned shelf)
{
    if (is_barren(pool))
        return NULL;
    /* seq_cst [barren] */
    atomic_fetch_or_explicit(&pool->attention, CONN_SOUGHT, memory_order_seq_cst);
    struct finding best = claim_best(pool, shelf, false, CONN_KEPT);
    if (best.slot == NULL && !best.has_passed)
        note_barren(pool);
    return best.slot;
}

uint64_t conn_tell_idle(struct connpool *pool)
{
    uint64_t attention = atomic_load_explicit(&pool->attention, memory_order_seq_cst);

    /* seq_cst [barren]. What it was when it was cleared: who looked no more because of it has come before. */
    if ((attention & (CONN_SOUGHT | CONN_BARREN)) != 0)
        attention =
            atomic_fetch_and_explicit(&pool->attention, ~(CONN_SOUGHT | CONN_BARREN), memory_order_seq_cst);
    return attention;
}

struct conn_slot *conn_claim_oldest(struct connpool *pool, unsigned not_shelf, unsigned state)
{
    return is_barren(pool) ? NULL : claim_best(pool, not_shelf, true, state).slot;
}

bool conn_reclaim(struct conn_slot *slot, uint64_t word)
{
    return conn_word_is_in_use(word) && conn_slot_move(slot, &word, conn_word_as(word, CONN_RECLAIMED));
}

/* ------------------------------------------------------------ idle again */

/* False: it would be one too many. */
static bool count_idle(struct connpool *pool, struct conn_slot *slot, unsigned shelf)
{
    /* relaxed [idle]: as in conn_uncount. */
    uint64_t all = atomic_fetch_add_explicit(&pool->idle, 1, memory_order_relaxed);
    uint64_t here = atomic_fetch_add_explicit(&pool->shelves[shelf].idle, 1, memory_order_relaxed);

    if (all < atomic_load_explicit(&pool->max_idle, memory_order_relaxed) &&
        here < pool->config.max_idle_per_key) {
        slot->is_counted = true;
        return true;
    }
    atomic_fetch_sub_explicit(&pool->idle, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&pool->shelves[shelf].idle, 1, memory_order_relaxed);
    return false;
}

bool conn_make_idle(struct connpool *pool, struct conn_slot *slot)
{
    for (;;) {
        /* relaxed: the slot is ours; seq_cst [attention] when it is not any more. */
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
        uint64_t before = atomic_load_explicit(&pool->attention, memory_order_seq_cst);
        unsigned shelf = conn_shelf_of(word);

        if ((before & CONN_CLOSED) != 0) {
            conn_close(pool, slot, CONN_BY_END);
            return false;
        }
        if ((before & CONN_OVER) != 0 && conn_close_over(pool, slot))
            return false;
        if (before >= CONN_WAITER && conn_hand_over(pool, slot))
            return true;
        if ((before & CONN_COUNTED) != 0 && !count_idle(pool, slot, shelf)) {
            conn_close(pool, slot, CONN_BY_LIMIT);
            return false;
        }
        uint64_t idle = conn_word_as(word, CONN_IDLE);
        /* release [slot], seq_cst [waiters]: make idle, then look who waits. */
        atomic_store_explicit(&slot->word, idle, memory_order_seq_cst);
        conn_hint(pool, conn_index(pool, slot));

        uint64_t after = conn_tell_idle(pool);
        uint64_t new_limits = after & ~before & (CONN_CLOSED | CONN_OVER | CONN_COUNTED);
        if (new_limits == 0 || !conn_claim(pool, slot, idle, CONN_KEPT)) {
            if (after >= CONN_WAITER)
                conn_serve_now(pool);
            return true;
        }
    }
}

/* ------------------------------------------------------------ chance */

uint64_t conn_random(struct connpool *pool)
{
    /* relaxed: a number of its own for each call; splitmix64. */
    uint64_t z =
        atomic_fetch_add_explicit(&pool->sequence, UINT64_C(0x9e3779b97f4a7c15), memory_order_relaxed);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
