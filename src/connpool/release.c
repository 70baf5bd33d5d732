#include "slots.h"

#include <bufpool.h>
#include <inttypes.h>
#include <unistd.h>

/* ------------------------------------------------------------ a lease that is none */

/*
 * Why a ticket does not fit. One that this pool has given lies between its first generation and the
 * slot's; another pool's does by chance once in 2^48 / leases.
 */
static const char *fault_of(const struct connpool *pool, connpool_lease_t lease, uint64_t word)
{
    uint64_t generation = lease.ticket >> 16, now = conn_generation_of(word);
    uint64_t mask = UINT64_MAX >> CONN_GENERATION_SHIFT;
    uint64_t age = (now - generation) & mask;

    if (word == 0 || age > ((now - pool->first_generation) & mask))
        return "foreign lease";
    return age == 0 && !conn_word_is_in_use(word) ? "double release" : "stale lease";
}

static __attribute__((noinline, cold)) void misuse(struct connpool *pool, const char *call,
                                                   connpool_lease_t lease, const char *fault)
{
    char line[256];

    snprintf(line, sizeof line, "connpool: pool '%s': %s: %s(%p, %016" PRIx64 "), thread %ld",
             pool->config.name, fault, call, lease.resource, lease.ticket, (long)gettid());
    conn_count(&pool->misuses);
    bufpool_report_misuse(line);
}

/* The slot and its word, where the ticket fits it: lent out, or reclaimed. NULL: it does not. */
static inline struct conn_slot *slot_of(struct connpool *pool, connpool_lease_t lease, uint64_t *word)
{
    size_t index = (lease.ticket & 0xffff) - 1;

    if (CONN_UNLIKELY(index >= CONN_SLOTS))
        return NULL;
    struct conn_slot *slot = &pool->slots[index];
    /* acquire [slot]: a reclaim's, where it has come first. */
    *word = atomic_load_explicit(&slot->word, memory_order_acquire);
    if (CONN_UNLIKELY(conn_generation_of(*word) != lease.ticket >> 16))
        return NULL;
    if (CONN_LIKELY(conn_word_is_in_use(*word)))
        /* relaxed: it was written before the lease began. */
        return atomic_load_explicit(&slot->resource, memory_order_relaxed) == lease.resource ? slot : NULL;
    return conn_state_of(*word) == CONN_RECLAIMED ? slot : NULL;
}

static __attribute__((noinline, cold)) void misuse_of(struct connpool *pool, const char *call,
                                                      connpool_lease_t lease)
{
    size_t index = (lease.ticket & 0xffff) - 1;
    /* relaxed: for the words of a report. */
    uint64_t word =
        index < CONN_SLOTS ? atomic_load_explicit(&pool->slots[index].word, memory_order_relaxed) : 0;

    if (conn_word_is_in_use(word) && conn_generation_of(word) == lease.ticket >> 16)
        misuse(pool, call, lease, "foreign lease"); /* the right ticket with another resource */
    else
        misuse(pool, call, lease, fault_of(pool, lease, word));
}

/* ------------------------------------------------------------ release */

/* The use is over: ours until the word moves. */
static inline void note_use(struct connpool *pool, struct conn_slot *slot, uint64_t now_ns, uint64_t now_ms)
{
    /* relaxed: others read them in passing. */
    atomic_store_explicit(&slot->used_at, now_ms, memory_order_relaxed);
    atomic_store_explicit(&slot->checked_at, now_ms, memory_order_relaxed);
    atomic_store_explicit(&slot->stamp, conn_stamp(pool, now_ns), memory_order_relaxed);
}

static __attribute__((noinline)) void count_use(struct connpool *pool, uint64_t began_us, uint64_t now_us)
{
    struct conn_shard *shard = &pool->shards[conn_shard(pool)];
    conn_count_time(shard->use_histogram, &shard->use_us, now_us + 1 - began_us);
}

/* Its end, if it has one: true, and it is closed. */
static bool must_end(struct connpool *pool, struct conn_slot *slot, uint64_t word, uint64_t now_ms)
{
    void *resource = atomic_load_explicit(&slot->resource, memory_order_relaxed);

    if ((word & CONN_MARKED) != 0)
        conn_close(pool, slot, atomic_load_explicit(&slot->reason, memory_order_relaxed));
    else if (conn_is_old(pool, slot, now_ms))
        conn_close(pool, slot, CONN_BY_AGE);
    /* relaxed: where close comes this moment, a reset for nothing. */
    else if ((atomic_load_explicit(&pool->attention, memory_order_relaxed) & CONN_CLOSED) == 0 &&
             pool->config.reset != NULL && !pool->config.reset(resource, pool->config.arg))
        conn_close(pool, slot, CONN_BY_RESET);
    else
        return false;
    return true;
}

static __attribute__((noinline, cold)) bool release_slow(struct connpool *pool, connpool_lease_t lease)
{
    uint64_t word, began_us;
    struct conn_slot *slot;

    for (;;) {
        slot = slot_of(pool, lease, &word);
        if (slot == NULL) {
            misuse_of(pool, "release", lease);
            return false;
        }
        bool is_ours = conn_word_is_in_use(word);
        began_us = atomic_load_explicit(&slot->lent_us, memory_order_relaxed);
        if (!conn_slot_move(slot, &word, conn_word_as(word, is_ours ? CONN_KEPT : CONN_FREE)))
            continue;
        if (is_ours)
            break;
        conn_free_reclaimed(pool, slot);
        return false;
    }
    conn_drive_out(pool);
    uint64_t now_us = conn_now_us(pool);
    if (began_us != 0)
        count_use(pool, began_us, now_us);
    note_use(pool, slot, now_us * 1000, now_us / 1000);
    return !must_end(pool, slot, word, now_us / 1000) && conn_make_idle(pool, slot);
}

