#include "keeper.h"

#include <errno.h>

/* ------------------------------------------------------------ slots without a connection, under the lock */

/* All have been used, many of them reclaimed from borrowers who never came back: one of those. */
static size_t take_forgotten(struct connpool *pool)
{
    for (size_t i = 0; i < CONN_SLOTS; i++) {
        uint64_t word = atomic_load_explicit(&pool->slots[i].word, memory_order_relaxed);
        if (conn_state_of(word) == CONN_RECLAIMED &&
            conn_slot_move(&pool->slots[i], &word, conn_word_as(word, CONN_FREE)))
            return i;
    }
    return CONN_SLOTS;
}

static size_t take_free(struct connpool *pool)
{
    /* The lowest: scans stay short. Bit CONN_SLOTS, of no slot, stays clear. */
    for (size_t i = 0; i < sizeof pool->taken / sizeof pool->taken[0]; i++) {
        uint64_t taken = atomic_load_explicit(&pool->taken[i], memory_order_relaxed);
        if (taken == UINT64_MAX)
            continue;
        size_t index = i * 64 + (size_t)__builtin_ctzll(~taken);
        if (index == CONN_SLOTS)
            break;
        /* seq_cst [waiters]: before the slot can be made idle; who scans reads it before the slot's word. */
        atomic_store_explicit(&pool->taken[i], taken | (taken + 1), memory_order_seq_cst);
        return index;
    }
    return take_forgotten(pool);
}

static void give_free(struct connpool *pool, size_t index)
{
    /* relaxed: under the lock. Who scans by an older one looks at a slot for nothing. */
    uint64_t taken = atomic_load_explicit(&pool->taken[index / 64], memory_order_relaxed);
    atomic_store_explicit(&pool->taken[index / 64], taken & ~((uint64_t)1 << index % 64),
                          memory_order_relaxed);
}

/* relaxed: the lock is held, and who reads outside reads a moment ago; but release [emptied] for close, which
 * reads 0 when all closes have returned. */
static void count_open(struct connpool *pool, unsigned shelf, uint64_t change)
{
    _Atomic uint32_t *here = &pool->shelves[shelf].open;
    uint64_t open = atomic_load_explicit(&pool->open, memory_order_relaxed) + change;

    atomic_store_explicit(&pool->open, open, memory_order_release);
    atomic_store_explicit(here, atomic_load_explicit(here, memory_order_relaxed) + (uint32_t)change,
                          memory_order_relaxed);
    if (open - pool->leaving <= atomic_load_explicit(&pool->max_open, memory_order_relaxed))
        atomic_fetch_and_explicit(&pool->attention, ~CONN_OVER, memory_order_relaxed);
}

struct conn_slot *conn_room(struct connpool *pool, unsigned shelf)
{
    if (atomic_load_explicit(&pool->open, memory_order_relaxed) >=
            atomic_load_explicit(&pool->max_open, memory_order_relaxed) ||
        atomic_load_explicit(&pool->shelves[shelf].open, memory_order_relaxed) >=
            pool->config.max_open_per_key)
        return NULL;
    size_t index = take_free(pool);
    if (index == CONN_SLOTS)
        return NULL; /* those whose room is given away, but whose close has not returned */
    struct conn_slot *slot = &pool->slots[index];
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
    uint64_t generation = word == 0 ? pool->first_generation : conn_generation_of(word) + 1;

    /* relaxed, then release [high]: a scan that goes so far finds a word. */
    atomic_store_explicit(&slot->word, conn_word(generation, shelf, CONN_OPENING), memory_order_relaxed);
    if (index >= conn_high(pool))
        atomic_store_explicit(&pool->high, (uint32_t)index + 1, memory_order_release);
    count_open(pool, shelf, 1);
    return slot;
}

void conn_move_room(struct connpool *pool, unsigned from, unsigned to)
{
    count_open(pool, to, 1);
    count_open(pool, from, (uint64_t)-1);
}

