#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* The index of a connection's slot, and which of those opened there it is. */
#define INDEX_BITS 16u
#define INDEX_MASK (((uint64_t)1 << INDEX_BITS) - 1)

/* Events told at once. */
#define TAGS 64

/* ------------------------------------------------------------ a round */

void conn_keeper_watch(struct connpool *pool, struct conn_slot *slot, int fd)
{
    uint64_t order = atomic_load_explicit(&slot->opened_order, memory_order_relaxed); /* ours */
    conn_watch_add(&pool->keeper->watch, fd, order << INDEX_BITS | conn_index(pool, slot));
}

static size_t hear(struct connpool *pool)
{
    uint64_t tags[TAGS];
    size_t count, closed = 0;

    while ((count = conn_watch_take(&pool->keeper->watch, tags, TAGS)) != 0)
        for (size_t i = 0; i < count; i++) {
            struct conn_slot *slot = &pool->slots[tags[i] & INDEX_MASK];
            slot->gone = tags[i] >> INDEX_BITS;
            closed += conn_tend(pool, slot);
        }
    return closed;
}

/* Is it in use, or was it since the last look? What orders other than LIFO lend in turn says nothing of how
 * many were wanted at once. */
static bool was_wanted(const struct connpool *pool, struct conn_slot *slot, uint64_t word)
{
    /* relaxed: a figure of a moment ago. */
    uint64_t uses = atomic_load_explicit(&slot->uses, memory_order_relaxed), before = slot->seen_uses;

    slot->seen_uses = uses;
    return conn_word_is_in_use(word) ||
           (pool->config.order == CONNPOOL_LIFO && uses != before && conn_state_of(word) != CONN_FREE);
}

static void count(struct connpool *pool)
{
    struct conn_keeper *keeper = pool->keeper;
    unsigned shelves = atomic_load_explicit(&pool->shelves_high, memory_order_acquire);

    for (unsigned i = 0; i < shelves; i++)
        keeper->idle[i] = keeper->in_use[i] = keeper->wanted[i] = 0;
    for (size_t i = 0, high = conn_high(pool); i < high; i++) {
        /* relaxed: figures of a moment ago. */
        uint64_t word = atomic_load_explicit(&pool->slots[i].word, memory_order_relaxed);
        keeper->idle[conn_shelf_of(word)] += conn_state_of(word) == CONN_IDLE;
        keeper->in_use[conn_shelf_of(word)] += conn_word_is_in_use(word);
        keeper->wanted[conn_shelf_of(word)] += was_wanted(pool, &pool->slots[i], word);
    }
    keeper->all_idle = 0;
    for (unsigned i = 0; i < shelves; i++)
        keeper->all_idle += keeper->idle[i];
}

static void adapt(struct connpool *pool)
{
    struct conn_keeper *keeper = pool->keeper;
    uint64_t now = conn_now_ms(pool), all_wanted = 0, most_least = 0;
    /* relaxed: bounds of this moment. */
    uint64_t least = atomic_load_explicit(&pool->min_idle_least, memory_order_relaxed);
    uint64_t most = pool->config.min_idle_most > least ? pool->config.min_idle_most : least;

    for (unsigned i = 0; i < atomic_load_explicit(&pool->shelves_high, memory_order_relaxed); i++)
        all_wanted += keeper->wanted[i];
    for (size_t i = 0; i < keeper->targets; i++) {
        struct conn_target *target = &keeper->target[i];
        conn_adapt_see(&target->load, keeper->wanted[target->shelf], now);
        target->least = conn_adapt_idle(&target->load, keeper->in_use[target->shelf], least, most);
        if (target->least > most_least)
            most_least = target->least;
    }
    conn_adapt_see(&keeper->load, all_wanted, now);
    uint64_t lifetime =
        conn_adapt_lifetime(&keeper->load, atomic_load_explicit(&pool->max_open, memory_order_relaxed),
                            pool->config.max_lifetime_ms, pool->config.max_lifetime_most_ms);
    /* relaxed: numbers; who reads the old ones came a moment earlier. */
    atomic_store_explicit(&pool->min_idle, most_least, memory_order_relaxed);
    atomic_store_explicit(&pool->lifetime_ms, lifetime, memory_order_relaxed);
}