/* Limits changed, or somebody began to wait, while a hit made this one idle. */
static __attribute__((noinline, cold)) bool idle_after_all(struct connpool *pool, struct conn_slot *slot,
                                                           uint64_t idle, uint64_t attention)
{
    if ((attention & (CONN_SOUGHT | CONN_BARREN)) != 0)
        attention = conn_tell_idle(pool);
    if ((attention & (CONN_CLOSED | CONN_OVER | CONN_COUNTED)) != 0 &&
        conn_claim(pool, slot, idle, CONN_KEPT))
        return conn_make_idle(pool, slot);
    if (attention >= CONN_WAITER)
        conn_serve_now(pool);
    return true;
}

/* The time at release. A coarse clock, some ms late, costs a quarter of the exact one and serves where no use
 * is timed and no order goes by it. */
static inline uint64_t release_ns(const struct connpool *pool, bool is_timed)
{
    struct timespec now;

    if (CONN_UNLIKELY(pool->clock != NULL))
        return pool->clock(pool->arg) * 1000000;
    clock_gettime(CONN_UNLIKELY(is_timed) ? CLOCK_MONOTONIC : pool->release_clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Nobody's jitter is more than half of max_lifetime. Signed: a coarse clock may be behind the open's. */
static inline bool is_in_second_half(const struct connpool *pool, const struct conn_slot *slot,
                                     uint64_t now_ms)
{
    /* relaxed: written before the lease began, or a figure. */
    uint64_t opened = atomic_load_explicit(&slot->opened_at, memory_order_relaxed);
    uint64_t lifetime = atomic_load_explicit(&pool->lifetime_ms, memory_order_relaxed);
    return (int64_t)(now_ms - opened) >= (int64_t)(lifetime / 2);
}

bool connpool_release(connpool_t *pool, connpool_lease_t lease)
{
    uint64_t word;

    if (CONN_UNLIKELY(conn_is_inherited(pool)))
        return false;
    struct conn_slot *slot = slot_of(pool, lease, &word);
    /* relaxed: looked at again below, when it matters. */
    uint64_t attention = atomic_load_explicit(&pool->attention, memory_order_relaxed);
    if (CONN_UNLIKELY(slot == NULL || (attention & CONN_STOPS_RELEASE) != 0 ||
                      (word & (CONN_MARKED | CONN_IN_USE)) != CONN_IN_USE))
        return release_slow(pool, lease);

    uint64_t began_us = atomic_load_explicit(&slot->lent_us, memory_order_relaxed);
    uint64_t now_ns = release_ns(pool, began_us != 0);
    uint64_t now_ms = now_ns / 1000000;
    if (CONN_UNLIKELY(is_in_second_half(pool, slot, now_ms) && conn_is_old(pool, slot, now_ms)))
        return release_slow(pool, lease);
    note_use(pool, slot, now_ns, now_ms);
    uint64_t idle = conn_word_as(word, CONN_IDLE);
    /* seq_cst [waiters]: make idle, then look who waits. Lost: touched, marked, reclaimed meanwhile, or
     * released by another thread too. */
    if (CONN_UNLIKELY(!conn_slot_move(slot, &word, idle)))
        return release_slow(pool, lease);
    if (CONN_UNLIKELY(began_us != 0))
        count_use(pool, began_us, now_ns / 1000);
    conn_bring_near(pool, conn_index(pool, slot));
    attention = atomic_load_explicit(&pool->attention, memory_order_seq_cst);
    return CONN_LIKELY((attention & CONN_STOPS_IDLE) == 0) || idle_after_all(pool, slot, idle, attention);
}

/* ------------------------------------------------------------ while it is lent out */

/* Add flags to the word of a lease. False: it has been reclaimed, or (is_misuse) is none. */
static bool flag(struct connpool *pool, connpool_lease_t lease, unsigned flags, bool *is_misuse)
{
    for (;;) {
        uint64_t word;
        struct conn_slot *slot = slot_of(pool, lease, &word);
        *is_misuse = slot == NULL;
        if (slot == NULL || !conn_word_is_in_use(word))
            return false;
        /* An RMW also where the flag is set: what the borrower wrote before it is seen by who clears it. */
        if (conn_slot_move(slot, &word, word | flags))
            return true;
    }
}

void connpool_mark_unusable(connpool_t *pool, connpool_lease_t lease)
{
    uint64_t word;
    bool is_misuse;

    if (conn_is_inherited(pool))
        return;
    struct conn_slot *slot = slot_of(pool, lease, &word);
    if (slot != NULL) /* relaxed: before the flag, which releases */
        atomic_store_explicit(&slot->reason, CONN_BY_MARK, memory_order_relaxed);
    if (!flag(pool, lease, CONN_MARKED, &is_misuse) && is_misuse)
        misuse_of(pool, "mark_unusable", lease);
}

bool connpool_touch(connpool_t *pool, connpool_lease_t lease)
{
    uint64_t word;
    bool is_misuse;

    if (conn_is_inherited(pool))
        return false;
    struct conn_slot *slot = slot_of(pool, lease, &word);
    if (slot == NULL)
        return false;
    if (pool->times_leases)
        conn_lent_renew(slot, word, conn_now_ms(pool));
    return flag(pool, lease, CONN_TOUCHED, &is_misuse);
}
