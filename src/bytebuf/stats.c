/*
 * stats - what the pool has learned, and what its objects count.
 */
#include <errno.h>
#include <string.h>

#include "bytebuf_pool.h"
#include "family/roll.h"

/* relaxed: figures of this moment or a little before; at rest they are exact. */
static uint64_t read(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

int bytebuf_stats(bytebuf_pool_t *pool, bytebuf_stats_t *stats)
{
    objpool_stats_t items = OBJPOOL_STATS_INIT;

    if (stats == NULL || stats->struct_size < sizeof *stats)
        return -EINVAL;
    int error = objpool_stats(pool->items, &items);
    if (error != 0)
        return error;
    size_t size = stats->struct_size;
    memset(stats, 0, size);
    stats->struct_size = size;
    stats->in_use = items.in_use;
    stats->idle = items.idle;
    stats->default_size = pool_default_size(pool);
    size_t largest = atomic_load_explicit(&pool->largest_kept, memory_order_relaxed);
    stats->largest_kept = largest != SIZE_MAX ? largest : 0;
    stats->gets = items.gets;
    stats->hits = items.hits;
    stats->failures = items.failures;
    stats->returns = items.puts;
    stats->refusals = items.refusals;
    stats->let_go_large = read(&pool->let_go_large);
    stats->let_go_unused = read(&pool->let_go_unused);
    stats->windows = read(&pool->windows);
    stats->misuses = items.misuses;
    return 0;
}

#define WRITER_STATS bytebuf_stats_t
#define LET_GO(reason)                                                                                       \
    WRITER_NUMBER(let_go_##reason, true, "Buffers let go on return, by reason.", "let_go",                   \
                  "reason=\"" #reason "\"")

static const struct writer_number numbers[] = {
    WRITER_GAUGE(in_use, "Bytebufs lent out."),
    WRITER_GAUGE(idle, "Idle bytebufs."),
    WRITER_GAUGE(default_size, "Bytes that a fresh bytebuf begins with; 0: what is asked for."),
    WRITER_GAUGE(largest_kept, "Bytes used beyond which a buffer is let go; 0: none yet."),
    WRITER_COUNTER(gets, "Bytebufs asked for."),
    WRITER_COUNTER(hits, "Gets that found an idle bytebuf."),
    WRITER_COUNTER(failures, "Gets without memory."),
    WRITER_COUNTER(returns, "Bytebufs given back."),
    WRITER_COUNTER(refusals, "Bytebufs given back over max_idle."),
    LET_GO(large),
    LET_GO(unused),
    WRITER_COUNTER(windows, "Windows of returns that have ended."),
    WRITER_COUNTER(misuses, "Faults of callers reported."),
};

static const struct writer writer = {"bytebuf", numbers, WRITER_COUNT(numbers), NULL, 0};

static int stats_of(void *pool, void *stats)
{
    return bytebuf_stats(pool, stats);
}

struct roll_kind bytebuf_kind = {
    .section = "bytebufs", .writer = &writer, .stats_size = sizeof(bytebuf_stats_t), .stats = stats_of};

int bytebuf_dump(bytebuf_pool_t *pool, FILE *out, enum bufpool_format format)
{
    bytebuf_stats_t stats = BYTEBUF_STATS_INIT;

    int error = bytebuf_stats(pool, &stats);
    return error != 0 ? error : writer_write(&writer, pool->name, &stats, out, format);
}
