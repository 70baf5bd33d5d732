/*
 * sleep - the clock, and sleeping under the pool's lock.
 */
#include <errno.h>
#include <time.h>

#include "pool.h"

uint64_t pool_now_ns(const struct workpool *pool)
{
    struct timespec now;

    if (UNLIKELY(pool->clock != NULL))
        return pool->clock(pool->arg) * 1000000;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t deadline_in(uint32_t timeout_ms)
{
    if (timeout_ms == UINT32_MAX)
        return WAIT_FOREVER;
    /* One more, as this millisecond has begun already. */
    return timeout_ms == 0 ? 0 : clock_ms() + timeout_ms + 1;
}

static void sleepers_remove(struct sleepers *sleepers, const struct sleeper *sleeper)
{
    struct sleeper **link = &sleepers->first, *before = NULL;

    while (*link != sleeper) {
        before = *link;
        link = &before->next;
    }
    *link = sleeper->next;
    if (sleepers->last == sleeper)
        sleepers->last = before;
}

int sleeper_sleep(struct workpool *pool, struct sleepers *sleepers, struct sleeper *sleeper,
                  uint64_t deadline_ms)
{
    if (deadline_ms == 0)
        return -ETIMEDOUT;
    sleeper->settled = NOT_SETTLED;
    sleepers_add(sleepers, sleeper);
    do {
        uint32_t seen = event_seen(&sleeper->event);
        pthread_mutex_unlock(&pool->lock);
        event_wait(&sleeper->event, seen, deadline_ms);
        pthread_mutex_lock(&pool->lock);
    } while (sleeper->settled == NOT_SETTLED && (deadline_ms == WAIT_FOREVER || clock_ms() < deadline_ms));
    if (sleeper->settled != NOT_SETTLED)
        return sleeper->settled;
    sleepers_remove(sleepers, sleeper);
    return -ETIMEDOUT;
}

int sleepers_sleep(struct workpool *pool, struct sleepers *sleepers, uint64_t deadline_ms)
{
    struct sleeper sleeper = {.event = {0}};
    return sleeper_sleep(pool, sleepers, &sleeper, deadline_ms);
}
