#include "pool.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The queue of those who wait, in order of arrival, under the pool's lock. A waiter is given a connection,
 * the room to open one, or an error, by whoever has it, and is then out of the queue; his own deadline takes
 * him out otherwise, under the same lock, so each is served or has expired and never both.
 *
 * No wake-up is lost [waiters]. A waiter counts himself in `attention` and then looks at every slot's word; a
 * release makes its slot idle and then looks at `attention`. All four are seq_cst, so at least one of the
 * two sees what the other did. What is not a word (room, limits) changes under the lock.
 *
 * Waiters come from blocks that are freed with the pool and not before: who serves one wakes it
 * after the last look at it, when the waiter may be gone and its place another's. That one is
 * woken for nothing, and sleeps again.
 */
struct conn_waiter {
    _Alignas(64) struct event event;
    _Atomic uint32_t is_told; /* the fields below are what came of it */
    int error;
    struct conn_slot *slot; /* KEPT, OPENING or CLOSING (evicted for this one), and this waiter's */
    unsigned shelf;
    bool is_served;                    /* under the lock: out of the queue; is_told follows */
    struct conn_waiter *next, *before; /* in the queue, under the lock; next also in the spares */
    struct conn_waiter *next_served;   /* of one conn_serve */
};

enum { BLOCK = 64 };

struct conn_waiters_block {
    struct conn_waiters_block *next;
    struct conn_waiter waiter[BLOCK];
};

/* Takes the lock, with a spare one there, unless there is no memory. Memory is asked for without it: a malloc
 * that sleeps keeps nobody else from the pool. */
static void lock_with_spare(struct connpool *pool)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->spare != NULL)
        return;
    pthread_mutex_unlock(&pool->lock);
    struct conn_waiters_block *block = aligned_alloc(64, sizeof *block);
    pthread_mutex_lock(&pool->lock);
    if (block == NULL)
        return;
    block->next = pool->waiter_blocks;
    pool->waiter_blocks = block;
    for (unsigned i = 0; i < BLOCK; i++) {
        block->waiter[i] = (struct conn_waiter){.next = pool->spare};
        pool->spare = &block->waiter[i];
    }
}

static struct conn_waiter *take_spare(struct connpool *pool)
{
    struct conn_waiter *waiter = pool->spare;

    if (waiter != NULL)
        pool->spare = waiter->next;
    return waiter;
}

static void give_spare(struct connpool *pool, struct conn_waiter *waiter)
{
    waiter->next = pool->spare;
    pool->spare = waiter;
}

static void append(struct connpool *pool, struct conn_waiter *waiter)
{
    waiter->before = pool->last;
    waiter->next = NULL;
    *(pool->last != NULL ? &pool->last->next : &pool->first) = waiter;
    pool->last = waiter;
    /* seq_cst [waiters]: say so, then look at the words. */
    atomic_fetch_add_explicit(&pool->attention, CONN_WAITER, memory_order_seq_cst);
}

static void take_out(struct connpool *pool, struct conn_waiter *waiter)
{
    *(waiter->before != NULL ? &waiter->before->next : &pool->first) = waiter->next;
    *(waiter->next != NULL ? &waiter->next->before : &pool->last) = waiter->before;
    /* relaxed: one waiter less stops nobody from finding anything. */
    atomic_fetch_sub_explicit(&pool->attention, CONN_WAITER, memory_order_relaxed);
}

/* ------------------------------------------------------------ serving */

static void give(struct connpool *pool, struct conn_waiter *waiter, struct conn_slot *slot, int error,
                 struct conn_waiter **served)
{
    take_out(pool, waiter);
    waiter->slot = slot;
    waiter->error = error;
    waiter->is_served = true;
    waiter->next_served = *served;
    *served = waiter;
}

/*
 * A connection or room for this one: an idle one of its key, else room, else what another key
 * has not used for longest. False: not now; *is_full: nor for anybody behind.
 */
static bool serve_one(struct connpool *pool, struct conn_waiter *waiter, uint64_t now_ms,
                      struct conn_waiter **served, bool *is_full)
{
    struct conn_shelf *shelf = &pool->shelves[waiter->shelf];
    struct conn_slot *slot = conn_claim_locked(pool, waiter->shelf);

    if (slot != NULL) {
        give(pool, waiter, slot, 0, served);
        return true;
    }
    /* relaxed: under the lock. */
    if (atomic_load_explicit(&shelf->open, memory_order_relaxed) >= pool->config.max_open_per_key) {
        shelf->passed = pool->round;
        return false;
    }
    uint64_t open = atomic_load_explicit(&pool->open, memory_order_relaxed);
    uint64_t max_open = atomic_load_explicit(&pool->max_open, memory_order_relaxed);
    int error = open <= max_open ? conn_gone(pool, waiter->shelf, now_ms) : 0;
    if (error != 0) {
        if (open < max_open) {
            atomic_store_explicit(&shelf->refused, 1, memory_order_relaxed);
            give(pool, waiter, NULL, error, served);
            return true;
        }
        shelf->passed = pool->round; /* no reason to evict anybody */
        return false;
    }
    if ((slot = conn_room(pool, waiter->shelf)) != NULL) {
        give(pool, waiter, slot, 0, served);
        return true;
    }
    if (open <= max_open && (slot = conn_claim_oldest(pool, waiter->shelf, CONN_CLOSING)) != NULL) {
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
        conn_move_room(pool, conn_shelf_of(word), waiter->shelf);
        give(pool, waiter, slot, 0, served);
        return true;
    }
    *is_full = true;
    return false;
}

struct conn_waiter *conn_serve(struct connpool *pool, uint64_t now_ms)
{
    struct conn_waiter *served = NULL;
    bool is_full = false;

