#include "keeper.h"

/* Room for one more of a shelf that is held, where opening is no use or not allowed: NULL. */
static struct conn_slot *room_for(struct connpool *pool, unsigned shelf)
{
    struct conn_slot *slot = NULL;

    pthread_mutex_lock(&pool->lock);
    /* relaxed: it changes under the lock. */
    if ((atomic_load_explicit(&pool->attention, memory_order_relaxed) & CONN_CLOSED) == 0)
        slot = conn_room(pool, shelf);
    pthread_mutex_unlock(&pool->lock);
    return slot;
}

/* One more idle one. False: not now. */
static bool open_ahead(struct connpool *pool, unsigned shelf)
{
    struct conn_slot *slot = room_for(pool, shelf);

    if (slot == NULL || conn_open(pool, slot, pool->config.open_timeout_ms) != 0)
        return false;
    return conn_make_idle(pool, slot);
}

static bool may_idle(const struct connpool *pool, unsigned shelf)
{
    const struct conn_keeper *keeper = pool->keeper;
    /* relaxed: a limit of this moment. */
    return keeper->all_idle < atomic_load_explicit(&pool->max_idle, memory_order_relaxed) &&
           keeper->idle[shelf] < pool->config.max_idle_per_key;
}

static size_t fill_target(struct connpool *pool, const struct conn_target *target)
{
    struct conn_keeper *keeper = pool->keeper;
    unsigned shelf = target->shelf;
    size_t opened = 0;

    while (keeper->idle[shelf] < target->least && may_idle(pool, shelf) &&
           conn_gone(pool, shelf, conn_now_ms(pool)) == 0 && open_ahead(pool, shelf)) {
        keeper->idle[shelf]++;
        keeper->all_idle++;
        opened++;
    }
    return opened;
}

static bool is_member(const struct connpool *pool, unsigned shelf)
{
    for (size_t i = 0; i < pool->config.members_count; i++)
        if (pool->keeper->target[i].shelf == shelf)
            return true;
    return false;
}

/*
 * A server that was gone, and whose pause is over, tried by us, so that the first who comes when it is back
 * need not: a member, or one that somebody has asked for in the pause. An address that nobody wants is left
 * alone.
 */
static size_t probe(struct connpool *pool, unsigned number)
{
    struct conn_shelf *shelf = &pool->shelves[number];
    uint64_t now = conn_now_ms(pool);
    bool is_due;

    pthread_mutex_lock(&pool->lock);
    /* relaxed: under the lock the shelf is this key's; who has just succeeded makes this one needless, no
     * more. */
    is_due =
        atomic_load_explicit(&shelf->gone_error, memory_order_relaxed) != 0 &&
        conn_gone(pool, number, now) == 0 &&
        (is_member(pool, number) || atomic_exchange_explicit(&shelf->refused, 0, memory_order_relaxed) != 0);
    if (is_due)
        shelf->users++;
    pthread_mutex_unlock(&pool->lock);
    if (!is_due)
        return 0;
    bool is_open = open_ahead(pool, number);
    conn_shelf_drop(pool, number);
    return is_open;
}

size_t conn_fill(struct connpool *pool)
{
    struct conn_keeper *keeper = pool->keeper;
    size_t opened = 0;

    for (size_t i = 0; i < keeper->targets; i++)
        opened += fill_target(pool, &keeper->target[i]);
    unsigned high = atomic_load_explicit(&pool->shelves_high, memory_order_acquire);
    for (unsigned i = 0; i < high; i++) {
        /* relaxed: looked at again under the lock. */
        if (atomic_load_explicit(&pool->shelves[i].gone_error, memory_order_relaxed) == 0)
            continue;
        opened += probe(pool, i);
        uint64_t until = atomic_load_explicit(&pool->shelves[i].gone_until, memory_order_relaxed);
        uint64_t now = conn_now_ms(pool);
        if (until > now)
            conn_keeper_comes_in(keeper, until - now);
    }
    return opened;
}
