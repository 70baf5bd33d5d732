#include "locked.h"

#include <pthread.h>
#include <stdlib.h>

#include "../harness.h"

struct locked {
    pthread_mutex_t lock;
    pthread_cond_t came_free;
    size_t idle;
    void *stack[];
};

struct locked *locked_create(size_t count)
{
    struct locked *pool = malloc(sizeof *pool + count * sizeof pool->stack[0]);

    if (pool == NULL)
        die("no memory");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->came_free, NULL);
    for (pool->idle = 0; pool->idle < count; pool->idle++)
        pool->stack[pool->idle] = calloc(1, DESTRUCTIVE_SIZE);
    return pool;
}

void locked_destroy(struct locked *pool)
{
    while (pool->idle > 0)
        free(pool->stack[--pool->idle]);
    pthread_cond_destroy(&pool->came_free);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void *locked_acquire(struct locked *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->idle == 0)
        pthread_cond_wait(&pool->came_free, &pool->lock);
    void *resource = pool->stack[--pool->idle];
    pthread_mutex_unlock(&pool->lock);
    return resource;
}

void locked_release(struct locked *pool, void *resource)
{
    pthread_mutex_lock(&pool->lock);
    pool->stack[pool->idle++] = resource;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->came_free);
}