static size_t round_of(struct connpool *pool)
{
    struct conn_keeper *keeper = pool->keeper;
    size_t changed;

    keeper->sleep_ms = pool->config.keep_interval_ms != 0 ? pool->config.keep_interval_ms : 1;
    count(pool);
    changed = hear(pool);
    adapt(pool);
    for (size_t i = 0; i < conn_high(pool); i++)
        changed += conn_tend(pool, &pool->slots[i]);
    for (size_t i = 0; i < keeper->targets && pool->config.idle_timeout_ms != 0; i++)
        changed += conn_tend_unused(pool, &keeper->target[i]);
    changed += conn_fill(pool);
    /* A pause that is over makes no room, but who waits may now have another key's: only we know that it is.
     */
    if (atomic_load_explicit(&pool->attention, memory_order_relaxed) >= CONN_WAITER)
        conn_serve_now(pool);
    return changed;
}

size_t connpool_keep(connpool_t *pool)
{
    size_t changed = 0;

    if (!conn_is_inherited(pool) && pthread_mutex_trylock(&pool->keeper->round) == 0) {
        changed = round_of(pool);
        pthread_mutex_unlock(&pool->keeper->round);
    }
    return changed;
}

/* ------------------------------------------------------------ the thread */

static void *keeper_main(void *arg)
{
    struct connpool *pool = arg;
    struct conn_keeper *keeper = pool->keeper;

    while (!atomic_load_explicit(&keeper->ends, memory_order_relaxed)) {
        pthread_mutex_lock(&keeper->round);
        round_of(pool);
        uint64_t sleep_ms = keeper->sleep_ms;
        pthread_mutex_unlock(&keeper->round);
        if (!atomic_load_explicit(&keeper->ends, memory_order_relaxed))
            conn_watch_wait(&keeper->watch, sleep_ms);
    }
    return NULL;
}

static int start(struct connpool *pool)
{
    struct conn_keeper *keeper = pool->keeper;
    sigset_t all, before;

    /* The thread inherits the mask: signals are the program's. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&keeper->thread, NULL, keeper_main, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    keeper->has_thread = error == 0;
    if (error == 0)
        pthread_setname_np(keeper->thread, "connpool");
    return -error;
}

void conn_keeper_wake(struct connpool *pool)
{
    conn_watch_wake(&pool->keeper->watch);
}

/* ------------------------------------------------------------ begin and end */

static int hold_members(struct connpool *pool)
{
    struct conn_keeper *keeper = pool->keeper;

    for (size_t i = 0; i < pool->config.members_count; i++) {
        const connpool_member_t *member = &pool->config.members[i];
        int shelf = conn_shelf_hold(pool, member->key, member->key_size);
        if (shelf < 0)
            return shelf;
        struct conn_group *group = member->read_only ? &keeper->readers : &keeper->writers;
        group->target[group->count++] = (uint8_t)i;
        keeper->target[i].shelf = (unsigned)shelf;
    }
    /* Without members the one without a key is the target; it is shelf 0. */
    keeper->targets = pool->config.members_count != 0 ? pool->config.members_count : 1;
    return 0;
}

int conn_keeper_begin(struct connpool *pool)
{
    struct conn_keeper *keeper = aligned_alloc(_Alignof(struct conn_keeper), sizeof *keeper);

    if (keeper == NULL)
        return -ENOMEM;
    *keeper = (struct conn_keeper){.round = PTHREAD_MUTEX_INITIALIZER};
    int error = conn_watch_begin(&keeper->watch);
    if (error != 0) {
        free(keeper);
        return error;
    }
    pool->keeper = keeper;
    error = hold_members(pool);
    if (error == 0 && (pool->config.flags & CONNPOOL_NO_KEEPER) == 0)
        error = start(pool);
    if (error != 0)
        conn_keeper_end(pool);
    return error;
}

void conn_keeper_end(struct connpool *pool)
{
    if (pool->keeper == NULL)
        return;
    atomic_store_explicit(&pool->keeper->ends, true, memory_order_relaxed);
    conn_keeper_wake(pool);
    if (pool->keeper->has_thread)
        pthread_join(pool->keeper->thread, NULL);
    conn_watch_end(&pool->keeper->watch);
    free(pool->keeper);
    pool->keeper = NULL;
}
