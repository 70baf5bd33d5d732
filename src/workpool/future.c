#include "future.h"

#include <errno.h>

#include "submit.h"
#include "work.h"

void future_free(struct tally *tally)
{
    bufpool_put(bufpool_default(), tally);
}

static void future_run(void *arg)
{
    struct workpool_future *future = arg;
    future->result = future->call(future->arg);
}

int workpool_call(workpool_t *pool, void *(*call)(void *arg), void *arg, workpool_future_t **future)
{
    if (pool_is_foreign(pool))
        return -ECHILD;
    if (call == NULL || future == NULL)
        return -EINVAL;
    struct workpool_future *made = bufpool_get(bufpool_default(), sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    *made = (struct workpool_future){.tally = {.pool = pool, .is_future = true}, .call = call, .arg = arg};
    struct job job = {.run = future_run, .arg = made, .tally = &made->tally};
    int error = submit(pool, job, submit_patience(pool));
    if (error != 0)
        future_free(&made->tally);
    else
        *future = made;
    return error;
}

int workpool_future_wait(workpool_future_t *future, uint32_t timeout_ms, void **result)
{
    struct workpool *pool = future->tally.pool;

    if (pool_is_foreign(pool))
        return -ECHILD;
    pthread_mutex_lock(&pool->lock);
    int error = work_wait(pool, &future->tally, timeout_ms);
    pool->futures -= error == 0;
    pthread_mutex_unlock(&pool->lock);
    if (error != 0)
        return error;
    error = future->tally.dropped ? -ECANCELED : 0;
    if (error == 0 && result != NULL)
        *result = future->result;
    future_free(&future->tally);
    return error;
}

void workpool_future_forget(workpool_future_t *future)
{
    if (future == NULL || pool_is_foreign(future->tally.pool))
        return;
    struct workpool *pool = future->tally.pool;
    pthread_mutex_lock(&pool->lock);
    bool has_ended = future->tally.pending == 0;
    future->tally.forgotten = true;
    pool->futures--;
    pthread_mutex_unlock(&pool->lock);
    if (has_ended)
        future_free(&future->tally);
}

int workpool_submit_wait(workpool_t *pool, void (*run)(void *arg), void *arg)
{
    struct tally tally = {.pool = pool};
    struct job job = {.run = run, .arg = arg, .tally = &tally};
    int error = submit(pool, job, submit_patience(pool));

    if (error != 0)
        return error;
    pthread_mutex_lock(&pool->lock);
    error = work_wait(pool, &tally, UINT32_MAX);
    pthread_mutex_unlock(&pool->lock);
    return error == 0 && tally.dropped ? -ECANCELED : error;
}
