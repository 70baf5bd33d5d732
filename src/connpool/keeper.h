/*
 * keeper - who looks after connections while nobody acquires or releases: a thread of the pool, or whoever
 * calls connpool_keep. One round at a time:
 *
 *   hear   what the kernel tells of connections whose other end is gone        watch.c
 *   look   how many are idle and in use; min_idle and max_lifetime by that      adapt.c
 *   tend   close what is gone, too old or idle too long; check; overdue leases  tend.c
 *   fill   open up to min_idle; try servers that were gone                      fill.c
 *   serve  who waits for a server whose pause is over                          queue.c
 *
 * The user's callbacks run in it with nothing locked but the round itself, so what blocks one of
 * them delays this pool's next round and nothing else.
 */
#ifndef CONN_KEEPER_H
#define CONN_KEEPER_H

#include "adapt.h"
#include "pool.h"
#include "watch.h"

/* How soon to look again at a connection that is gone, but in somebody's hands just now. */
#define CONN_SOON_MS 10u

/* A shelf with a min_idle: that without a key, or a member's. Held for good. */
struct conn_target {
    unsigned shelf;
    uint64_t least; /* idle ones, for now */
    struct conn_adapt load;
};

/* Members by what they are for: numbers of targets. */
struct conn_group {
    uint32_t count;
    uint8_t target[CONNPOOL_MAX_MEMBERS];
    _Alignas(128) _Atomic uint32_t turn; /* relaxed: any order is a turn */
};

struct conn_keeper {
    struct conn_watch watch;
    _Atomic bool ends; /* relaxed: `watch` is woken behind it */
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t round; /* over all that follows, and conn_slot's `gone` */
    uint64_t sleep_ms;     /* from the end of this round to the next */
    struct conn_adapt load;
    uint64_t all_idle;
    uint64_t idle[CONN_SHELVES]; /* by shelf; as counted in this round */
    uint64_t in_use[CONN_SHELVES];
    uint64_t wanted[CONN_SHELVES]; /* in use, or used since the last round */
    struct conn_target target[CONNPOOL_MAX_MEMBERS];
    size_t targets;

    struct conn_group readers, writers; /* written at create */
};

/* At the end of create, when the pool is whole: 0 or a negative errno. The thread begins. */
int conn_keeper_begin(struct connpool *pool);
/* No round runs any more, nor begins. */
void conn_keeper_end(struct connpool *pool);

/* There may be something to do before it would look by itself. */
void conn_keeper_wake(struct connpool *pool);
/* Have the kernel tell of the other end's close of what the caller has just opened. */
void conn_keeper_watch(struct connpool *pool, struct conn_slot *slot, int fd);

/* ------------------------------------------------------------ parts of a round */

/* What there is to do for one slot; how many were closed. */
size_t conn_tend(struct connpool *pool, struct conn_slot *slot);
/* Of the target's, those that were unused for longest are closed first: min_idle keeps the others. */
size_t conn_tend_unused(struct connpool *pool, const struct conn_target *target);
/* Opens what is missing; how many. */
size_t conn_fill(struct connpool *pool);

/* Of the keeper's times: the earlier of what it was and this. */
static inline void conn_keeper_comes_in(struct conn_keeper *keeper, uint64_t ms)
{
    if (ms < keeper->sleep_ms)
        keeper->sleep_ms = ms;
}

/* The idle ones of a shelf that no time-out may close. */
static inline uint64_t conn_keeper_least(const struct conn_keeper *keeper, unsigned shelf)
{
    for (size_t i = 0; i < keeper->targets; i++)
        if (keeper->target[i].shelf == shelf)
            return keeper->target[i].least;
    return 0;
}

/* An idle one was closed; it may have come after they were counted. */
static inline void conn_keeper_lost_one(struct conn_keeper *keeper, unsigned shelf)
{
    keeper->idle[shelf] -= keeper->idle[shelf] != 0;
    keeper->all_idle -= keeper->all_idle != 0;
}

/* What has passed since a moment that another thread may have written just now. */
static inline uint64_t conn_passed(uint64_t now_ms, uint64_t then_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

#endif /* CONN_KEEPER_H */
