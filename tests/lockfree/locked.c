#include "locked.h"

#include <bufpool/connpool.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "pools.h"

struct locked {
    enum lock_kind kind;
    connpool_t *connections; /* LOCK_NONE: instead of all below */
    pthread_mutex_t mutex;
    pthread_spinlock_t spin;
    char *memory;
    unsigned idle;
    void *buffer[];
};

/* ------------------------------------------------------------ connections */

/* A connection is a few bytes: the first for who has it, behind them its lease. */
struct connection {
    void *owner;
    connpool_lease_t lease;
};

static int open_connection(void **resource, const connpool_target_t *target, void *arg)
{
    (void)target;
    (void)arg;
    *resource = calloc(1, sizeof(struct connection));
    return *resource != NULL ? 0 : -ENOMEM;
}

static void close_connection(void *resource, void *arg)
{
    (void)arg;
    free(resource);
}

static struct connection *borrow(connpool_t *connections)
{
    connpool_lease_t lease;

    if (connpool_acquire(connections, 0, &lease) != 0)
        return NULL;
    struct connection *connection = lease.resource;
    connection->lease = lease;
    return connection;
}

/* `count` of them, all idle. */
static connpool_t *connections_open(unsigned count)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;
    connpool_t *pool;
    struct connection *all[256];

    config.open = open_connection;
    config.close = close_connection;
    config.max_open = count;
    config.flags = CONNPOOL_NO_KEEPER;
    MUST(count <= 256 && connpool_create(&pool, &config) == 0);
    for (unsigned i = 0; i < count; i++)
        MUST((all[i] = borrow(pool)) != NULL);
    for (unsigned i = 0; i < count; i++)
        MUST(connpool_release(pool, all[i]->lease));
    return pool;
}

/* ------------------------------------------------------------ both */

static bool is_lock(enum lock_kind kind)
{
    return kind == LOCK_MUTEX || kind == LOCK_SPIN;
}

struct locked *locked_create(enum lock_kind kind, size_t size, unsigned buffers)
{
    struct locked *pool = malloc(sizeof *pool + buffers * sizeof pool->buffer[0]);

    MUST(pool != NULL);
    *pool = (struct locked){.kind = kind};
    if (!is_lock(kind)) {
        pool->connections = connections_open(buffers);
        return pool;
    }
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
    if (is_lock(pool->kind)) {
        pthread_mutex_destroy(&pool->mutex);
        pthread_spin_destroy(&pool->spin);
        free(pool->memory);
    }
    connpool_destroy(pool->connections);
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

    if (pool->connections != NULL)
        return borrow(pool->connections);
    lock(pool);
    if (pool->idle > 0)
        buffer = pool->buffer[--pool->idle];
    unlock(pool);
    return buffer;
}

void locked_put(struct locked *pool, void *buffer)
{
    if (pool->connections != NULL) {
        connpool_release(pool->connections, ((struct connection *)buffer)->lease);
        return;
    }
    lock(pool);
    pool->buffer[pool->idle++] = buffer;
    unlock(pool);
}
