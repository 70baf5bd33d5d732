#include "cache.h"

#include "blocks.h"
#include "hook.h"
#include "probe.h"

/* A bin begins with what fits this, so that a thread which uses a tier now and then holds little. */
#define CAP_START_BYTES ((uint64_t)32 << 10)
#define CAP_START_MAX 32u
/* Beyond this a larger bin saves no measurable part of the depot's cost. */
#define CAP_MAX 256u

/*
 * With more threads than CPUs, most of what lies in bins waits for a thread that
 * does not run. Where it came there to be passed on, bins are smaller then.
 */
#define CROWD_BYTES ((uint64_t)512 << 10)
#define CAP_CROWD 16u

/* ------------------------------------------------------------ shape */

void cache_init(struct bufpool *pool)
{
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        const struct tier *tier = &pool->tiers.tier[i];
        struct cache_shape *shape = &pool->shape[i];
        shape->magazine = magazine_size(tier->size);
        shape->cap_max = (uint32_t)max_u64(2, min_u64(CAP_MAX, pool->max_thread_bytes / 2 / tier->size));
        shape->cap_start = (uint32_t)min_u64(
            shape->cap_max, max_u64(2, min_u64(CAP_START_MAX, CAP_START_BYTES / tier->size)));
        shape->cap_crowd = (uint32_t)min_u64(shape->cap_max, max_u64(CAP_CROWD, CROWD_BYTES / tier->size));
    }
    atomic_store_explicit(&pool->threads, 0, memory_order_relaxed);
    blocks_init(pool);
    if (pool->records.element_size == 0) { /* a handle's first pool; the records outlive it */
        table_init(&pool->records, round_up(sizeof(struct record), DESTRUCTIVE_SIZE));
        stack_init(&pool->records_free);
    }
}

void cache_end(struct bufpool *pool)
{
    uint32_t records = table_used(&pool->records);
    for (uint32_t i = 0; i < records; i++) {
        struct record *record = table_at(&pool->records, i);
        atomic_store_explicit(&record->key, KEY_DEAD, memory_order_relaxed);
        atomic_store_explicit(&record->block, NULL, memory_order_relaxed);
        atomic_store_explicit(&record->state, RECORD_FREE, memory_order_relaxed);
    }
    table_end(&pool->blocks);
}

void cache_empty_all(struct bufpool *pool)
{
    uint32_t records = table_used(&pool->records);

    for (uint32_t i = 0; i < records; i++) {
        struct record *record = table_at(&pool->records, i);
        struct block *block = atomic_load_explicit(&record->block, memory_order_acquire);
        if (block == NULL)
            continue;
        block_empty_limbo(pool, block, PLACE_VICTIM, 0);
        block_empty(pool, block, PLACE_VICTIM, 0);
    }
}

void cache_after_fork(struct bufpool *pool)
{
    table_forget(&pool->records);
    table_forget(&pool->blocks);
    atomic_store_explicit(&pool->threads, 0, memory_order_relaxed);
    stack_init(&pool->records_free);
    stack_init(&pool->blocks_free);
}

/* ------------------------------------------------------------ caps */

/* How far the cap of a tier goes where its buffers only come, or only go. */
static unsigned cap_one_way(const struct bufpool *pool, unsigned tier)
{
    const struct cache_shape *shape = &pool->shape[tier];
    uint32_t threads = atomic_load_explicit(&pool->threads, memory_order_relaxed);

    return threads <= pool->depot.shards ? shape->cap_max : shape->cap_crowd;
}

/*
 * Raise a bin's cap: from 0 to what it last was, halved, so that a burst is
 * forgotten in a few collections; beyond a magazine always, so that a thread that
 * only puts or only gets moves whole ones; further only where buffers went
 * out and had to be fetched back. False where it stays.
 */
