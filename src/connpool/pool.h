/*
 * pool - what a connection pool is made of, and the doors its parts have to each other.
 *
 * Hot paths (acquire.c, release.c) touch the first lines of the pool, one shard and one slot. All
 * that opens, closes, waits or changes limits holds `lock` for a few instructions, never
 * while it calls the user.
 *
 *   slots.c     the slots: found, claimed, freed; the hints; scans by order
 *   shelves.c   keys
 *   connect.c   a connection opened, closed, its age; back-off after opens that failed
 *   queue.c     who waits, and who is served next
 *   acquire.c   connpool_acquire, connpool_acquire_key
 *   release.c   connpool_release, _mark_unusable, _touch
 *   pool.c      create, close, resize, destroy
 *   keeper.h    all that happens while nobody calls; groups of servers
 *   stats.c, dump.c
 */
#ifndef CONN_POOL_H
#define CONN_POOL_H

#include <pthread.h>
#include <time.h>

#include "../family/roll.h"
#include "../wait.h"
#include "slot.h"

#define CONN_LIKELY(x) __builtin_expect(!!(x), 1)
#define CONN_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Reached without a table, from everywhere in the library. */
#define CONN_HIDDEN __attribute__((visibility("hidden")))

enum {
    CONN_SLOTS = CONNPOOL_MAX_OPEN,
    CONN_SHELVES = CONNPOOL_MAX_KEYS + 1, /* 0 is of connpool_acquire, for good */
    CONN_HINTS = 32,                      /* of one CPU for one shelf; a power of two */
    CONN_SHARDS_MOST = 64,                /* CPUs beyond share */
    CONN_BUCKETS_OF_KEYS = 8192,
    CONN_KEY_WORDS = 32,
    CONN_NONE = 0xffff
};

/*
 * The attention word: 0 in the low bits a call cares for means "nothing but the hit". From CONN_WAITER on it
 * counts who waits.
 */
#define CONN_CLOSED ((uint64_t)1)   /* connpool_close was called */
#define CONN_COUNTED ((uint64_t)2)  /* max_idle or max_idle_per_key may bind: idle ones are counted */
#define CONN_OVER ((uint64_t)4)     /* more are open than max_open, since resize */
#define CONN_RESETS ((uint64_t)8)   /* there is a reset to run */
#define CONN_CHECKS ((uint64_t)16)  /* CONNPOOL_CHECK_ON_ACQUIRE */
#define CONN_ORDERED ((uint64_t)32) /* any order but LIFO */
#define CONN_SOUGHT ((uint64_t)64)  /* somebody looks at all slots; none has been made idle since */
#define CONN_BARREN ((uint64_t)128) /* he has found none idle, of no key, and still none has been made so */
#define CONN_WAITER ((uint64_t)1 << 16) /* one that waits */
#define CONN_STOPS_ACQUIRE (~(CONN_COUNTED | CONN_OVER | CONN_RESETS | CONN_SOUGHT | CONN_BARREN))
#define CONN_STOPS_RELEASE (~(CONN_CHECKS | CONN_ORDERED | CONN_SOUGHT | CONN_BARREN))
/* What somebody who has just made a connection idle must look after. */
#define CONN_STOPS_IDLE (~(CONN_RESETS | CONN_CHECKS | CONN_ORDERED))

/*
 * Slots released on one CPU, the newest at `top`: a guess where an idle one is. Threads of one CPU
 * may spoil each other's; then a scan finds what the hints do not say.
 */
struct conn_hints {
    _Alignas(128) _Atomic uint16_t slot[CONN_HINTS]; /* index + 1; 0: none */
    _Atomic uint32_t top;
};

/* A CPU's numbers. */
struct conn_shard {
    _Alignas(128) _Atomic uint64_t use_histogram[CONNPOOL_BUCKETS];
    _Atomic uint64_t use_us;
};

/*
 * A key and its connections. Reused for another key when it has none and nobody is about to open one; then
 * `version` has moved.
 */
