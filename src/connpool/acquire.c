#include "slots.h"

#include <errno.h>
#include <sched.h>

enum {
    YIELDS = 16,
    LOOKED_AT = 4096 /* slots, at most, between all of them */
};

/*
 * A hit: what this thread has released last, or the newest of its CPU's hints, one compare-and-swap of its
 * word, one counter of its own. Everything else goes the slow way: look at all slots, which is lock-free;
 * then the queue.
 */

static inline uint64_t attention_of(struct connpool *pool)
{
    /* relaxed: who is not stopped by what is set this moment came before it. */
    return atomic_load_explicit(&pool->attention, memory_order_relaxed);
}

/* Its word said that it is idle: is it ours? */
static inline bool take(struct connpool *pool, struct conn_slot *slot, uint64_t word, connpool_lease_t *lease)
{
    uint64_t lent = conn_word_lent(word);

    if (CONN_UNLIKELY(!conn_slot_move(slot, &word, lent)))
        return false;
    if (CONN_UNLIKELY(slot->is_counted))
        conn_uncount(pool, slot, word);
    conn_lease_begin(pool, slot, lent, lease);
    return true;
}

static __attribute__((noinline)) bool take_hinted(struct connpool *pool, unsigned shelf,
                                                  connpool_lease_t *lease)
{
    uint64_t word;
    struct conn_slot *slot;

    while ((slot = conn_hinted(pool, shelf, &word)) != NULL)
        if (take(pool, slot, word, lease))
            return true;
    return false;
}

static inline bool acquire_hit(struct connpool *pool, unsigned shelf, connpool_lease_t *lease)
{
    uint64_t word;

    if (CONN_UNLIKELY((attention_of(pool) & CONN_STOPS_ACQUIRE) != 0))
        return false;
    struct conn_slot *slot = conn_take_near(pool, shelf, &word);
    if (CONN_LIKELY(slot != NULL && take(pool, slot, word, lease)))
        return true;
    return take_hinted(pool, shelf, lease);
}

/* ------------------------------------------------------------ the slow way */

/* When it is too late: 0 for who does not wait. */
static uint64_t deadline_of(uint32_t timeout_ms)
{
    return timeout_ms == 0 ? 0 : timeout_ms == UINT32_MAX ? WAIT_FOREVER : clock_ms() + timeout_ms + 1;
}

/* What open is told: open_timeout_ms, or what is left to who waits. */
static uint32_t time_left(const struct connpool *pool, uint64_t deadline_ms)
{
    uint32_t most = pool->config.open_timeout_ms;

    if (deadline_ms == 0 || deadline_ms == WAIT_FOREVER)
        return most;
    uint64_t now = clock_ms();
    uint64_t left = now + 1 < deadline_ms ? deadline_ms - now - 1 : 1;
    return left < most ? (uint32_t)left : most;
}

/* A KEPT one about to be lent. */
static bool is_alive(struct connpool *pool, struct conn_slot *slot)
{
    return (attention_of(pool) & CONN_CHECKS) == 0 ||
           pool->config.check(atomic_load_explicit(&slot->resource, memory_order_relaxed), pool->config.arg);
}

static void lend(struct connpool *pool, struct conn_slot *slot, connpool_lease_t *lease)
{
    /* relaxed: ours; release [slot]: what open and check did goes with it. */
    uint64_t word = conn_word_lent(atomic_load_explicit(&slot->word, memory_order_relaxed));
    atomic_store_explicit(&slot->word, word, memory_order_release);
    conn_lease_begin(pool, slot, word, lease);
}

/* A slot of ours that may have to be opened first. */
static int bring(struct connpool *pool, struct conn_slot *slot, unsigned shelf, uint64_t deadline_ms)
{
    unsigned state = conn_state_of(atomic_load_explicit(&slot->word, memory_order_relaxed));

    if (state == CONN_KEPT) {
        if (is_alive(pool, slot))
            return 0;
        conn_close_for(pool, slot, CONN_BY_CHECK, shelf);
    } else if (state == CONN_CLOSING) {
        conn_close_for(pool, slot, CONN_BY_EVICTION, shelf);
    }
    return conn_open(pool, slot, time_left(pool, deadline_ms));
}

static void count_refusal(struct connpool *pool, int error)
{
    if (error == -ETIMEDOUT || error == -EAGAIN)
        conn_count(&pool->timeouts);
    else if (error == -ENOBUFS)
        conn_count(&pool->refusals);
}

/* Without the lock: one that is idle, looked for everywhere, where nobody waits. */
static struct conn_slot *find_idle(struct connpool *pool, unsigned shelf)
{
    return attention_of(pool) < CONN_WAITER ? conn_claim_of(pool, shelf) : NULL;
}