static bool bin_grow(struct bufpool *pool, struct record *record, struct block *block, unsigned tier,
                     bool fetched_back)
{
    struct bin *bin = &block->bin[tier];
    const struct cache_shape *shape = &pool->shape[tier];
    uint64_t capacity = tier_capacity(pool, tier);
    uint64_t cap = bin_cap(bin);
    uint64_t most = fetched_back || cap == 0 ? shape->cap_max : cap_one_way(pool, tier);
    uint64_t target = cap;

    if (cap == 0)
        target = max_u64(shape->cap_start, record->caps[tier] / 2);
    else if (cap <= shape->magazine || fetched_back)
        target = 2 * cap;
    target = min_u64(target, most);
    if (target <= cap)
        return false;
    /*
     * max_thread_bytes, though not below two buffers in a tier in use. To grow takes a
     * third of what is left at most, or the first tiers would leave the others nothing;
     * a tier alone never feels it.
     */
    uint64_t room = subtract_to_zero(pool->max_thread_bytes, block->granted) / (cap == 0 ? 1 : 3);
    if (room < capacity && cap >= 2)
        return false;
    if ((target - cap) * capacity > room)
        target = max_u64(cap + room / capacity, 2);
    if (target <= cap)
        return false;

    uint64_t granted = budget_take(&pool->cached, capacity, target - cap);
    if (granted == 0)
        return false;
    bin_set_cap(bin, (unsigned)(cap + granted));
    record->caps[tier] = (uint16_t)(cap + granted);
    block->granted += granted * capacity;
    /* seq_cst [sealed]: before our look at pool->quiet, as the collector sets quiet before it looks at this.
     */
    if (atomic_load_explicit(&block->sealed, memory_order_relaxed))
        atomic_store_explicit(&block->sealed, false, memory_order_seq_cst);
    return true;
}

/* ------------------------------------------------------------ between bin and depot */

/* Where a get looks, in this order; victims late, so that they age out. */
static struct magazine *pop_any(struct bufpool *pool, unsigned tier, unsigned home, enum place *place,
                                unsigned *shard)
{
    struct magazine *magazine = depot_pop(&pool->depot, *place = PLACE_SHARED, tier, home, shard);

    if (magazine == NULL)
        magazine = depot_pop(&pool->depot, *place = PLACE_VICTIM, tier, home, shard);
    if (magazine == NULL)
        magazine = depot_pop(&pool->depot, *place = PLACE_COLD, tier, home, shard);
    if (magazine != NULL)
        hook_reach(HOOK_DEPOT_POPPED);
    return magazine;
}

void *cache_refill(struct bufpool *pool, struct record *record, struct block *block, unsigned tier)
{
    struct tally *tally = block_tally(block, pool->tiers.count, tier);
    struct bin *bin = &block->bin[tier];
    unsigned home = depot_home(&pool->depot);
    enum place place;
    unsigned shard;

    atomic_store_explicit(&record->home, home, memory_order_relaxed);
    struct magazine *magazine = pop_any(pool, tier, home, &place, &shard);
    if (magazine == NULL)
        return NULL;
    if (place == PLACE_COLD) {
        count_add(&tally->hits_cold, 1);
    } else if (place == PLACE_VICTIM) {
        count_add(&tally->hits_victim, 1);
    } else if (shard == home) {
        count_add(&tally->hits_shared, 1);
    } else {
        count_add(&tally->hits_stolen, 1);
        probe_steal(pool, tier, magazine, home, shard);
    }

    bin_grow(pool, record, block, tier, tally->flushed_since_refill);
    tally->flushed_since_refill = false;

    /*
     * The newest, as far as there is room, one of them for the caller. In the
     * order they were put: that is mostly by address, upwards, and what writes on
     * from one buffer into its neighbour finds that lines are on their way.
     */
    unsigned count = magazine_count(magazine);
    unsigned moved = (unsigned)min_u64(count - 1, bin_cap(bin));
    probe_refill(pool, tier, moved + 1, place);
    void **from = &magazine->buffer[count - 1 - moved];
    void *buffer = *from;
    for (void **slot = bin->slot + moved; slot > bin->slot; slot--)
        *slot = *++from;
    bin_set_count(bin, moved);
    count_add(&tally->filled, moved);
    magazine_set_count(magazine, count - 1 - moved);
    /* What they took of max_cached_bytes is the bin's own grant now. */
    if (place != PLACE_COLD)
        budget_give(&pool->cached, (moved + 1) * tier_capacity(pool, tier));

    if (moved + 1 < count)
        depot_push(&pool->depot, place, tier, shard, magazine);
    else
        spares_give(&record->spares, &pool->depot, magazine);
    return buffer;
}