/* The room of a connection that is gone: to whoever waits. */
static void give_room(struct connpool *pool, unsigned shelf, struct conn_slot *slot, bool was_over)
{
    uint64_t now = conn_now_ms(pool);
    pthread_mutex_lock(&pool->lock);
    if (slot != NULL) {
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
        atomic_store_explicit(&slot->word, conn_word_as(word, CONN_FREE), memory_order_relaxed);
        give_free(pool, conn_index(pool, slot));
    }
    pool->leaving -= was_over;
    count_open(pool, shelf, (uint64_t)-1);
    bool is_last = atomic_load_explicit(&pool->open, memory_order_relaxed) == 0;
    struct conn_waiter *served = conn_serve(pool, now);
    pthread_mutex_unlock(&pool->lock);
    conn_wake(served);
    if (is_last)
        event_signal(&pool->emptied);
}

/* ------------------------------------------------------------ a server that is gone */

int conn_gone(const struct connpool *pool, unsigned number, uint64_t now_ms)
{
    const struct conn_shelf *shelf = &pool->shelves[number];
    int error = atomic_load_explicit(&shelf->gone_error, memory_order_relaxed);

    return error != 0 && now_ms < atomic_load_explicit(&shelf->gone_until, memory_order_relaxed) ? error : 0;
}

