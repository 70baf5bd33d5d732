/*
 * stats - what the objects' bufpool counts, in objects; and what was constructed and destructed.
 */
#include <errno.h>
#include <string.h>

#include "base.h"
#include "family/roll.h"
#include "pool.h"

int objpool_stats(objpool_t *pool, objpool_stats_t *stats)
{
    bufpool_stats_t buffers = BUFPOOL_STATS_INIT;

    if (stats == NULL || stats->struct_size < sizeof *stats)
        return -EINVAL;
    int error = bufpool_stats(pool->buffers, &buffers);
    if (error != 0)
        return error;
    size_t size = stats->struct_size, capacity = objpool_capacity_of(pool->size);
    memset(stats, 0, size);
    stats->struct_size = size;
    /* Where the tier has no room an object is outside, in pages of its own, and every put of it is refused.
     */
    stats->in_use = subtract_to_zero(buffers.in_use_bytes, buffers.oversized_bytes) / capacity +
                    subtract_to_zero(buffers.oversized_gets, buffers.refused_oversized);
    stats->idle = (buffers.private_bytes + buffers.shared_bytes + buffers.victim_bytes) / capacity;
    stats->gets = buffers.gets;
    stats->hits = buffers.hits_private + buffers.hits_shared + buffers.hits_stolen + buffers.hits_victim;
    stats->failures = buffers.failures;
    stats->constructs = atomic_load_explicit(&pool->constructs, memory_order_relaxed);
    stats->construct_failures = atomic_load_explicit(&pool->construct_failures, memory_order_relaxed);
    /* What was never made into an object went back to the bufpool by a put that it refused. */
    stats->puts = subtract_to_zero(buffers.puts, stats->construct_failures);
    stats->refusals =
        subtract_to_zero(buffers.refused_limit + buffers.refused_oversized, stats->construct_failures);
    stats->destructs = atomic_load_explicit(&pool->destructs, memory_order_relaxed);
    stats->misuses = buffers.misuses;
    return 0;
}

#define WRITER_STATS objpool_stats_t

static const struct writer_number numbers[] = {
    WRITER_GAUGE(in_use, "Objects lent out."),
    WRITER_GAUGE(idle, "Idle objects."),
    WRITER_COUNTER(gets, "Objects asked for."),
    WRITER_COUNTER(hits, "Gets that found an idle object."),
    WRITER_COUNTER(failures, "Gets without memory, or with max_objects in use."),
    WRITER_COUNTER(constructs, "Objects constructed."),
    WRITER_COUNTER(construct_failures, "Constructs that failed."),
    WRITER_COUNTER(puts, "Objects given back."),
    WRITER_COUNTER(refusals, "Objects given back that were not kept: over max_idle, or discarded."),
    WRITER_COUNTER(destructs, "Objects destructed."),
    WRITER_COUNTER(misuses, "Faults of callers reported."),
};

static const struct writer writer = {"objpool", numbers, WRITER_COUNT(numbers), NULL, 0};

static int stats_of(void *pool, void *stats)
{
    return objpool_stats(pool, stats);
}

/* As the bufpool's do: they are summed up with these. */
static void counts_after_fork(void *arg)
{
    struct objpool *pool = arg;

    atomic_store_explicit(&pool->constructs, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->construct_failures, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->destructs, 0, memory_order_relaxed);
}

struct roll_kind objpool_kind = {.section = "objpools",
                                 .writer = &writer,
                                 .stats_size = sizeof(objpool_stats_t),
                                 .stats = stats_of,
                                 .after_fork = counts_after_fork};

int objpool_dump(objpool_t *pool, FILE *out, enum bufpool_format format)
{
    objpool_stats_t stats = OBJPOOL_STATS_INIT;

    int error = objpool_stats(pool, &stats);
    return error != 0 ? error : writer_write(&writer, pool->name, &stats, out, format);
}
