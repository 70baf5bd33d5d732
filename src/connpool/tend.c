#include <inttypes.h>
#include <stdio.h>

#include "../name.h"
#include "keeper.h"

/* ------------------------------------------------------------ idle ones */

static size_t close_idle(struct connpool *pool, struct conn_slot *slot, uint64_t word,
                         enum conn_reason reason)
{
    if (!conn_claim(pool, slot, word, CONN_CLOSING))
        return 0;
    conn_keeper_lost_one(pool->keeper, conn_shelf_of(word));
    conn_close(pool, slot, reason);
    return 1;
}

static size_t check_idle(struct connpool *pool, struct conn_slot *slot, uint64_t word, uint64_t now)
{
    if (!conn_claim(pool, slot, word, CONN_KEPT))
        return 0;
    /* relaxed: ours. */
    if (pool->config.check(atomic_load_explicit(&slot->resource, memory_order_relaxed), pool->config.arg)) {
        atomic_store_explicit(&slot->checked_at, now, memory_order_relaxed);
        return !conn_make_idle(pool, slot);
    }
    conn_keeper_lost_one(pool->keeper, conn_shelf_of(word));
    conn_close(pool, slot, CONN_BY_CHECK);
    return 1;
}

/* Idle for too long. */
static bool is_unused(const struct connpool *pool, const struct conn_slot *slot, uint64_t now)
{
    return pool->config.idle_timeout_ms != 0 &&
           conn_passed(now, atomic_load_explicit(&slot->used_at, memory_order_relaxed)) >
               pool->config.idle_timeout_ms;
}

static bool wants_check(const struct connpool *pool, const struct conn_slot *slot, uint64_t now)
{
    return pool->config.check != NULL && pool->config.check_interval_ms != 0 &&
           conn_passed(now, atomic_load_explicit(&slot->checked_at, memory_order_relaxed)) >
               pool->config.check_interval_ms;
}

/* relaxed reads, all of them: whoever has taken the connection meanwhile has moved its word, and then the
 * claim fails. */
static size_t tend_idle(struct connpool *pool, struct conn_slot *slot, uint64_t word, uint64_t now)
{
    if (conn_is_old(pool, slot, now))
        return close_idle(pool, slot, word, CONN_BY_AGE);
    /* Where min_idle keeps some it is for conn_tend_unused to say which. */
    if (is_unused(pool, slot, now) && conn_keeper_least(pool->keeper, conn_shelf_of(word)) == 0)
        return close_idle(pool, slot, word, CONN_BY_IDLE);
    return wants_check(pool, slot, now) ? check_idle(pool, slot, word, now) : 0;
}

/* One that is idle for too long, as it was seen. */
struct unused {
    struct conn_slot *slot;
    uint64_t word, stamp;
};

/* So many are closed for one look at all: where each had its own, a burst of 65,000 that is over would cost
 * the keeper seconds. */
enum { CLOSED_AT_ONCE = 64 };

/* `one` to its place in a heap whose top was used last, from `place`, which is free, downwards. */
static void sink(struct unused *heap, size_t count, size_t place, struct unused one)
{
    for (size_t child; (child = 2 * place + 1) < count; place = child) {
        child += child + 1 < count && heap[child + 1].stamp > heap[child].stamp;
        if (heap[child].stamp <= one.stamp)
            break;
        heap[place] = heap[child];
    }
    heap[place] = one;
}

/* The idle ones of a shelf that were unused for longest, too long: `most` at most, in any order; how many. */
static size_t find_unused(const struct connpool *pool, unsigned shelf, struct unused *found, size_t most)
{
    const uint64_t idle = (uint64_t)shelf << CONN_STATE_BITS | CONN_IDLE;
    uint64_t now = conn_now_ms(pool);
    size_t count = 0;

    for (size_t i = 0, high = conn_high(pool); i < high; i++) {
        struct conn_slot *slot = &pool->slots[i];
        /* acquire [slot]: its times. */
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);
        uint64_t stamp = atomic_load_explicit(&slot->stamp, memory_order_relaxed);
        if ((word & CONN_PLACE_MASK) != idle || (count == most && stamp >= found[0].stamp) ||
            !is_unused(pool, slot, now))
            continue;
        struct unused one = {slot, word, stamp};
        if (count == most) {
            sink(found, count, 0, one);
            continue;
        }
        found[count++] = one;
        for (size_t place = count / 2; count == most && place-- > 0;)
            sink(found, count, place, found[place]);
    }
    return count;
}

size_t conn_tend_unused(struct connpool *pool, const struct conn_target *target)
{
    struct unused found[CLOSED_AT_ONCE] = {{.slot = NULL}};
    size_t closed = 0, now;

    do {
        uint64_t idle = pool->keeper->idle[target->shelf];
        size_t most = idle - target->least < CLOSED_AT_ONCE ? idle - target->least : CLOSED_AT_ONCE;
        size_t count = idle > target->least ? find_unused(pool, target->shelf, found, most) : 0;
        now = 0;
        for (size_t i = 0; i < count; i++)
            now += close_idle(pool, found[i].slot, found[i].word, CONN_BY_IDLE);
        closed += now;
        /* Fewer: no more are unused, or some are in use, and what is to be done in the next round is another
         * matter. */
    } while (now == CLOSED_AT_ONCE);
    return closed;
}

