#include <errno.h>

#include "keeper.h"

/*
 * A member whose server failed is left to the keeper, who tries it when its pause is over: no caller is
 * kept waiting for a host that may not answer at all. Only where the keeper has found no time or no room
 * for that long after the pause do callers try again themselves.
 */
static uint64_t grace_ms(const struct connpool *pool)
{
    return pool->config.open_timeout_ms + 2 * (uint64_t)pool->config.keep_interval_ms;
}

/* Members of a group that are up at `now_ms`: how many, and which shelves. */
static uint32_t find_up(const struct connpool *pool, const struct conn_group *group, uint64_t now_ms,
                        unsigned *shelves)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < group->count; i++) {
        unsigned shelf = pool->keeper->target[group->target[i]].shelf;
        if (conn_gone(pool, shelf, now_ms) == 0)
            shelves[count++] = shelf;
    }
    return count;
}

/* One call, and what has come of it so far. */
struct attempt {
    uint64_t deadline_ms; /* WAIT_FOREVER, or 0 for who does not wait */
    connpool_lease_t *lease;
    int error;
};

static uint32_t time_left(const struct attempt *attempt)
{
    if (attempt->deadline_ms == 0)
        return 0;
    if (attempt->deadline_ms == WAIT_FOREVER)
        return UINT32_MAX;
    /* 0 would be told as -EAGAIN, which is for those who do not wait. */
    uint64_t left = conn_passed(attempt->deadline_ms, clock_ms());
    return left != 0 ? (uint32_t)left : 1;
}

/* From one that is up, in turn. False: there is none, or each has just turned out to be gone. */
static bool acquire_up(struct connpool *pool, struct conn_group *group, uint64_t now_ms,
                       struct attempt *attempt)
{
    unsigned shelves[CONNPOOL_MAX_MEMBERS];
    uint32_t count;

    for (uint32_t tried = 0; tried < group->count && (count = find_up(pool, group, now_ms, shelves)) != 0;
         tried++) {
        uint32_t turn = atomic_fetch_add_explicit(&group->turn, 1, memory_order_relaxed);
        unsigned shelf = shelves[turn % count];
        attempt->error = conn_acquire_from(pool, shelf, time_left(attempt), attempt->lease);
        if (attempt->error == 0 || conn_gone(pool, shelf, now_ms) == 0)
            return true;
    }
    return false;
}

/* What the first of them that is gone gave last. */
static int error_of(const struct connpool *pool, const struct conn_group *group)
{
    for (uint32_t i = 0; i < group->count; i++) {
        unsigned shelf = pool->keeper->target[group->target[i]].shelf;
        int error = conn_gone(pool, shelf, 0);
        if (error != 0)
            return error;
    }
    return -ENOENT;
}

int connpool_acquire_member(connpool_t *pool, bool writes, uint32_t timeout_ms, connpool_lease_t *lease)
{
    if (conn_is_inherited(pool))
        return -ECHILD;
    struct conn_keeper *keeper = pool->keeper;
    struct conn_group *first = writes ? &keeper->writers : &keeper->readers, *second = &keeper->writers;
    uint64_t now = conn_now_ms(pool), left_alone = conn_passed(now, grace_ms(pool));
    struct attempt attempt = {.lease = lease, .error = -ENOENT};

    if (timeout_ms != 0)
        attempt.deadline_ms = timeout_ms == UINT32_MAX ? WAIT_FOREVER : clock_ms() + timeout_ms;
    /* Those that are up; and where there is none, those that may be by now. */
    if (acquire_up(pool, first, left_alone, &attempt) || acquire_up(pool, second, left_alone, &attempt) ||
        acquire_up(pool, first, now, &attempt) || acquire_up(pool, second, now, &attempt))
        return attempt.error;
    if (attempt.error == -ENOENT)
        attempt.error = error_of(pool, first);
    return attempt.error == -ENOENT ? error_of(pool, second) : attempt.error;
}
