#include "registry.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "region.h"

static struct {
    pthread_mutex_t lock;
    struct bufpool *free;     /* destroyed handles; under the lock */
    _Atomic uint32_t numbers; /* relaxed: who finds a pool by its number acquires the pool */
    /* release when published, acquire when found [registry]: a pool is whole when it can be seen. */
    _Atomic(struct bufpool *) pool[POOLS_MAX];
    struct bufpool *handle[POOLS_MAX]; /* living and destroyed ones; under the lock */
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

void registry_lock(void)
{
    pthread_mutex_lock(&registry.lock);
}

void registry_unlock(void)
{
    pthread_mutex_unlock(&registry.lock);
}

void registry_unlock_after_fork(void)
{
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    registry.lock = fresh;
}

int registry_take(struct bufpool **pool)
{
    if (registry.free != NULL) {
        *pool = registry.free;
        registry.free = (*pool)->next_free;
        return 0;
    }
    uint32_t number = atomic_load_explicit(&registry.numbers, memory_order_relaxed);
    if (number == POOLS_MAX)
        return -EAGAIN;
    *pool = region_map(round_up(sizeof(struct bufpool), region_page()));
    if (*pool == NULL)
        return -ENOMEM;
    (*pool)->number = number;
    registry.handle[number] = *pool;
    atomic_store_explicit(&registry.numbers, number + 1, memory_order_relaxed);
    return 0;
}

void registry_drop(struct bufpool *pool)
{
    pool->next_free = registry.free;
    registry.free = pool;
}

void registry_publish(struct bufpool *pool)
{
    atomic_store_explicit(&pool->alive, true, memory_order_seq_cst);
    atomic_store_explicit(&registry.pool[pool->number], pool, memory_order_release);
}

void registry_withdraw(struct bufpool *pool)
{
    atomic_store_explicit(&pool->alive, false, memory_order_seq_cst);
    atomic_store_explicit(&registry.pool[pool->number], NULL, memory_order_release);
}

struct bufpool *registry_pool(uint32_t number)
{
    return atomic_load_explicit(&registry.pool[number], memory_order_acquire);
}

struct bufpool *registry_handle(uint32_t number)
{
    return registry.handle[number];
}

uint32_t registry_numbers(void)
{
    return atomic_load_explicit(&registry.numbers, memory_order_relaxed);
}