/* ------------------------------------------------------------ lent out */

static void report(struct connpool *pool, const struct conn_slot *slot, uint64_t word, uint64_t ms)
{
    char line[CONNPOOL_MAX_KEY + 256], bytes[CONNPOOL_MAX_KEY + 1], key[CONNPOOL_MAX_KEY + 1];
    size_t size = conn_shelf_key(pool, conn_shelf_of(word), bytes);

    bytes[size] = '\0';
    name_copy(key, sizeof key, bytes);
    snprintf(line, sizeof line,
             "connpool: pool '%s': overdue: connection %zu%s%s%s, lent out for %" PRIu64
             " ms, lease %016" PRIx64 "%s",
             pool->config.name, conn_index(pool, slot), size != 0 ? " to '" : "", size != 0 ? key : "",
             size != 0 ? "'" : "", ms, conn_ticket(word, conn_index(pool, slot)),
             (pool->config.flags & CONNPOOL_RECLAIM) != 0 ? "; it is closed" : "");
    conn_count(&pool->overdue);
    if (pool->config.report != NULL)
        pool->config.report(line, pool->config.arg);
    else
        fprintf(stderr, "%s\n", line);
}

static size_t reclaim(struct connpool *pool, struct conn_slot *slot, uint64_t word, uint64_t ms)
{
    /* relaxed: what it was when the word is moved, or the move fails. */
    void *resource = atomic_load_explicit(&slot->resource, memory_order_relaxed);

    if (!conn_reclaim(slot, word))
        return 0;
    /* The close behind the report: it may say why somebody's connection has failed. */
    report(pool, slot, word, ms);
    conn_close_reclaimed(pool, word, resource);
    return 1;
}

static size_t tend_lent(struct connpool *pool, struct conn_slot *slot, uint64_t word)
{
    /* Cleared before the time is read: a touch since then spoils what follows. */
    if ((word & CONN_TOUCHED) != 0) {
        uint64_t next = word & ~(uint64_t)CONN_TOUCHED;
        if (!conn_slot_move(slot, &word, next))
            return 0; /* it moves: it will be looked at again */
        word = next;
    }
    uint64_t since = conn_lent_read(slot, word);
    uint64_t ms = conn_passed(conn_now_ms(pool) & CONN_LENT_MASK, since);
    if (since == UINT64_MAX || ms <= pool->config.overdue_ms)
        return 0;
    if ((pool->config.flags & CONNPOOL_RECLAIM) != 0)
        return reclaim(pool, slot, word, ms);
    if ((word & CONN_TOLD) == 0 && conn_slot_move(slot, &word, word | CONN_TOLD))
        report(pool, slot, word | CONN_TOLD, ms);
    return 0;
}

/* ------------------------------------------------------------ gone */

/*
 * The other end has closed it: nobody is to get it. In somebody's hands for a moment (a check, a reset, an
 * open that has not returned) it is looked at again soon.
 */
static size_t tend_gone(struct connpool *pool, struct conn_slot *slot)
{
    /* acquire [slot] */
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);

    for (;;) {
        /* Behind the word: the same connection still, or another that has moved the word. */
        if (atomic_load_explicit(&slot->opened_order, memory_order_relaxed) != slot->gone)
            return 0;
        if (conn_state_of(word) == CONN_IDLE) {
            size_t closed = close_idle(pool, slot, word, CONN_BY_PEER);
            if (closed != 0)
                return closed;
            word = atomic_load_explicit(&slot->word, memory_order_acquire);
        } else if (conn_word_is_in_use(word)) {
            if ((word & CONN_MARKED) != 0)
                return 0;
            /* relaxed: before the mark, which releases. */
            atomic_store_explicit(&slot->reason, CONN_BY_PEER, memory_order_relaxed);
            if (conn_slot_move(slot, &word, word | CONN_MARKED))
                return 0; /* its release closes it */
        } else {
            if (conn_state_of(word) == CONN_KEPT || conn_state_of(word) == CONN_OPENING)
                conn_keeper_comes_in(pool->keeper, CONN_SOON_MS);
            return 0;
        }
    }
}

size_t conn_tend(struct connpool *pool, struct conn_slot *slot)
{
    if (slot->gone != 0 && slot->gone == atomic_load_explicit(&slot->opened_order, memory_order_relaxed)) {
        size_t closed = tend_gone(pool, slot);
        if (closed != 0)
            return closed;
    }
    /* acquire [slot]: its times; the clock behind it, so that none of them lies ahead. */
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);
    if (conn_state_of(word) == CONN_IDLE)
        return tend_idle(pool, slot, word, conn_now_ms(pool));
    if (conn_word_is_in_use(word) && pool->config.overdue_ms != 0)
        return tend_lent(pool, slot, word);
    return 0;
}
