#include "stats.h"

#include <string.h>

#include "quarantine.h"

/* What blocks and magazines hold and have counted, in buffers. */
struct sum {
    uint64_t hits_private, hits_shared, hits_stolen, hits_victim, hits_cold;
    uint64_t filled, flushed;
    uint64_t in_bins; /* private */
    uint64_t in_hand; /* bins that a collection has claimed: cold */
    uint64_t in_place[PLACES];
};

static void sum_block(const struct bufpool *pool, struct block *block, struct sum *sums)
{
    bool claimed = atomic_load_explicit(&block->claimed, memory_order_relaxed);
    void *const *slot = block_slots(block, pool->tiers.count);

    for (unsigned i = 0; i < pool->tiers.count; i++) {
        const struct bin *bin = &block->bin[i];
        const struct tally *tally = block_tally(block, pool->tiers.count, i);
        struct sum *sum = &sums[i];
        sum->hits_private += count_read(&bin->hits);
        sum->hits_shared += count_read(&tally->hits_shared);
        sum->hits_stolen += count_read(&tally->hits_stolen);
        sum->hits_victim += count_read(&tally->hits_victim);
        sum->hits_cold += count_read(&tally->hits_cold);
        sum->filled += count_read(&tally->filled);
        sum->flushed += count_read(&tally->flushed);
        *(claimed ? &sum->in_hand : &sum->in_bins) += bin_count_at(bin, slot);
        slot += pool->shape[i].cap_max + 1;
    }
}

static void sum_up(struct bufpool *pool, struct sum sums[TIERS_MAX])
{
    uint64_t places[TIERS_MAX][PLACES] = {{0}};

    memset(sums, 0, TIERS_MAX * sizeof sums[0]);
    uint32_t blocks = table_used(&pool->blocks);
    for (uint32_t i = 0; i < blocks; i++)
        sum_block(pool, table_at(&pool->blocks, i), sums);
    depot_count(&pool->depot, places);
    for (unsigned i = 0; i < pool->tiers.count; i++)
        memcpy(sums[i].in_place, places[i], sizeof places[i]);
}

static void tier_from_sum(struct bufpool *pool, unsigned tier, const struct sum *sum, bufpool_stats_t *stats)
{
    const struct account *account = &pool->account[tier];
    struct span *span = &pool->span[tier];
    uint64_t capacity = tier_capacity(pool, tier);

    stats->hits_private = sum->hits_private;
    stats->hits_shared = sum->hits_shared + count_read(&account->hits_shared);
    stats->hits_stolen = sum->hits_stolen + count_read(&account->hits_stolen);
    stats->hits_victim = sum->hits_victim + count_read(&account->hits_victim);
    stats->hits_cold = sum->hits_cold + count_read(&account->hits_cold);
    stats->carves = count_read(&account->carves);
    stats->oversized_gets = count_read(&account->oversized_gets);
    stats->failures = count_read(&account->failures);
    stats->refused_limit = count_read(&account->refused_limit);
    stats->purges = count_read(&span->purges);

    uint64_t found = stats->hits_private + stats->hits_shared + stats->hits_stolen + stats->hits_victim +
                     stats->hits_cold + stats->carves;
    stats->gets = found + stats->oversized_gets + stats->failures;
    /* What a bin holds came from puts and refills and went to hits and flushes. Of account->puts see
     * buffer_park. */
    uint64_t puts = sum->in_bins + sum->in_hand + sum->hits_private + sum->flushed - sum->filled +
                    count_read(&account->puts);
    stats->puts = (int64_t)puts < 0 ? 0 : puts; /* in traffic */

    uint64_t given_back = subtract_to_zero(stats->puts, count_read(&account->adopted));
    stats->in_use_bytes = subtract_to_zero(found, given_back) * capacity;
    stats->private_bytes = sum->in_bins * capacity;
    stats->shared_bytes = sum->in_place[PLACE_SHARED] * capacity;
    stats->victim_bytes = sum->in_place[PLACE_VICTIM] * capacity;
    stats->cold_bytes =
        (sum->in_place[PLACE_COLD] + sum->in_hand + span_cold_count(span) + quarantine_count(pool, tier)) *
        capacity;
    stats->committed_bytes = stats->in_use_bytes + stats->private_bytes + stats->shared_bytes +
                             stats->victim_bytes + stats->cold_bytes;
    stats->reserved_bytes = (uint64_t)1 << pool->tiers.span_shift;
    stats->tiers = 1;
    stats->remote_reclaim = atomic_load_explicit(&pool->remote, memory_order_relaxed);
}

