#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "armour.h"
#include "cache.h"
#include "collect.h"
#include "collector.h"
#include "config.h"
#include "name.h"
#include "region.h"
#include "registry.h"
#include "serve.h"
#include "stats.h"
#include "thread.h"
#include "tracefile.h"

/* Smaller spans are not worth having, if the largest tier fits: DESIGN.md "Memory". */
#define SPAN_SHIFT_FLOOR 23u

/* Oversized buffers get the address space of this many tiers. */
#define OVERSIZED_SPANS 4u

/* ------------------------------------------------------------ address space */

static size_t books_size(const struct tiers *tiers, size_t page)
{
    size_t size = 0;
    for (unsigned i = 0; i < tiers->count; i++)
        size += span_books_size(tiers, i, page);
    return size;
}

/* Reserve spans and books, with as large a span as asked for or as can be had. */
static int reserve(struct bufpool *pool, uint64_t tier_span)
{
    struct tiers *tiers = &pool->tiers;
    unsigned least = (unsigned)max_u64(tiers_shift_min(tiers), log2_ceil(pool->page));
    unsigned shift = (unsigned)max_u64(least, min_u64(tiers_shift_max(tiers), log2_ceil(tier_span)));
    unsigned floor = (unsigned)max_u64(least, min_u64(shift, SPAN_SHIFT_FLOOR));
    size_t limit = region_reserve_limit();

    for (;; shift--) {
        uint64_t spans = (uint64_t)tiers->count << shift;
        tiers->span_shift = shift;
        pool->reserved_size = spans + books_size(tiers, pool->page);
        if (pool->reserved_size <= limit || shift == floor)
            pool->reserved = region_reserve(pool->reserved_size);
        if (pool->reserved != NULL)
            break;
        if (shift == floor)
            return -ENOMEM;
    }
    region_advise(pool->reserved, (size_t)tiers->count << shift, (pool->flags & BUFPOOL_HUGE_PAGES) != 0);
    tiers_place(tiers, (uintptr_t)pool->reserved, shift);

    char *books = pool->reserved + ((size_t)tiers->count << shift);
    for (unsigned i = 0; i < tiers->count; i++) {
        span_init(&pool->span[i], tiers, i, books, pool->page, &pool->backed);
        books += span_books_size(tiers, i, pool->page);
    }
    return 0;
}

/* ------------------------------------------------------------ fork */

static void pool_after_fork(struct bufpool *pool)
{
    cache_after_fork(pool);
    depot_after_fork(&pool->depot);
    for (unsigned i = 0; i < pool->tiers.count; i++)
        span_after_fork(&pool->span[i]);
    oversized_after_fork(&pool->oversized);
    armour_after_fork(pool);
    budget_init(&pool->backed, pool->backed.limit);
    budget_init(&pool->cached, pool->cached.limit);
    memset(pool->account, 0, sizeof pool->account);
    atomic_store_explicit(&pool->misuses, 0, memory_order_relaxed);
    memset(&pool->collection, 0, sizeof pool->collection);
    if (atomic_load_explicit(&pool->remote, memory_order_relaxed))
        atomic_store_explicit(&pool->remote, barrier_register(), memory_order_relaxed);
    collector_of_pool_after_fork(pool);
    pool->due_ms = 0;
    atomic_store_explicit(&pool->quiet, pool->collect_interval_ms != 0, memory_order_relaxed);
}

static void child_after_fork(void)
{
    registry_unlock_after_fork();
    collector_after_fork();
    thread_after_fork();
    tracefile_after_fork();
    for (uint32_t i = 0; i < registry_numbers(); i++) {
        struct bufpool *pool = registry_pool(i);
        if (pool != NULL)
            pool_after_fork(pool);
    }
}

/* Under the registry's lock, before the first pool. */
static int process_init(void)
{
    static bool done;
    if (done)
        return 0;
    int error = thread_init();
    if (error == 0)
        error = -pthread_atfork(registry_lock, registry_unlock, child_after_fork);
    done = error == 0;
    return error;
}

/* ------------------------------------------------------------ create, destroy */

/* All of it but its number and what belongs to the registry; undone by pool_end. */
static int pool_init(struct bufpool *pool, const bufpool_config_t *config, const struct debug *debug,
                     const struct tiers *tiers, const struct contents *contents)
{
    pool->tiers = *tiers;
    pool->contents = *contents;
    name_copy(pool->name, sizeof pool->name, config->name != NULL ? config->name : "bufpool");
    pool->flags = config->flags | ((debug->words & DEBUG_SCRUB) != 0 ? BUFPOOL_SCRUB_ON_PUT : 0);
    pool->key = (uintptr_t)pool + (debug->words != 0 || (pool->flags & BUFPOOL_SCRUB_ON_PUT) != 0);
    pool->page = region_page();
    pool->min_cached_bytes = config->min_cached_bytes;
    pool->max_thread_bytes = config->max_thread_bytes;
    pool->collect_interval_ms = config->collect_interval_ms;
    pool->due_ms = 0;
    atomic_store_explicit(&pool->quiet, config->collect_interval_ms != 0, memory_order_relaxed);
    atomic_store_explicit(&pool->misuses, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->late_double_put, NULL, memory_order_relaxed);
    memset(pool->account, 0, sizeof pool->account);
    memset(&pool->collection, 0, sizeof pool->collection);
    budget_init(&pool->backed, config->max_bytes);
    budget_init(&pool->cached, config->max_cached_bytes);
    cache_init(pool);

    pool->reserved = NULL;
    int error = reserve(pool, config->tier_span);
    if (error != 0)
        return error;
    error = depot_init(&pool->depot, tiers->count);
    if (error != 0) {
        region_release(pool->reserved, pool->reserved_size);
        return error;
    }
    oversized_init(&pool->oversized, (size_t)OVERSIZED_SPANS << pool->tiers.span_shift, pool->page,
                   &pool->backed);
    error = armour_init(pool, debug);
    if (error == 0) {
        error = collector_init(pool, contents->release != NULL && config->collect_interval_ms != 0);
        if (error != 0)
            armour_end(pool);
    }
    if (error != 0) {
        oversized_end(&pool->oversized);
        depot_end(&pool->depot);
        region_release(pool->reserved, pool->reserved_size);
        return error;
    }
    atomic_store_explicit(&pool->remote, (config->flags & BUFPOOL_COOPERATIVE) == 0 && barrier_register(),
                          memory_order_relaxed);
    return 0;
}