/* An idle one that is alive, or NULL. */
static struct conn_slot *find_alive(struct connpool *pool, unsigned shelf)
{
    struct conn_slot *slot;

    while ((slot = find_idle(pool, shelf)) != NULL && !is_alive(pool, slot))
        conn_close(pool, slot, CONN_BY_CHECK);
    return slot;
}

/* relaxed: as it was a moment ago. */
static bool has_room(const struct connpool *pool, unsigned shelf)
{
    return atomic_load_explicit(&pool->open, memory_order_relaxed) <
               atomic_load_explicit(&pool->max_open, memory_order_relaxed) &&
           atomic_load_explicit(&pool->shelves[shelf].open, memory_order_relaxed) <
               pool->config.max_open_per_key;
}

/*
 * Before it queues, a thread lets others run: a borrower that was preempted gives back what it has
 * in less time than it takes to sleep and be woken. Once threads queue, each release is a
 * switch of threads, and those who come back queue again: without this a queue that came of one preemption
 * never ends. Who yields takes nothing that a waiter could have had.
 */
static struct conn_slot *find_after_others(struct connpool *pool, unsigned shelf)
{
    struct conn_slot *slot = NULL;
    size_t most = LOOKED_AT / (conn_high(pool) + 1) + 1;

    for (size_t i = 0; slot == NULL && i < YIELDS && i < most && !has_room(pool, shelf); i++) {
        sched_yield();
        slot = find_alive(pool, shelf);
    }
    return slot;
}

static __attribute__((noinline, cold)) int acquire_slow(struct connpool *pool, unsigned shelf,
                                                        uint32_t timeout_ms, connpool_lease_t *lease)
{
    uint64_t deadline = deadline_of(timeout_ms);
    struct conn_slot *slot;

    if ((attention_of(pool) & CONN_CLOSED) != 0)
        return -ESHUTDOWN;
    slot = find_alive(pool, shelf);
    if (slot == NULL && timeout_ms != 0)
        slot = find_after_others(pool, shelf);
    if (slot == NULL) {
        int error = conn_queue(pool, shelf, deadline, &slot);
        if (error != 0) {
            count_refusal(pool, error);
            return error;
        }
        if ((error = bring(pool, slot, shelf, deadline)) != 0)
            return error;
        conn_count(&pool->misses);
    }
    lend(pool, slot, lease);
    return 0;
}

int conn_acquire_from(struct connpool *pool, unsigned shelf, uint32_t timeout_ms, connpool_lease_t *lease)
{
    if (CONN_LIKELY(acquire_hit(pool, shelf, lease)))
        return 0;
    return acquire_slow(pool, shelf, timeout_ms, lease);
}

/* ------------------------------------------------------------ public */

int connpool_acquire(connpool_t *pool, uint32_t timeout_ms, connpool_lease_t *lease)
{
    if (CONN_UNLIKELY(conn_is_inherited(pool)))
        return -ECHILD;
    return conn_acquire_from(pool, 0, timeout_ms, lease); /* shelf 0 is of no key, for good */
}

/* The hit of a key: without holding its shelf. */
static bool acquire_key_hit(struct connpool *pool, const void *key, size_t size, connpool_lease_t *lease)
{
    uint32_t version;
    connpool_lease_t found;
    unsigned shelf = conn_shelf_look(pool, key, size, &version);

    if (shelf == CONN_NONE || !acquire_hit(pool, shelf, &found))
        return false;
    if (CONN_UNLIKELY(!conn_shelf_is(pool, shelf, version))) {
        /* Another key has got the shelf meanwhile: this is one of that key's. */
        connpool_release(pool, found);
        return false;
    }
    *lease = found;
    return true;
}

int connpool_acquire_key(connpool_t *pool, const void *key, size_t key_size, uint32_t timeout_ms,
                         connpool_lease_t *lease)
{
    if (CONN_UNLIKELY(conn_is_inherited(pool)))
        return -ECHILD;
    if (key == NULL || key_size == 0 || key_size > CONNPOOL_MAX_KEY)
        return -EINVAL;
    if (CONN_LIKELY(acquire_key_hit(pool, key, key_size, lease)))
        return 0;
    if ((attention_of(pool) & CONN_CLOSED) != 0)
        return -ESHUTDOWN;
    int shelf = conn_shelf_hold(pool, key, key_size);
    if (shelf < 0)
        return shelf;
    int error = acquire_slow(pool, (unsigned)shelf, timeout_ms, lease);
    conn_shelf_drop(pool, (unsigned)shelf);
    return error;
}