    pool->round++;
    for (struct conn_waiter *waiter = pool->first, *next; waiter != NULL && !is_full; waiter = next) {
        next = waiter->next;
        if (pool->shelves[waiter->shelf].passed != pool->round)
            serve_one(pool, waiter, now_ms, &served, &is_full);
    }
    return served;
}

void conn_wake(struct conn_waiter *served)
{
    while (served != NULL) {
        struct conn_waiter *waiter = served;
        served = waiter->next_served;
        /* release [told]: what came of it. From here on it may be gone. */
        atomic_store_explicit(&waiter->is_told, 1, memory_order_release);
        event_signal(&waiter->event);
    }
}

void conn_serve_now(struct connpool *pool)
{
    uint64_t now = conn_now_ms(pool);
    pthread_mutex_lock(&pool->lock);
    struct conn_waiter *served = conn_serve(pool, now);
    pthread_mutex_unlock(&pool->lock);
    conn_wake(served);
}

bool conn_hand_over(struct connpool *pool, struct conn_slot *slot)
{
    struct conn_waiter *served = NULL;
    unsigned shelf = conn_shelf_of(atomic_load_explicit(&slot->word, memory_order_relaxed));

    pthread_mutex_lock(&pool->lock);
    if (pool->first != NULL && pool->first->shelf == shelf)
        give(pool, pool->first, slot, 0, &served);
    pthread_mutex_unlock(&pool->lock);
    conn_wake(served);
    return served != NULL;
}

void conn_dismiss(struct connpool *pool)
{
    struct conn_waiter *served = NULL;

    pthread_mutex_lock(&pool->lock);
    while (pool->first != NULL)
        give(pool, pool->first, NULL, -ESHUTDOWN, &served);
    pthread_mutex_unlock(&pool->lock);
    conn_wake(served);
}

/* ------------------------------------------------------------ waiting */

static bool is_told(const struct conn_waiter *waiter)
{
    /* acquire [told] */
    return atomic_load_explicit(&waiter->is_told, memory_order_acquire) != 0;
}

/* Until it was served or the clock says that it is late. */
static void sleep_until(struct conn_waiter *waiter, uint64_t deadline_ms)
{
    for (;;) {
        uint32_t seen = event_seen(&waiter->event);
        if (is_told(waiter) || (deadline_ms != WAIT_FOREVER && clock_ms() >= deadline_ms))
            return;
        event_wait(&waiter->event, seen, deadline_ms);
    }
}

/* 0 with what it was given, or the error; the waiter is spare again. */
static int end_of(struct connpool *pool, struct conn_waiter *waiter, int late, struct conn_slot **slot)
{
    bool was_served = is_told(waiter);

    if (!was_served) {
        pthread_mutex_lock(&pool->lock);
        was_served = waiter->is_served;
        if (!was_served)
            take_out(pool, waiter);
        pthread_mutex_unlock(&pool->lock);
        if (was_served)
            sleep_until(waiter, WAIT_FOREVER); /* who serves it is about to say so */
    }
    int error = was_served ? waiter->error : late;
    *slot = was_served ? waiter->slot : NULL;
    pthread_mutex_lock(&pool->lock);
    give_spare(pool, waiter);
    pthread_mutex_unlock(&pool->lock);
    return error;
}

/* relaxed: counts and times. */
static int wait_for(struct connpool *pool, struct conn_waiter *waiter, uint64_t deadline_ms,
                    struct conn_slot **slot)
{
    uint64_t since = conn_now_us(pool);

    conn_count(&pool->waits);
    sleep_until(waiter, deadline_ms);
    int error = end_of(pool, waiter, -ETIMEDOUT, slot);
    if (error == 0)
        conn_count_time(pool->wait_histogram, &pool->wait_us, conn_now_us(pool) - since);
    return error;
}

int conn_queue(struct connpool *pool, unsigned shelf, uint64_t deadline_ms, struct conn_slot **slot)
{
    uint64_t now = conn_now_ms(pool);
    lock_with_spare(pool);
    uint64_t attention = atomic_load_explicit(&pool->attention, memory_order_relaxed);
    struct conn_waiter *waiter = (attention & CONN_CLOSED) == 0 ? take_spare(pool) : NULL;
    if (waiter == NULL) {
        pthread_mutex_unlock(&pool->lock);
        return (attention & CONN_CLOSED) != 0 ? -ESHUTDOWN : -ENOBUFS;
    }
    waiter->shelf = shelf;
    waiter->is_served = false;
    atomic_store_explicit(&waiter->is_told, 0, memory_order_relaxed);
    append(pool, waiter);
    struct conn_waiter *served = conn_serve(pool, now);
    bool is_served = waiter->is_served;
    int refusal = deadline_ms == 0                                      ? -EAGAIN
                  : attention / CONN_WAITER >= pool->config.max_waiters ? -ENOBUFS
                                                                        : 0;
    if (!is_served && refusal != 0)
        take_out(pool, waiter);
    pthread_mutex_unlock(&pool->lock);
    conn_wake(served);
    if (is_served)
        return end_of(pool, waiter, 0, slot);
    if (refusal == 0)
        return wait_for(pool, waiter, deadline_ms, slot);
    pthread_mutex_lock(&pool->lock);
    give_spare(pool, waiter);
    pthread_mutex_unlock(&pool->lock);
    return refusal;
}

void conn_queue_end(struct connpool *pool)
{
    while (pool->waiter_blocks != NULL) {
        struct conn_waiters_block *block = pool->waiter_blocks;
        pool->waiter_blocks = block->next;
        free(block);
    }
}
