#include "locked.h"

#include <pthread.h>
#include <stdlib.h>

#include "pools.h"

struct locked {
    enum lock_kind kind;
    pthread_mutex_t mutex;
    pthread_spinlock_t spin;
    char *memory;
    unsigned idle;
    void *buffer[];
};

struct locked *locked_create(enum lock_kind kind, size_t size, unsigned buffers)
{
    struct locked *pool = malloc(sizeof *pool + buffers * sizeof pool->buffer[0]);

    MUST(pool != NULL);
    pool->kind = kind;
    MUST(pthread_mutex_init(&pool->mutex, NULL) == 0);
    MUST(pthread_spin_init(&pool->spin, PTHREAD_PROCESS_PRIVATE) == 0);
    pool->memory = malloc(size * buffers);
    MUST(pool->memory != NULL);
    pool->idle = buffers;
    for (unsigned i = 0; i < buffers; i++)
        pool->buffer[i] = pool->memory + i * size;
    return pool;
}

void locked_destroy(struct locked *pool)
{
    pthread_mutex_destroy(&pool->mutex);
    pthread_spin_destroy(&pool->spin);
    free(pool->memory);
    free(pool);
}

static void lock(struct locked *pool)
{
    if (pool->kind == LOCK_MUTEX)
        pthread_mutex_lock(&pool->mutex);
    else
        pthread_spin_lock(&pool->spin);
}

static void unlock(struct locked *pool)
{
    if (pool->kind == LOCK_MUTEX)
        pthread_mutex_unlock(&pool->mutex);
    else
        pthread_spin_unlock(&pool->spin);
}

void *locked_get(struct locked *pool)
{
    void *buffer = NULL;

    lock(pool);
    if (pool->idle > 0)
        buffer = pool->buffer[--pool->idle];
    unlock(pool);
    return buffer;
}

void locked_put(struct locked *pool, void *buffer)
{
    lock(pool);
    pool->buffer[pool->idle++] = buffer;
    unlock(pool);
}
