/*
 * bufpool/connpool.h - connections kept open and lent out: to a database, a cache, another server.
 *
 * A *connection* is any resource that open makes and close ends. acquire lends one out
 * as a *lease*; release takes it back and keeps it idle for the next. When max_open are
 * open, acquires wait in a queue, first come, first served, until their deadline.
 *
 * One pool may serve many addresses (*keys*), under one limit for all of them, and
 * groups of servers of which some only read (*members*). A *keeper* thread of the pool
 * opens what min_idle asks for, closes what is idle too long or too old, hears from
 * the kernel of connections that the other end closed, and tells of leases that are
 * overdue.
 *
 * Threads: every call may be made from any thread at any time, but destroy. Acquiring an
 * idle connection and releasing one that nobody waits for is lock-free; what the releaser did with it
 * happens before what the next borrower does. A child of fork must not use its parent's
 * pool: every call there gives -ECHILD, false or nothing. Link bufpool::connpool.
 */
#ifndef BUFPOOL_CONNPOOL_H
#define BUFPOOL_CONNPOOL_H

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct connpool connpool_t;

/*
 * The right to use one connection. Pass it on by value; it ends with release. A copy
 * that outlives it is told apart from every later lease, however often the connection
 * was lent out since: releasing it again is misuse, and nothing else.
 */
typedef struct connpool_lease {
    void *resource;  /* what open made */
    uint64_t ticket; /* which lease; opaque, never 0 */
} connpool_lease_t;

/* What open is to connect to. */
typedef struct connpool_target {
    const void *key; /* the key's bytes; NULL where the pool is used without keys */
    size_t key_size;
    uint32_t timeout_ms; /* left to the acquire, at most open_timeout_ms; that too where it does not wait */
} connpool_target_t;

/* Which of the idle connections is lent out next. All but LIFO look at each idle connection of the key. */
enum connpool_order {
    CONNPOOL_LIFO,   /* what this thread released last, else this CPU, else anybody: warm; the rest expire */
    CONNPOOL_FIFO,   /* the one opened first */
    CONNPOOL_RANDOM, /* any, all alike */
    CONNPOOL_LRU     /* the one unused for longest: spreads use over all */
};

/* A server of a group; see connpool_acquire_member. */
typedef struct connpool_member {
    const void *key;
    size_t key_size;
    bool read_only;
} connpool_member_t;

enum {
    CONNPOOL_MAX_OPEN = 65535,
    CONNPOOL_MAX_KEY = 255,
    CONNPOOL_MAX_KEYS = 4095,
    CONNPOOL_MAX_MEMBERS = 64
};

/*
 * What connpool_create is told. Start from CONNPOOL_CONFIG_INIT and set open and close. The
 * struct is copied, members and their keys too. All times are milliseconds.
 *
 * The callbacks run with nothing locked, on the thread that acquires or releases, or on the keeper's;
 * several at once, but never two for one connection. They may block, and may use any other pool.
 *
 * open    make *resource; 0, or a negative errno with nothing left behind
 * close   end it; called exactly once for every resource that open made
 * check   is it alive? Where CONNPOOL_CHECK_ON_ACQUIRE and check_interval_ms say. NULL: it is
 * reset   at release, make it fit for the next (roll back, leave modes); false: close it. NULL: nothing to do
 * fd      its descriptor, watched for the other end's close while it is idle; -1: none. NULL: none is
 * report  a line without its end about what somebody should look at: an overdue lease. NULL: to stderr
 * clock   milliseconds that never go back, for all times but deadlines. NULL: CLOCK_MONOTONIC
 */
typedef struct connpool_config {
    size_t struct_size; /* set by CONNPOOL_CONFIG_INIT; lets the struct grow */
    const char *name;   /* in dumps and reports; NULL is "connpool" */
    int (*open)(void **resource, const connpool_target_t *target, void *arg);
    void (*close)(void *resource, void *arg);
    bool (*check)(void *resource, void *arg);
    bool (*reset)(void *resource, void *arg);
    int (*fd)(void *resource, void *arg);
    void (*report)(const char *line, void *arg);
    uint64_t (*clock)(void *arg);
    void *arg; /* for all of them */

    size_t max_open; /* idle, lent out and being opened, over all keys; 16; at most CONNPOOL_MAX_OPEN */
    size_t max_open_per_key; /* SIZE_MAX */
    size_t max_idle;         /* SIZE_MAX; what is released beyond it is closed */
    size_t max_idle_per_key; /* SIZE_MAX */
    size_t min_idle; /* so many are opened ahead, for the one key of a pool without keys, or each member; 0 */
    size_t min_idle_most;      /* min_idle follows the load up to this; 0: it stays */
    size_t max_waiters;        /* more are refused with -ENOBUFS; SIZE_MAX */
    enum connpool_order order; /* CONNPOOL_LIFO */
    uint32_t flags;            /* CONNPOOL_CHECK_ON_ACQUIRE and the like; 0 */

    uint32_t open_timeout_ms;      /* 10,000; what opens of the keeper are given */
    uint32_t idle_timeout_ms;      /* idle for longer: closed, down to min_idle; 600,000; 0: never */
    uint32_t max_lifetime_ms;      /* older: closed when idle or released; 1,800,000; 0: never */
    uint32_t max_lifetime_most_ms; /* under load it stretches up to this, opens cost most then; 0: it stays */
    uint32_t lifetime_jitter_ms;   /* each lives up to this much shorter, half of its lifetime at most, so
                                      that not all end at once; 45,000 */
    uint32_t check_interval_ms;    /* so long idle since use or check: the keeper checks it; 0: never */
    uint32_t overdue_ms;           /* lent out for longer without a touch: reported, once a lease; 0: never */
    uint32_t backoff_ms; /* after a failed open the keeper tries again in this, then twice it, ...; 100 */
    uint32_t backoff_most_ms;  /* ... up to this, each with up to a quarter less by chance; 5,000 */
    uint32_t keep_interval_ms; /* the keeper looks at all at least so often; 1,000 */

    const connpool_member_t *members; /* NULL: no group */
    size_t members_count;             /* at most CONNPOOL_MAX_MEMBERS */
} connpool_config_t;

