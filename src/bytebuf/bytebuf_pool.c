#include "bytebuf_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "name.h"
#include "version.h"

/* A bytebuf keeps its own count of returns, so that most of them touch nothing shared. */
#define COUNTED_AT_ONCE 40u

/* What objects of the pool are; a user sees its first part. */
struct item {
    bytebuf_t bytes;
    uint8_t unused; /* returns in a row that used less than a quarter */
    uint8_t counted;
    uint8_t used[CLASSES]; /* of those counted */
};

static struct item *item_of(bytebuf_t *bytes)
{
    return (struct item *)(void *)bytes;
}

static void add(_Atomic uint64_t *number, uint64_t value)
{
    atomic_fetch_add_explicit(number, value, memory_order_relaxed);
}

/* ------------------------------------------------------------ learning */

static unsigned class_of(size_t used)
{
    unsigned class = 0;

    while (class < CLASSES - 1 && used > CLASS_LEAST << class)
        class ++;
    return class;
}

/* A window has ended: what most returns used, and what 95 of 100 did not exceed. */
static void learn(struct bytebuf_pool *pool)
{
    uint64_t used[CLASSES], all = 0, below = 0;
    unsigned most = 0, percentile = 0;

    if (atomic_exchange_explicit(&pool->is_learning, true, memory_order_acquire))
        return;
    for (unsigned i = 0; i < CLASSES; i++) {
        used[i] = atomic_exchange_explicit(&pool->used[i], 0, memory_order_relaxed);
        all += used[i];
        most = used[i] > used[most] ? i : most;
    }
    for (percentile = 0; percentile < CLASSES - 1; percentile++) {
        below += used[percentile];
        if (below * 100 >= all * 95)
            break;
    }
    atomic_fetch_sub_explicit(&pool->returns, all, memory_order_relaxed);
    add(&pool->windows, 1);
    atomic_store_explicit(&pool->default_size, CLASS_LEAST << most, memory_order_relaxed);
    atomic_store_explicit(&pool->largest_kept, CLASS_LEAST << percentile, memory_order_relaxed);
    atomic_store_explicit(&pool->is_learning, false, memory_order_release);
}

static void tell(struct bytebuf_pool *pool, struct item *item)
{
    for (unsigned i = 0; i < CLASSES; i++) {
        if (item->used[i] != 0)
            add(&pool->used[i], item->used[i]);
        item->used[i] = 0;
    }
    uint64_t before = atomic_fetch_add_explicit(&pool->returns, item->counted, memory_order_relaxed);
    if (before + item->counted >= BYTEBUF_WINDOW)
        learn(pool);
    item->counted = 0;
}

static void count_return(struct bytebuf_pool *pool, struct item *item)
{
    item->used[class_of(item->bytes.length)]++;
    if (++item->counted == COUNTED_AT_ONCE)
        tell(pool, item);
}

/* ------------------------------------------------------------ get and put */

static void let_go(struct bytebuf_pool *pool, struct item *item)
{
    bufpool_put(pool->buffers, item->bytes.data);
    item->bytes.data = NULL;
    item->bytes.capacity = 0;
    item->unused = 0;
}

/* Is the buffer worth keeping, by what was used of it? */
static void judge(struct bytebuf_pool *pool, struct item *item)
{
    size_t used = item->bytes.length, capacity = item->bytes.capacity;

    if (capacity <= KEPT_ALWAYS)
        return;
    if (used > atomic_load_explicit(&pool->largest_kept, memory_order_relaxed) ||
        capacity > pool->kept_at_most) {
        add(&pool->let_go_large, 1);
        let_go(pool, item);
        return;
    }
    item->unused = used < capacity / 4 ? item->unused + 1 : 0;
    if (item->unused == UNUSED_RETURNS) {
        add(&pool->let_go_unused, 1);
        let_go(pool, item);
    }
}

bytebuf_t *bytebuf_get(bytebuf_pool_t *pool)
{
    struct item *item = objpool_get(pool->items);
    return item == NULL ? NULL : &item->bytes;
}

void bytebuf_put(bytebuf_t *bytes)
{
    if (bytes == NULL)
        return;
    struct bytebuf_pool *pool = bytes->pool;
    struct item *item = item_of(bytes);
    count_return(pool, item);
    judge(pool, item);
    bytes->length = 0;
    objpool_put(pool->items, item);
}

/* ------------------------------------------------------------ begin and end */

static bool construct(void *object, void *arg)
{
    *(struct item *)object = (struct item){.bytes = {.pool = arg}};
    return true;
}

static void destruct(void *object, void *arg)
{
    struct item *item = object;

    tell(arg, item);
    let_go(arg, item);
}

static int config_read(bytebuf_pool_config_t *config, const bytebuf_pool_config_t *given)
{
    *config = (bytebuf_pool_config_t)BYTEBUF_POOL_CONFIG_INIT;
    if (given == NULL)
        return 0;
    if (!version_is_known(given, given->struct_size, sizeof *config))
        return -EINVAL;
    *config = *given;
    return 0;
}

int bytebuf_pool_create(bytebuf_pool_t **pool, const bytebuf_pool_config_t *given)
{
    bytebuf_pool_config_t config;

    if (pool == NULL || config_read(&config, given) != 0)
        return -EINVAL;
    struct bytebuf_pool *made = aligned_alloc(_Alignof(struct bytebuf_pool), sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    *made = (struct bytebuf_pool){.buffers = config.buffers, .kept_at_most = config.largest_kept};
    atomic_store_explicit(&made->default_size, config.default_size, memory_order_relaxed);
    atomic_store_explicit(&made->largest_kept, SIZE_MAX, memory_order_relaxed);

    name_copy(made->name, sizeof made->name, config.name != NULL ? config.name : "bytebuf");

    objpool_config_t items = OBJPOOL_CONFIG_INIT;
    items.name = made->name;
    items.object_size = sizeof(struct item);
    items.construct = construct;
    items.destruct = destruct;
    items.arg = made;
    items.max_idle = config.max_idle;
    items.collect_interval_ms = config.collect_interval_ms;
    int error = objpool_create(&made->items, &items);
    if (error != 0) {
        free(made);
        return error;
    }
    roll_enter(&made->entry, &bytebuf_kind, made, made->name);
    *pool = made;
    return 0;
}

void bytebuf_pool_destroy(bytebuf_pool_t *pool)
{
    if (pool == NULL)
        return;
    roll_leave(&pool->entry);
    objpool_destroy(pool->items);
    free(pool);
}

bufpool_t *bytebuf_items(bytebuf_pool_t *pool)
{
    return objpool_buffers(pool->items);
}