static void pool_end(struct bufpool *pool)
{
    collector_end(pool);
    armour_end(pool);
    oversized_end(&pool->oversized);
    depot_end(&pool->depot);
    cache_end(pool);
    region_release(pool->reserved, pool->reserved_size);
}

static int create(bufpool_t **pool, const bufpool_config_t *given, const struct contents *contents)
{
    bufpool_config_t config;
    struct tiers tiers;
    struct debug debug;
    struct bufpool *made;

    if (pool == NULL)
        return -EINVAL;
    int error = config_judge(&config, &tiers, given);
    if (error == 0)
        error = debug_parse(&debug, config.debug);
    if (error == 0 && contents->kept) {
        debug.words &= ~(uint32_t)(DEBUG_POISON | DEBUG_INTEGRITY | DEBUG_COLD_FIRST | DEBUG_SCRUB);
        error = (config.flags & BUFPOOL_SCRUB_ON_PUT) != 0 ? -EINVAL : 0;
    }
    if (error != 0)
        return error;

    registry_lock();
    error = process_init();
    if (error == 0 && tracefile_is_asked())
        debug.words |= DEBUG_TRACE;
    if (error == 0)
        error = registry_take(&made);
    if (error == 0) {
        error = pool_init(made, &config, &debug, &tiers, contents);
        if (error == 0)
            registry_publish(made);
        else
            registry_drop(made);
    }
    registry_unlock();
    if (error == 0) {
        serve_from_environment();
        *pool = made;
    }
    return error;
}

int bufpool_create(bufpool_t **pool, const bufpool_config_t *config)
{
    return create(pool, config, &(struct contents){.kept = false});
}

int bufpool_create_keeping(bufpool_t **pool, const bufpool_config_t *config, bufpool_release_fn release,
                           void *arg)
{
    return create(pool, config, &(struct contents){.kept = true, .release = release, .arg = arg});
}

/*
 * What is idle in a keeping pool is released, with no lock held while the user's
 * code runs. Nobody is inside a block; who leaves takes the lock.
 */
static void end_contents(struct bufpool *pool)
{
    collector_stop(pool);
    registry_lock();
    cache_empty_all(pool);
    registry_unlock();
    while (!collect_run(pool, COLLECT_ALL, NULL).ran)
        continue; /* the first look at a holder that was stopped */
}

/* One tier that keeps contents: what is out are objects to those who have them, wherever they lie. */
static void tell_objects_out(const struct bufpool *pool, const bufpool_stats_t *total)
{
    uint64_t in_tier = subtract_to_zero(total->in_use_bytes, total->oversized_bytes) / tier_capacity(pool, 0);
    uint64_t objects = in_tier + subtract_to_zero(total->oversized_gets, total->refused_oversized);

    if (objects != 0)
        fprintf(stderr, "bufpool: pool '%s': destroyed with %llu object%s still out\n", pool->name,
                (unsigned long long)objects, objects == 1 ? "" : "s");
}

static void tell_buffers_out(const struct bufpool *pool, const bufpool_stats_t *tiers,
                             const bufpool_stats_t *total)
{
    for (unsigned i = 0; i < pool->tiers.count; i++)
        if (tiers[i].in_use_bytes != 0)
            fprintf(stderr, "bufpool: pool '%s': destroyed with %llu buffers of tier %llu still out\n",
                    pool->name, (unsigned long long)(tiers[i].in_use_bytes / tier_capacity(pool, i)),
                    (unsigned long long)pool->tiers.tier[i].size);
    if (total->oversized_bytes != 0)
        fprintf(stderr, "bufpool: pool '%s': destroyed with %llu bytes of oversized buffers still out\n",
                pool->name, (unsigned long long)total->oversized_bytes);
}

static void tell_what_is_out(struct bufpool *pool)
{
    bufpool_stats_t tiers[TIERS_MAX];
    bufpool_stats_t total;

    stats_all(pool, tiers, &total);
    if (pool->contents.kept && pool->tiers.count == 1)
        tell_objects_out(pool, &total);
    else
        tell_buffers_out(pool, tiers, &total);
    leak_tell(pool, stderr);
}

void bufpool_destroy(bufpool_t *pool)
{
    if (pool == NULL)
        return;
    if (!pool_is_alive(pool)) {
        pool_misuse(pool, MISUSE_DESTROYED, "destroy", pool);
        return;
    }
    if (pool->contents.kept)
        end_contents(pool);
    registry_lock(); /* no thread is leaving this pool just now, nor will one */
    registry_withdraw(pool);
    collector_leave(pool);
    tell_what_is_out(pool);
    pool_end(pool);
    registry_drop(pool);
    registry_unlock();
}
