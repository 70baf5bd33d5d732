#include "subject_pool.h"

#include <stddef.h>

static bufpool_t *pool;

int subject_begin(const char *words)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    config.collect_interval_ms = 0; /* nothing but the case decides when */
    config.name = "victim";
    config.debug = words;
    return bufpool_create(&pool, &config) == 0;
}

void subject_end(void)
{
    bufpool_destroy(pool);
}

bufpool_t *subject_pool(void)
{
    return pool;
}

void *borrow(size_t size)
{
    return bufpool_get(pool, size);
}

void give_back(void *buffer)
{
    bufpool_put(pool, buffer);
}

void *resize(void *buffer, size_t size)
{
    return bufpool_resize(pool, buffer, size);
}

size_t capacity_of(void *buffer)
{
    return bufpool_capacity(pool, buffer);
}