bool cache_make_room(struct bufpool *pool, struct record *record, struct block *block, unsigned tier)
{
    struct bin *bin = &block->bin[tier];
    struct tally *tally = block_tally(block, pool->tiers.count, tier);
    uint64_t capacity = tier_capacity(pool, tier);

    if (bin_grow(pool, record, block, tier, false))
        return true;
    if (bin_cap(bin) == 0)
        return false;
    /* Half, so that there is room and stock; of a thread that has not had to get any back since: all but one.
     */
    uint64_t surplus = tally->flushed_since_refill ? bin_count(bin) - 1 : (bin_count(bin) + 1) / 2;
    unsigned count = (unsigned)budget_take(&pool->cached, capacity,
                                           min_u64(max_u64(surplus, 1), pool->shape[tier].magazine));
    if (count == 0)
        return false;

    probe_flush(pool, tier, count);
    struct magazine *magazine = spares_take(&record->spares, &pool->depot);
    if (magazine == NULL) {
        budget_give(&pool->cached, count * capacity); /* they become cold */
        if (pool->contents.kept)
            return false; /* not here, where their contents cannot end */
    }
    unsigned home = depot_home(&pool->depot);
    atomic_store_explicit(&record->home, home, memory_order_relaxed);
    bin_move_oldest(pool, bin, tier, count, PLACE_SHARED, home, magazine);
    count_add(&tally->flushed, count);
    tally->flushed_since_refill = true;
    return true;
}

void cache_hand_over(struct bufpool *pool, struct record *record, struct block *block)
{
    /* relaxed: only that it changed matters; what the collection did is in the depot. */
    uint32_t epoch = atomic_load_explicit(&pool->collection.epoch, memory_order_relaxed);
    if (record->epoch == epoch)
        return;
    record->epoch = epoch;
    unsigned home = atomic_load_explicit(&record->home, memory_order_relaxed);
    block_shed(pool, block, PLACE_VICTIM, home);
    if (!pool->contents.kept) /* else it waits for its thread to collect, or to leave */
        block_empty_limbo(pool, block, PLACE_VICTIM, home); /* from when the pool was not cooperative */
}

size_t cache_take(struct bufpool *pool, unsigned tier, void **buffers, size_t count)
{
    struct record *record = cache_find(pool);
    if (!record_is_hit(record, pool))
        return 0;
    thread_table.last = record;

    struct bin *bin = &cache_enter(record)->bin[tier];
    unsigned n = bin_count(bin);
    unsigned taken = (unsigned)min_u64(n, count);
    for (unsigned i = 0; i < taken; i++)
        buffers[i] = bin->slot[n - i];
    bin_set_count(bin, n - taken);
    count_add(&bin->hits, taken);
    cache_leave(record, pool->key);
    return taken;
}

/* ------------------------------------------------------------ without a block */

void *cache_get_direct(struct bufpool *pool, unsigned tier)
{
    struct account *account = &pool->account[tier];
    unsigned home = depot_home(&pool->depot);
    enum place place;
    unsigned shard;

    struct magazine *magazine = pop_any(pool, tier, home, &place, &shard);
    if (magazine == NULL)
        return NULL;
    account_add(place == PLACE_COLD     ? &account->hits_cold
                : place == PLACE_VICTIM ? &account->hits_victim
                : shard == home         ? &account->hits_shared
                                        : &account->hits_stolen,
                1);
    if (place == PLACE_SHARED && shard != home)
        probe_steal(pool, tier, magazine, home, shard);
    void *buffer = magazine_take(magazine);
    if (place != PLACE_COLD)
        budget_give(&pool->cached, tier_capacity(pool, tier));
    if (magazine_count(magazine) > 0)
        depot_push(&pool->depot, place, tier, shard, magazine);
    else
        magazine_drop(&pool->depot, magazine);
    return buffer;
}

enum filed cache_put_direct(struct bufpool *pool, unsigned tier, void *buffer)
{
    struct depot *depot = &pool->depot;
    unsigned home = depot_home(depot);
    unsigned shard = home;

    if (budget_take(&pool->cached, tier_capacity(pool, tier), 1) == 0)
        return FILED_REFUSED;
    /* On top of a magazine that has room, so that such puts do not use up one magazine each. */
    struct magazine *magazine = depot_pop(depot, PLACE_SHARED, tier, home, &shard);
    bool put_twice = magazine != NULL && magazine->buffer[magazine_count(magazine) - 1] == buffer;
    if (magazine != NULL && (put_twice || magazine_count(magazine) == pool->shape[tier].magazine)) {
        depot_push(depot, PLACE_SHARED, tier, shard, magazine);
        magazine = NULL;
    }
    if (put_twice) {
        budget_give(&pool->cached, tier_capacity(pool, tier));
        return FILED_DOUBLE;
    }
    account_add(&pool->account[tier].puts, 1);
    if (magazine == NULL)
        magazine = magazine_new(depot, true);
    if (magazine == NULL) {
        budget_give(&pool->cached, tier_capacity(pool, tier));
        buffer_park(pool, tier, buffer);
        return FILED;
    }
    magazine_add(magazine, buffer);
    depot_push(depot, PLACE_SHARED, tier, shard, magazine);
    return FILED;
}