/* One pause for all that fail at once: each open that was begun before it only renews the error. */
static void note_failure(struct connpool *pool, struct conn_shelf *shelf, int error, uint64_t began_ms)
{
    uint64_t now = conn_now_ms(pool);

    atomic_store_explicit(&shelf->gone_error, error, memory_order_relaxed);
    pthread_mutex_lock(&pool->lock);
    if (began_ms >= atomic_load_explicit(&shelf->gone_until, memory_order_relaxed) ||
        atomic_load_explicit(&shelf->gone_backoff, memory_order_relaxed) == 0) {
        uint64_t pause = 2 * (uint64_t)atomic_load_explicit(&shelf->gone_backoff, memory_order_relaxed);
        if (pause < pool->config.backoff_ms)
            pause = pool->config.backoff_ms;
        if (pause > pool->config.backoff_most_ms)
            pause = pool->config.backoff_most_ms;
        atomic_store_explicit(&shelf->gone_backoff, (uint32_t)pause, memory_order_relaxed);
        pause -= conn_random(pool) % (pause / 4 + 1);
        atomic_store_explicit(&shelf->gone_until, now + pause, memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->lock);
    conn_keeper_wake(pool); /* to come again when the pause is over */
}

static void note_success(struct conn_shelf *shelf)
{
    if (atomic_load_explicit(&shelf->gone_error, memory_order_relaxed) == 0)
        return;
    atomic_store_explicit(&shelf->gone_error, 0, memory_order_relaxed);
    atomic_store_explicit(&shelf->gone_backoff, 0, memory_order_relaxed);
    atomic_store_explicit(&shelf->gone_until, 0, memory_order_relaxed);
}

/* ------------------------------------------------------------ open */

static void settle(struct connpool *pool, struct conn_slot *slot, void *resource)
{
    uint64_t now = conn_now_ms(pool);
    uint32_t jitter = pool->config.lifetime_jitter_ms, most = pool->config.max_lifetime_ms / 2;

    if (jitter > most)
        jitter = most;

    /* relaxed: ours, until the word moves. */
    atomic_store_explicit(&slot->resource, resource, memory_order_relaxed);
    atomic_store_explicit(&slot->opened_at, now, memory_order_relaxed);
    atomic_store_explicit(&slot->opened_order,
                          1 + atomic_fetch_add_explicit(&pool->opened_order, 1, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&slot->used_at, now, memory_order_relaxed);
    atomic_store_explicit(&slot->checked_at, now, memory_order_relaxed);
    atomic_store_explicit(&slot->stamp, conn_stamp(pool, conn_system_ns()), memory_order_relaxed);
    atomic_store_explicit(&slot->jitter_ms, (uint32_t)(conn_random(pool) % ((uint64_t)jitter + 1)),
                          memory_order_relaxed);
    slot->is_counted = false;
    if (pool->config.fd != NULL)
        conn_keeper_watch(pool, slot, pool->config.fd(resource, pool->config.arg));
}

int conn_open(struct connpool *pool, struct conn_slot *slot, uint32_t timeout_ms)
{
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
    unsigned shelf = conn_shelf_of(word);
    unsigned char key[CONNPOOL_MAX_KEY + 1];
    size_t size = conn_shelf_key(pool, shelf, key);
    connpool_target_t target = {.key = size == 0 ? NULL : key, .key_size = size, .timeout_ms = timeout_ms};
    uint64_t began = conn_now_ms(pool);
    void *resource = NULL;

    int error = pool->config.open(&resource, &target, pool->config.arg);
    if (error != 0) {
        conn_count(&pool->open_failures);
        note_failure(pool, &pool->shelves[shelf], error, began);
        give_room(pool, shelf, slot, false);
        return error;
    }
    conn_count(&pool->opens);
    note_success(&pool->shelves[shelf]);
    settle(pool, slot, resource);
    /* release [slot] */
    atomic_store_explicit(&slot->word, conn_word_as(word, CONN_KEPT), memory_order_release);
    /* relaxed: close waits until we are through, whichever comes first. */
    if ((atomic_load_explicit(&pool->attention, memory_order_relaxed) & CONN_CLOSED) == 0)
        return 0;
    conn_close(pool, slot, CONN_BY_END);
    return -ESHUTDOWN;
}

bool conn_is_old(const struct connpool *pool, const struct conn_slot *slot, uint64_t now_ms)
{
    uint64_t lifetime = atomic_load_explicit(&pool->lifetime_ms, memory_order_relaxed);
    uint64_t jitter = atomic_load_explicit(&slot->jitter_ms, memory_order_relaxed);
    uint64_t age = now_ms - atomic_load_explicit(&slot->opened_at, memory_order_relaxed);

    return lifetime != UINT64_MAX && age + jitter >= lifetime;
}

/* ------------------------------------------------------------ close */

static void end(struct connpool *pool, struct conn_slot *slot, enum conn_reason reason)
{
    /* relaxed: ours. The word first, for who counts: it is not idle any more. */
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
    void *resource = atomic_load_explicit(&slot->resource, memory_order_relaxed);

    atomic_store_explicit(&slot->word, conn_word_as(word, CONN_CLOSING), memory_order_relaxed);
    conn_count(&pool->closes[reason]);
    pool->config.close(resource, pool->config.arg);
}

void conn_close(struct connpool *pool, struct conn_slot *slot, enum conn_reason reason)
{
    unsigned shelf = conn_shelf_of(atomic_load_explicit(&slot->word, memory_order_relaxed));
    end(pool, slot, reason);
    give_room(pool, shelf, slot, false);
}

bool conn_close_over(struct connpool *pool, struct conn_slot *slot)
{
    pthread_mutex_lock(&pool->lock);
    bool is_over = atomic_load_explicit(&pool->open, memory_order_relaxed) - pool->leaving >
                   atomic_load_explicit(&pool->max_open, memory_order_relaxed);
    pool->leaving += is_over;
    pthread_mutex_unlock(&pool->lock);
    if (!is_over)
        return false;
    unsigned shelf = conn_shelf_of(atomic_load_explicit(&slot->word, memory_order_relaxed));
    end(pool, slot, CONN_BY_LIMIT);
    give_room(pool, shelf, slot, true);
    return true;
}

void conn_close_for(struct connpool *pool, struct conn_slot *slot, enum conn_reason reason, unsigned shelf)
{
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);

    end(pool, slot, reason);
    atomic_store_explicit(&slot->word, conn_word(conn_generation_of(word) + 1, shelf, CONN_OPENING),
                          memory_order_relaxed);
}

void conn_close_reclaimed(struct connpool *pool, uint64_t word, void *resource)
{
    conn_count(&pool->closes[CONN_BY_RECLAIM]);
    pool->config.close(resource, pool->config.arg);
    give_room(pool, conn_shelf_of(word), NULL, false);
}

void conn_free_reclaimed(struct connpool *pool, struct conn_slot *slot)
{
    pthread_mutex_lock(&pool->lock);
    give_free(pool, conn_index(pool, slot));
    pthread_mutex_unlock(&pool->lock);
}
