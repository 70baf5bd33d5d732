#include "waits.h"

#include <string.h>

#include "books.h"
#include "pools.h"
#include "until.h"

static void *borrow(void *arg)
{
    struct borrower *me = arg;

    me->error = me->key == NULL
                    ? connpool_acquire(me->pool, me->timeout_ms, &me->lease)
                    : connpool_acquire_key(me->pool, me->key, strlen(me->key), me->timeout_ms, &me->lease);
    atomic_store(&me->is_back, true);
    return NULL;
}

void borrower_start(struct borrower *borrower, connpool_t *pool, const char *key, uint32_t timeout_ms)
{
    *borrower = (struct borrower){.pool = pool, .key = key, .timeout_ms = timeout_ms, .error = 1};
    MUST(pthread_create(&borrower->thread, NULL, borrow, borrower) == 0);
}

void borrower_queue(struct borrower *borrower, connpool_t *pool, const char *key, uint32_t timeout_ms)
{
    /* Not by how many wait: this one's time may be over before we look. */
    uint64_t before = conn_stats(pool).waits;

    borrower_start(borrower, pool, key, timeout_ms);
    WAIT_UNTIL(conn_stats(pool).waits == before + 1);
}

void borrowers_queue(struct borrower *borrowers, size_t count, connpool_t *pool, const char *key)
{
    for (size_t i = 0; i < count; i++)
        borrower_queue(&borrowers[i], pool, key, FOR_EVER);
}

int borrower_end(struct borrower *borrower)
{
    MUST(pthread_join(borrower->thread, NULL) == 0);
    return borrower->error;
}

static void *close_and_wait(void *arg)
{
    struct closer *me = arg;

    me->error = connpool_close(me->pool, FOR_EVER);
    return NULL;
}

void closer_start(struct closer *closer, connpool_t *pool)
{
    *closer = (struct closer){.pool = pool, .error = 1};
    MUST(pthread_create(&closer->thread, NULL, close_and_wait, closer) == 0);
}

int closer_end(struct closer *closer)
{
    MUST(pthread_join(closer->thread, NULL) == 0);
    return closer->error;
}

void await_waiters(connpool_t *pool, uint64_t count)
{
    WAIT_UNTIL(conn_stats(pool).waiters == count);
}

void await_opening(connpool_t *pool, uint64_t count)
{
    WAIT_UNTIL(conn_stats(pool).opening == count);
}