struct conn_shelf {
    _Alignas(64) _Atomic uint32_t version; /* odd while the key is written */
    _Atomic uint16_t next;                 /* in its bucket, number + 1 */
    _Atomic uint16_t key_size;
    _Atomic uint64_t hash;
    _Atomic uint64_t key[CONN_KEY_WORDS]; /* zeros behind the key; relaxed, see shelves.c */

    /* Under the pool's lock. */
    uint32_t users;        /* calls that hold it; the keeper and members hold theirs for good */
    _Atomic uint32_t open; /* slots of it from OPENING to CLOSING; relaxed outside the lock */
    uint32_t passed;       /* the round of conn_serve that found nothing for it */

    _Atomic uint64_t idle; /* of these, where CONN_COUNTED */

    /* Back-off, of the server behind it; connect.c writes. relaxed: each stands alone. */
    _Atomic uint64_t gone_until;   /* ms; no open before */
    _Atomic int gone_error;        /* what open gave last; 0: it works */
    _Atomic uint32_t gone_backoff; /* ms, the last pause without its jitter */
    _Atomic uint32_t refused;      /* somebody asked in the pause; the keeper takes it back */
};

struct conn_waiter;
struct conn_keeper;

struct connpool {
    /* Read by every call, written seldom. */
    _Alignas(128) _Atomic uint64_t attention;
    struct conn_slot *slots;
    struct conn_hints *hints; /* [shelf][shard] */
    struct conn_shard *shards;
    struct conn_shelf *shelves;
    struct conn_keeper *keeper; /* keeper.h */
    uint64_t (*clock)(void *arg);
    void *arg;
    uint32_t shard_mask;
    uint32_t near;                 /* its place in each thread's conn_near */
    clockid_t release_clock;       /* a coarse one, unless the order goes by use */
    uint32_t sample_mask;          /* uses that are timed: those with these bits 0 */
    uint32_t forks;                /* of the process at create; see conn_is_inherited */
    bool times_leases;             /* lent_at is kept: overdue_ms is not 0 */
    _Atomic uint64_t lifetime_ms;  /* max_lifetime now, UINT64_MAX for none; the keeper may stretch it */
    _Atomic uint32_t high;         /* slots below have been used; only grows */
    _Atomic uint32_t shelves_high; /* shelves below have had a key; only grows */

    /* relaxed, RMW; where CONN_COUNTED. */
    _Alignas(128) _Atomic uint64_t idle;

    _Alignas(128) pthread_mutex_t lock;
    /* Under the lock; relaxed for those who look from outside. */
    _Atomic uint64_t open; /* slots from OPENING to CLOSING */
    _Atomic uint64_t max_open, max_idle;
    _Atomic uint64_t min_idle_least;                /* as configured */
    _Atomic uint64_t min_idle;                      /* now; the keeper's */
    _Atomic uint64_t taken[(CONN_SLOTS + 63) / 64]; /* a bit a slot, from OPENING to FREE; scans read it */
    struct conn_waiter *first, *last;               /* in order of arrival */
    struct conn_waiter *spare;                      /* never unmapped before destroy: see queue.c */
    struct conn_waiters_block *waiter_blocks;
    uint32_t round;                                /* of conn_serve */
    uint32_t next_reused;                          /* shelf to try when all have a key */
    uint64_t leaving;                              /* of `open`, being closed because of CONN_OVER */
    _Atomic uint16_t bucket[CONN_BUCKETS_OF_KEYS]; /* written under the lock; number + 1 */
    struct event emptied;                          /* signalled when open becomes 0 */

    /* Counters of slow paths: relaxed, RMW. */
    _Alignas(128) _Atomic uint64_t misses; /* leases that were no hit */
    _Atomic uint64_t waits, timeouts, refusals, opens, open_failures, misuses, overdue;
    _Atomic uint64_t closes[CONN_REASONS];
    _Atomic uint64_t wait_histogram[CONNPOOL_BUCKETS], wait_us;
    _Atomic uint64_t opened_order; /* the last one given */
    _Atomic uint64_t stamps;       /* the last one given, where the clock is the user's */
    _Atomic uint64_t sequence;     /* of random numbers */
    uint64_t first_generation;     /* no lease of this pool has an older one */