/* Every default, as a brace initialiser for C11 and C++17. open and close have none. */
#define CONNPOOL_CONFIG_INIT                                                                                 \
    {                                                                                                        \
        sizeof(connpool_config_t), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 16, SIZE_MAX,       \
            SIZE_MAX, SIZE_MAX, 0, 0, SIZE_MAX, CONNPOOL_LIFO, 0, 10000, 600000, 1800000, 0, 45000, 0, 0,    \
            100, 5000, 1000, NULL, 0                                                                         \
    }

/*
 * Flags of a pool.
 *
 * CHECK_ON_ACQUIRE  Every idle connection is checked before it is lent out.
 * RECLAIM           An overdue connection is closed under its borrower, whose release then gives false.
 * NO_KEEPER         No thread: call connpool_keep yourself.
 */
#define CONNPOOL_CHECK_ON_ACQUIRE 1u
#define CONNPOOL_RECLAIM 2u
#define CONNPOOL_NO_KEEPER 4u

/*
 * connpool_create - make a pool. It opens nothing yet; the keeper opens min_idle soon. 0, or a
 * negative errno with *pool untouched: -EINVAL for a missing open or close, max_open 0 or above
 * CONNPOOL_MAX_OPEN, max_open_per_key 0, min_idle above max_idle or max_open, min_idle_most or
 * max_lifetime_most_ms below its lower bound, an unknown flag or order, a key of 0 or more than
 * CONNPOOL_MAX_KEY bytes, too many members; -ENOMEM, -EMFILE, -EAGAIN from the system. May block.
 */
BUFPOOL_API int connpool_create(connpool_t **pool, const connpool_config_t *config);

/*
 * connpool_close - lend out no more, and wait for what is out: the end of the pool, except for its memory.
 *
 * At once: acquires and those that wait get -ESHUTDOWN, idle connections are closed, what is released later
 * is closed by release. 0 when none is open any more, -ETIMEDOUT when some still are after timeout_ms (0: do
 * not wait; UINT32_MAX: for ever); it may be called again.
 */
BUFPOOL_API int connpool_close(connpool_t *pool, uint32_t timeout_ms);

/*
 * connpool_destroy - close, and give back the memory. NULL does nothing. Leases still out are told on stderr
 * and their connections closed. No other call on the pool may run or come later. May block.
 */
BUFPOOL_API void connpool_destroy(connpool_t *pool);

/*
 * connpool_acquire - lend out a connection: an idle one, else a new one, else wait for one.
 *
 * 0 with *lease set; else a negative errno, and *lease is untouched:
 *   -EAGAIN      none is free, and timeout_ms is 0
 *   -ETIMEDOUT   none came free within timeout_ms; such a waiter is never served later
 *   -ENOBUFS     max_waiters wait already, or there is no memory for one more
 *   -ESHUTDOWN   the pool is closed
 *   what open gave; and, while there is room but the server of this key is known to be gone and backoff_ms
 *   is not over, what it gave last, without asking open again
 * timeout_ms UINT32_MAX waits for ever. A new connection is opened on this thread. Who waits is served in
 * order of arrival, before anybody who comes later. A thread that finds none yields a few times before it
 * queues. An acquire that finds none by the CPU's last releases looks at every slot in use: some ns each.
 */
BUFPOOL_API int connpool_acquire(connpool_t *pool, uint32_t timeout_ms, connpool_lease_t *lease);

/*
 * connpool_acquire_key - connpool_acquire for one address of many. Also -EINVAL for a key of 0 or more than
 * CONNPOOL_MAX_KEY bytes, -ENOSPC when CONNPOOL_MAX_KEYS have connections. With max_open open and none of
 * them idle here, the idle connection of another key that was unused for longest makes room.
 */
BUFPOOL_API int connpool_acquire_key(connpool_t *pool, const void *key, size_t key_size, uint32_t timeout_ms,
                                     connpool_lease_t *lease);

