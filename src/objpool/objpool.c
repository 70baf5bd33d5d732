/*
 * objpool - a keeping pool of one tier, and who is called when a buffer in it is
 * bare. A library of its own: it uses what <bufpool.h> and <bufpool/contents.h>
 * promise, and the hit of <bufpool/inline.h>.
 */
#include "pool.h"

#include <bufpool/contents.h>
#include <bufpool/inline.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "version.h"

#define SIZE_LIMIT ((size_t)1 << 30)

/* The one tier is the first. */
#define LINE 0u

/* ------------------------------------------------------------ begin and end */

static void release(void *object, void *arg)
{
    struct objpool *pool = arg;

    pool->destruct(object, pool->arg);
    atomic_fetch_add_explicit(&pool->destructs, 1, memory_order_relaxed);
}

/* Objects to bytes; "no limit" stays that. */
static size_t bytes_of(size_t objects, size_t capacity)
{
    return objects > SIZE_MAX / capacity ? SIZE_MAX : objects * capacity;
}

static int config_check(const objpool_config_t *config)
{
    if (config == NULL || !version_is_known(config, config->struct_size, sizeof *config))
        return -EINVAL;
    if (config->object_size == 0 || config->object_size > SIZE_LIMIT)
        return -EINVAL;
    return config->min_idle > config->max_idle || config->min_idle > config->max_objects ? -EINVAL : 0;
}

int objpool_create(objpool_t **pool, const objpool_config_t *config)
{
    if (pool == NULL || config_check(config) != 0)
        return -EINVAL;
    size_t capacity = objpool_capacity_of(config->object_size);
    bufpool_config_t buffers = BUFPOOL_CONFIG_INIT;
    buffers.name = config->name != NULL ? config->name : "objpool";
    buffers.tiers = &config->object_size;
    buffers.tiers_count = 1;
    buffers.max_bytes = bytes_of(config->max_objects, capacity);
    buffers.max_cached_bytes = bytes_of(config->max_idle, capacity);
    buffers.min_cached_bytes = bytes_of(config->min_idle, capacity);
    buffers.collect_interval_ms = config->collect_interval_ms;
    buffers.debug = config->debug;

    if (bufpool_inline_layout() != BUFPOOL_INLINE_LAYOUT)
        return -ENOTSUP; /* another libbufpool than this library was built with */
    struct objpool *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    name_copy(made->name, sizeof made->name, buffers.name);
    made->size = config->object_size;
    made->construct = config->construct;
    made->destruct = config->destruct;
    made->arg = config->arg;
    int error =
        bufpool_create_keeping(&made->buffers, &buffers, made->destruct != NULL ? release : NULL, made);
    if (error != 0) {
        free(made);
        return error;
    }
    roll_enter(&made->entry, &objpool_kind, made, made->name);
    *pool = made;
    return 0;
}

void objpool_destroy(objpool_t *pool)
{
    if (pool == NULL)
        return;
    roll_leave(&pool->entry);
    bufpool_destroy(pool->buffers);
    free(pool);
}

/* ------------------------------------------------------------ get and put */

/* No hit: perhaps an idle one from elsewhere, perhaps a bare one, which is made into an object. */
static __attribute__((noinline)) void *get_slow(struct objpool *pool)
{
    bool kept;
    void *object = bufpool_get_kept(pool->buffers, pool->size, &kept);

    if (object == NULL || kept)
        return object;
    if (pool->construct == NULL) {
        memset(object, 0, pool->size);
    } else if (!pool->construct(object, pool->arg)) {
        atomic_fetch_add_explicit(&pool->construct_failures, 1, memory_order_relaxed);
        bufpool_discard(pool->buffers, object, false);
        return NULL;
    }
    atomic_fetch_add_explicit(&pool->constructs, 1, memory_order_relaxed);
    return object;
}

/* This thread's newest, or NULL: what it used last may be another pool. */
static inline void *take_hit(struct objpool *pool)
{
    struct bufpool_inline_record *record = bufpool_inline_thread.last;
    return bufpool_inline_is_hit(record, pool->buffers) ? bufpool_inline_take(record, pool->buffers, LINE)
                                                        : NULL;
}

void *objpool_get(objpool_t *pool)
{
    void *object = take_hit(pool);
    return LIKELY(object != NULL) ? object : get_slow(pool);
}

void *objpool_try_get(objpool_t *pool)
{
    void *object = take_hit(pool);
    return LIKELY(object != NULL) ? object : bufpool_get_idle(pool->buffers, pool->size);
}

bool objpool_put(objpool_t *pool, void *object)
{
    return bufpool_inline_put(pool->buffers, object);
}

void objpool_discard(objpool_t *pool, void *object)
{
    bufpool_discard(pool->buffers, object, true);
}

bufpool_t *objpool_buffers(objpool_t *pool)
{
    return pool->buffers;
}