    connpool_config_t config; /* name and members are copies */
    struct roll_entry entry;
    size_t mapped; /* bytes behind slots, hints, shards, shelves */
};

/* ------------------------------------------------------------ time */

/* Nanoseconds of the clock that the kernel keeps for all. */
static inline uint64_t conn_system_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t conn_now_ms(const struct connpool *pool)
{
    return pool->clock != NULL ? pool->clock(pool->arg) : conn_system_ns() / 1000000;
}

static inline uint64_t conn_now_us(const struct connpool *pool)
{
    return pool->clock != NULL ? pool->clock(pool->arg) * 1000 : conn_system_ns() / 1000;
}

/* What orders connections by use: the time, to the nanosecond; or a count where the clock is the user's. */
static inline uint64_t conn_stamp(struct connpool *pool, uint64_t system_ns)
{
    if (CONN_LIKELY(pool->clock == NULL))
        return system_ns;
    return 1 + atomic_fetch_add_explicit(&pool->stamps, 1, memory_order_relaxed);
}

/* ------------------------------------------------------------ slots.c */

/* Is this a child of fork, which has the pool's memory but not its threads and sockets? */
extern _Atomic uint32_t conn_forks CONN_HIDDEN;
static inline bool conn_is_inherited(const struct connpool *pool)
{
    /* relaxed: only fork's child changes it, before it has another thread. */
    return atomic_load_explicit(&conn_forks, memory_order_relaxed) != pool->forks;
}

static inline size_t conn_index(const struct connpool *pool, const struct conn_slot *slot)
{
    return (size_t)(slot - pool->slots);
}

/* Slots to look at: for (size_t i = 0; i < conn_high(pool); i++) pool->slots[i]... */
static inline size_t conn_high(const struct connpool *pool)
{
    /* acquire [high]: a slot below it has been written. */
    return atomic_load_explicit(&pool->high, memory_order_acquire);
}

/*
 * Claim one: IDLE -> `state` (CONN_KEPT, CONN_CLOSING). False: somebody was faster. True: the slot is the
 * caller's, and no longer counted as idle.
 */
bool conn_claim(struct connpool *pool, struct conn_slot *slot, uint64_t word, unsigned state);
/* The best idle one of a shelf by the pool's order, KEPT; or NULL. Looks at every connection, unless
 * CONN_BARREN. */
struct conn_slot *conn_claim_of(struct connpool *pool, unsigned shelf);
/* The same, under the lock: where none is idle, nobody looks again before one is (see slots.c). */
struct conn_slot *conn_claim_locked(struct connpool *pool, unsigned shelf);
/* The idle one of any other shelf (CONN_NONE: of any) that was unused for longest, claimed; or NULL. */
struct conn_slot *conn_claim_oldest(struct connpool *pool, unsigned not_shelf, unsigned state);
/* IN_USE -> RECLAIMED, if the word still is what the caller judged: no touch, no release since. Then
 * conn_close_reclaimed. */
bool conn_reclaim(struct conn_slot *slot, uint64_t word);

/* What an owner of a KEPT one does with it: make it idle. False: there was no room for it, or the pool is
 * closed, and it has been closed. Serves who waits. */
bool conn_make_idle(struct connpool *pool, struct conn_slot *slot);

/* The caller has just made one idle: `attention` since then, and nobody is BARREN any more. */
uint64_t conn_tell_idle(struct connpool *pool);

/* Guess, for all threads of this CPU, that this slot is idle. */
void conn_hint(struct connpool *pool, size_t index);

/* Numbers by chance; not secret. */
uint64_t conn_random(struct connpool *pool);

/* ------------------------------------------------------------ shelves.c */

/* The shelf of a key, and the version that it is that at; CONN_NONE where there is none. Lock-free. */
unsigned conn_shelf_look(struct connpool *pool, const void *key, size_t size, uint32_t *version);
bool conn_shelf_is(struct connpool *pool, unsigned shelf, uint32_t version);
/* The same, made where there is none, and held until conn_shelf_drop: the number, or -ENOSPC. */
int conn_shelf_hold(struct connpool *pool, const void *key, size_t size);
void conn_shelf_drop(struct connpool *pool, unsigned shelf);
/* The key of a shelf that is held or has a connection: its size; `key` has room for CONNPOOL_MAX_KEY. */
size_t conn_shelf_key(const struct connpool *pool, unsigned number, void *key);