static void add_tier(bufpool_stats_t *total, const bufpool_stats_t *tier)
{
    total->gets += tier->gets;
    total->hits_private += tier->hits_private;
    total->hits_shared += tier->hits_shared;
    total->hits_stolen += tier->hits_stolen;
    total->hits_victim += tier->hits_victim;
    total->hits_cold += tier->hits_cold;
    total->carves += tier->carves;
    total->oversized_gets += tier->oversized_gets;
    total->failures += tier->failures;
    total->puts += tier->puts;
    total->refused_limit += tier->refused_limit;
    total->purges += tier->purges;
    total->in_use_bytes += tier->in_use_bytes;
    total->private_bytes += tier->private_bytes;
    total->shared_bytes += tier->shared_bytes;
    total->victim_bytes += tier->victim_bytes;
    total->cold_bytes += tier->cold_bytes;
    total->committed_bytes += tier->committed_bytes;
}

static uint64_t threads_attached(const struct bufpool *pool)
{
    uint64_t threads = 0;
    uint32_t records = table_used(&pool->records);
    for (uint32_t i = 0; i < records; i++) {
        const struct record *record = table_at(&pool->records, i);
        threads += atomic_load_explicit(&record->state, memory_order_relaxed) == RECORD_USED;
    }
    return threads;
}

void stats_all(struct bufpool *pool, bufpool_stats_t *tiers, bufpool_stats_t *total)
{
    struct sum sums[TIERS_MAX];
    const struct account *none = &pool->account[ACCOUNT_NO_TIER];

    sum_up(pool, sums);
    *total = (bufpool_stats_t)BUFPOOL_STATS_INIT;
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        tiers[i] = (bufpool_stats_t)BUFPOOL_STATS_INIT;
        tier_from_sum(pool, i, &sums[i], &tiers[i]);
        add_tier(total, &tiers[i]);
    }
    uint64_t oversized_gets = count_read(&none->oversized_gets);
    uint64_t failures = count_read(&none->failures);
    total->oversized_gets += oversized_gets;
    total->failures += failures;
    total->gets += oversized_gets + failures;
    total->refused_oversized = count_read(&none->refused_oversized);
    total->puts += total->refused_oversized;
    total->misuses = count_read(&pool->misuses);
    total->collections = count_read(&pool->collection.finished);
    total->oversized_bytes = count_read(&pool->oversized.in_use_bytes);
    total->in_use_bytes += total->oversized_bytes;
    total->reserved_bytes = pool->reserved_size + pool->oversized.size;
    total->threads = threads_attached(pool);
    total->tiers = pool->tiers.count;
    total->remote_reclaim = atomic_load_explicit(&pool->remote, memory_order_relaxed);
}

void stats_pool(struct bufpool *pool, bufpool_stats_t *stats)
{
    bufpool_stats_t tiers[TIERS_MAX];
    stats_all(pool, tiers, stats);
}

void stats_tier(struct bufpool *pool, unsigned tier, bufpool_stats_t *stats)
{
    struct sum sums[TIERS_MAX];
    sum_up(pool, sums);
    tier_from_sum(pool, tier, &sums[tier], stats);
}

uint64_t stats_cached_bytes(struct bufpool *pool)
{
    struct sum sums[TIERS_MAX];
    uint64_t bytes = 0;

    sum_up(pool, sums);
    for (unsigned i = 0; i < pool->tiers.count; i++)
        bytes += (sums[i].in_bins + sums[i].in_place[PLACE_SHARED] + sums[i].in_place[PLACE_VICTIM]) *
                 tier_capacity(pool, i);
    return bytes;
}

uint64_t stats_idle_count(struct bufpool *pool, unsigned tier)
{
    struct sum sums[TIERS_MAX];
    const struct sum *sum = &sums[tier];

    sum_up(pool, sums);
    return sum->in_bins + sum->in_hand + sum->in_place[PLACE_SHARED] + sum->in_place[PLACE_VICTIM] +
           sum->in_place[PLACE_COLD] + span_cold_count(&pool->span[tier]);
}