/*
 * connpool_acquire_member - connpool_acquire from the group: for writing from a member that is not read-only;
 * for reading from the read-only members in turn, passing over those that are known to be gone, and from the
 * others when all are. -ENOENT where no member fits. Of a group each member has a min_idle of its own.
 */
BUFPOOL_API int connpool_acquire_member(connpool_t *pool, bool writes, uint32_t timeout_ms,
                                        connpool_lease_t *lease);

/*
 * connpool_release - the end of a lease. True: the connection is kept, or went to the first that waits.
 * False: it was closed: it was marked, its reset failed, the other end closed it, it is too old, too many are
 * idle, the pool is closed, it had been reclaimed. A lease that ended before or is of another pool is misuse
 * (see bufpool_on_misuse); false, and nothing else happens, where the handler returns.
 */
BUFPOOL_API bool connpool_release(connpool_t *pool, connpool_lease_t lease);

/* connpool_mark_unusable - have release close it. For errors that leave its state in doubt. Misuse as for
 * release. */
BUFPOOL_API void connpool_mark_unusable(connpool_t *pool, connpool_lease_t lease);

/* connpool_touch - it is in use: overdue_ms begin anew. False: the lease is over (reclaimed, say); no misuse.
 * Lock-free. */
BUFPOOL_API bool connpool_touch(connpool_t *pool, connpool_lease_t lease);

/*
 * connpool_resize - new limits for a pool in traffic. 0, or -EINVAL as for create, and nothing changes. What
 * is above them is closed: idle connections now, those lent out when released; new room serves those that
 * wait.
 */
BUFPOOL_API int connpool_resize(connpool_t *pool, size_t max_open, size_t max_idle, size_t min_idle);

/*
 * connpool_keep - do now what the keeper would do next; how many connections it opened or closed. For pools
 * with CONNPOOL_NO_KEEPER, and for tests that own the clock. One round at a time: the loser of two at once
 * gets 0.
 */
BUFPOOL_API size_t connpool_keep(connpool_t *pool);

/* Buckets of the time histograms: bucket i counts times below 2^i microseconds, and not below half of that;
 * the last all longer ones. */
#define CONNPOOL_BUCKETS 32

/*
 * Since create; exact at rest. Start from CONNPOOL_STATS_INIT.
 *
 * open = idle + in_use; opens = open + all that are closed_...
 */
typedef struct connpool_stats {
    size_t struct_size; /* set by CONNPOOL_STATS_INIT */

    /* now */
    uint64_t open;    /* connections */
    uint64_t idle;    /* of them, not lent out */
    uint64_t in_use;  /* of them, lent out */
    uint64_t opening; /* opens that have not returned */
    uint64_t waiters; /* acquires in the queue */
    uint64_t keys;    /* addresses that have a connection */

    /* counters */
    uint64_t acquires;         /* that gave a lease */
    uint64_t hits;             /* of them, idle ones that nobody waited for */
    uint64_t waits;            /* acquires that queued, served or not */
    uint64_t timeouts;         /* -ETIMEDOUT and -EAGAIN */
    uint64_t refusals;         /* -ENOBUFS */
    uint64_t opens;            /* that worked */
    uint64_t open_failures;    /* that did not */
    uint64_t closed_idle;      /* idle for longer than idle_timeout_ms */
    uint64_t closed_old;       /* older than max_lifetime_ms */
    uint64_t closed_unusable;  /* marked by their borrower */
    uint64_t closed_reset;     /* reset said no */
    uint64_t closed_check;     /* check said no */
    uint64_t closed_gone;      /* the other end had closed them */
    uint64_t closed_limit;     /* over max_open or max_idle */
    uint64_t closed_reclaimed; /* overdue, with CONNPOOL_RECLAIM */
    uint64_t closed_evicted;   /* for another key */
    uint64_t closed_end;       /* the pool was closed */
    uint64_t overdue;          /* leases reported */
    uint64_t misuses;          /* faults of callers reported */

    /* limits that may follow the load */
    uint64_t min_idle;        /* now, of the target that has most */
    uint64_t max_lifetime_ms; /* now */

    /* times, to the microsecond */
    uint64_t wait_ns;                          /* sum of what wait_histogram has */
    uint64_t use_ns;                           /* sum of what use_histogram has */
    uint64_t wait_histogram[CONNPOOL_BUCKETS]; /* of waits that were served */
    uint64_t use_histogram[CONNPOOL_BUCKETS];  /* acquire to release: one use in 16, all with your clock */
} connpool_stats_t;

#define CONNPOOL_STATS_INIT                                                                                  \
    {                                                                                                        \
        sizeof(connpool_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, 0, {0},                                                                                 \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* connpool_stats - 0, or -EINVAL for a struct_size too small. Lock-free. */
BUFPOOL_API int connpool_stats(connpool_t *pool, connpool_stats_t *stats);

/* connpool_dump - the statistics as a table, JSON, or Prometheus text; 0, or a negative errno of writing. */
BUFPOOL_API int connpool_dump(connpool_t *pool, FILE *out, enum bufpool_format format);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_CONNPOOL_H */