/* ------------------------------------------------------------ connect.c */

/* Under the lock: room for one more of a held shelf, as an OPENING slot of the caller's; NULL at a limit. */
struct conn_slot *conn_room(struct connpool *pool, unsigned shelf);
/* Under the lock: the room of an evicted one counts for another shelf from now on. */
void conn_move_room(struct connpool *pool, unsigned from, unsigned to);
/*
 * Open what conn_room gave. 0: the slot is KEPT. Else what open gave, or -ESHUTDOWN; the slot is
 * free again and who waits has been served. Calls the user: without the lock.
 */
int conn_open(struct connpool *pool, struct conn_slot *slot, uint32_t timeout_ms);
/* Close a CLOSING or KEPT slot of the caller's and free it; who waits is served. Calls the user. */
void conn_close(struct connpool *pool, struct conn_slot *slot, enum conn_reason reason);
/* The same, but its room is of the held `shelf` (see conn_move_room): the slot is OPENING then. */
void conn_close_for(struct connpool *pool, struct conn_slot *slot, enum conn_reason reason, unsigned shelf);
/* What conn_reclaim has taken: close its resource, and give its room away. Calls the user. */
void conn_close_reclaimed(struct connpool *pool, uint64_t word, void *resource);
/* Its borrower has come back: RECLAIMED -> FREE is done. */
void conn_free_reclaimed(struct connpool *pool, struct conn_slot *slot);
/* Close a KEPT one if more than max_open are open; false: it is not needed. */
bool conn_close_over(struct connpool *pool, struct conn_slot *slot);

/* Older than max_lifetime less its jitter? */
bool conn_is_old(const struct connpool *pool, const struct conn_slot *slot, uint64_t now_ms);
/* While the server is known to be gone and its pause not over: what open gave last. Else 0. */
int conn_gone(const struct connpool *pool, unsigned number, uint64_t now_ms);

/* ------------------------------------------------------------ queue.c */

/*
 * Under the lock: give what is to be had to who waits, in order of arrival. Returns those served,
 * to be woken by conn_wake after the lock is dropped.
 */
struct conn_waiter *conn_serve(struct connpool *pool, uint64_t now_ms);
void conn_wake(struct conn_waiter *served);
/* Lock, serve, unlock, wake. */
void conn_serve_now(struct connpool *pool);
/* Hand a KEPT slot to the first that waits, if he waits for its shelf. */
bool conn_hand_over(struct connpool *pool, struct conn_slot *slot);
/* All that wait get -ESHUTDOWN. */
void conn_dismiss(struct connpool *pool);
/* The queue's part of an acquire: the shelf is held. A KEPT, OPENING or CLOSING slot of the caller's in *slot
 * and 0; or a negative errno. */
int conn_queue(struct connpool *pool, unsigned shelf, uint64_t deadline_ms, struct conn_slot **slot);
void conn_queue_end(struct connpool *pool);

/* ------------------------------------------------------------ acquire.c */

/* connpool_acquire on a shelf that is held (members, say). */
int conn_acquire_from(struct connpool *pool, unsigned shelf, uint32_t timeout_ms, connpool_lease_t *lease);

/* ------------------------------------------------------------ dump.c */

extern struct roll_kind conn_kind;

/* ------------------------------------------------------------ counting */

/* A counter that one call in many moves. relaxed: it counts. */
static inline void conn_count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* A time into its histogram, and to their sum. */
static inline void conn_count_time(_Atomic uint64_t buckets[CONNPOOL_BUCKETS], _Atomic uint64_t *sum_us,
                                   uint64_t us)
{
    conn_count(&buckets[histogram_bucket(us)]);
    atomic_fetch_add_explicit(sum_us, us, memory_order_relaxed);
}
_Static_assert(CONNPOOL_BUCKETS == HISTOGRAM_BUCKETS, "written by the family's writer");

#endif /* CONN_POOL_H */
