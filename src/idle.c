#include <errno.h>

#include "armour.h"
#include "blocks.h"
#include "cache.h"
#include "cold.h"
#include "collect.h"
#include "collector.h"
#include "pool.h"
#include "region.h"
#include "stats.h"
#include "thread.h"

/* ------------------------------------------------------------ out */

size_t bufpool_collect(bufpool_t *pool)
{
    pool = pool_for_call(pool, "collect");
    return pool == NULL ? 0 : collect_run(pool, COLLECT_AGE, thread_record(pool)).released;
}

size_t bufpool_trim(bufpool_t *pool)
{
    pool = pool_for_call(pool, "trim");
    return pool == NULL ? 0 : collect_run(pool, COLLECT_ALL, thread_record(pool)).released;
}

void bufpool_thread_idle(bufpool_t *pool)
{
    pool = pool_for_call(pool, "thread_idle");
    struct record *record = pool == NULL ? NULL : thread_record(pool);
    if (record == NULL || record_is_busy(record))
        return;
    struct block *block = cache_enter(record);
    cache_follow_epoch(pool, record, block);
    block_shed(pool, block, PLACE_SHARED, atomic_load_explicit(&record->home, memory_order_relaxed));
    cache_leave(record, pool->key);
    collector_notice(pool);
}

/* ------------------------------------------------------------ in */

static void touch_pages(char *buffer, size_t size, size_t page)
{
    for (size_t i = 0; i < size; i += page)
        *(volatile char *)(buffer + i) = 0;
    *(volatile char *)(buffer + size - 1) = 0;
}

/* One magazine of buffers with pages, out of nothing; NULL where that fails. */
static struct magazine *fill_magazine(struct bufpool *pool, unsigned tier, uint64_t count)
{
    struct magazine *magazine = magazine_new(&pool->depot, true);

    for (uint64_t i = 0; magazine != NULL && i < count; i++) {
        uint32_t index;
        if (span_carve(&pool->span[tier], depot_home(&pool->depot), &index) != CARVED) {
            cold_park(pool, tier, magazine);
            return NULL;
        }
        char *buffer = tier_address(&pool->tiers.tier[tier], index);
        if (pool->armour != NULL)
            armour_carved(pool, buffer);
        touch_pages(buffer, tier_capacity(pool, tier), pool->page);
        if (pool->armour != NULL)
            armour_reserved(pool, buffer);
        magazine_add(magazine, buffer);
    }
    return magazine;
}

int bufpool_reserve(bufpool_t *pool, size_t size, size_t count)
{
    pool = pool_for_call(pool, "reserve");
    if (pool == NULL)
        return -errno;
    unsigned tier = tiers_find(&pool->tiers, size);
    if (tier == TIER_NONE)
        return -EINVAL;
    if (pool->contents.kept)
        return -ENOTSUP; /* nobody put what they hold */

    uint64_t capacity = tier_capacity(pool, tier);
    uint64_t missing = subtract_to_zero(count, stats_idle_count(pool, tier));
    if (missing > pool->span[tier].count_max)
        return -ENOMEM;
    uint64_t granted = budget_take(&pool->cached, capacity, missing);
    uint64_t filled = 0;
    unsigned home = depot_home(&pool->depot);
    struct stack done; /* filled magazines, ours until all are there */
    stack_init(&done);

    while (granted == missing && filled < missing) {
        uint64_t batch = min_u64(missing - filled, pool->shape[tier].magazine);
        struct magazine *magazine = fill_magazine(pool, tier, batch);
        if (magazine == NULL)
            break;
        stack_push(&done, &pool->depot.magazines, magazine->self);
        filled += batch;
    }
    bool all = granted == missing && filled == missing;
    for (uint32_t index; (index = stack_pop(&done, &pool->depot.magazines)) != INDEX_NONE;) {
        struct magazine *magazine = table_at(&pool->depot.magazines, index);
        if (all)
            depot_push(&pool->depot, PLACE_SHARED, tier, home, magazine);
        else
            cold_park(pool, tier, magazine);
    }
    if (!all) {
        budget_give(&pool->cached, granted * capacity);
        cold_purge(pool, tier, missing * pool->tiers.tier[tier].stride);
    }
    collector_notice(pool);
    return all ? 0 : -ENOMEM;
}
