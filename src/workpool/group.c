/*
 * group - jobs that are waited for together: a tally with a name of its own.
 */
#include <errno.h>
#include <stdlib.h>

#include "misuse.h"
#include "submit.h"
#include "work.h"

struct workpool_group {
    struct tally tally;
};

int workpool_group_create(workpool_t *pool, workpool_group_t **group)
{
    if (pool_is_foreign(pool))
        return -ECHILD;
    struct workpool_group *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    made->tally.pool = pool;
    pthread_mutex_lock(&pool->lock);
    pool->groups++;
    pthread_mutex_unlock(&pool->lock);
    *group = made;
    return 0;
}

int workpool_group_submit(workpool_group_t *group, void (*run)(void *arg), void *arg)
{
    struct workpool *pool = group->tally.pool;
    return submit(pool, (struct job){.run = run, .arg = arg, .tally = &group->tally}, submit_patience(pool));
}

int workpool_group_wait(workpool_group_t *group, uint32_t timeout_ms)
{
    struct workpool *pool = group->tally.pool;

    if (pool_is_foreign(pool))
        return -ECHILD;
    pthread_mutex_lock(&pool->lock);
    int error = work_wait(pool, &group->tally, timeout_ms);
    if (error == 0 && group->tally.dropped)
        error = -ECANCELED;
    pthread_mutex_unlock(&pool->lock);
    return error;
}

void workpool_group_destroy(workpool_group_t *group)
{
    if (group == NULL || pool_is_foreign(group->tally.pool))
        return;
    struct workpool *pool = group->tally.pool;
    pthread_mutex_lock(&pool->lock);
    bool is_in_use = group->tally.pending > 0;
    pool->groups -= !is_in_use;
    pthread_mutex_unlock(&pool->lock);
    if (is_in_use)
        misuse(pool, "workpool_group_destroy while its jobs are queued or running");
    else
        free(group);
}
