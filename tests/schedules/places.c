#include "places.h"

#include <string.h>

#include "explore.h"

/* What has been seen so far, a bit each: buffers by tier, magazines, blocks, records. */
struct seen {
    struct bufpool *pool;
    struct places *places;
    uint64_t buffers[LEDGER_TIERS];
    uint64_t magazines, blocks, records;
};

static void see(uint64_t *seen, uint64_t number, const char *what)
{
    if (number >= 64)
        explore_fail("%s %llu: more than a scenario has", what, (unsigned long long)number);
    if ((*seen >> number & 1) != 0)
        explore_fail("%s %u is in two places", what, (unsigned)number);
    *seen |= UINT64_C(1) << number;
}

static void see_buffer(struct seen *seen, unsigned tier, const void *buffer)
{
    const struct tier *in = &seen->pool->tiers.tier[tier];
    if (tiers_of_address(&seen->pool->tiers, buffer) != tier)
        explore_fail("a buffer of another tier, or of none");
    see(&seen->buffers[tier], tier_index(in, buffer), "buffer");
}

/* ------------------------------------------------------------ magazines */

static uint64_t see_magazine(struct seen *seen, struct magazine *magazine, enum place place, unsigned tier)
{
    unsigned count = magazine_count(magazine);

    see(&seen->magazines, magazine->self, "magazine");
    if (magazine->place != place || (place != PLACE_EMPTY && (magazine->tier != tier || count == 0)))
        explore_fail("a magazine is not where it says it is");
    for (unsigned i = 0; i < count; i++) {
        if (place == PLACE_EMPTY)
            see(&seen->magazines, ((struct magazine *)magazine->buffer[i])->self, "empty magazine");
        else
            see_buffer(seen, tier, magazine->buffer[i]);
    }
    return count;
}

static uint64_t see_stack(struct seen *seen, struct stack *stack, enum place place, unsigned tier)
{
    struct table *table = &seen->pool->depot.magazines;
    uint64_t buffers = 0;

    for (uint32_t index = tagged_index(stack->head); index != INDEX_NONE;) {
        struct magazine *magazine = table_at(table, index);
        buffers += see_magazine(seen, magazine, place, tier);
        index = magazine->link.next;
    }
    return buffers;
}

static uint64_t see_generation(struct seen *seen, struct generation *generation, enum place place,
                               unsigned tier)
{
    uint64_t buffers = 0;
    for (unsigned shard = 0; shard < seen->pool->depot.shards; shard++) {
        uint64_t found = see_stack(seen, &generation->shard[shard], place, tier);
        if (found > 0 && (generation->nonempty >> shard & 1) == 0)
            explore_fail("a shard has magazines that nobody looks for");
        buffers += found;
    }
    return buffers;
}

static void see_depot(struct seen *seen)
{
    struct depot *depot = &seen->pool->depot;

    see_stack(seen, &depot->empty, PLACE_EMPTY, 0);
    for (unsigned i = 0; i < depot->tiers; i++) {
        struct places_tier *tier = &seen->places->tier[i];
        tier->shared += see_generation(seen, &depot->tier[i].shared, PLACE_SHARED, i);
        tier->victim += see_generation(seen, &depot->tier[i].victim, PLACE_VICTIM, i);
        tier->cold += see_stack(seen, &depot->tier[i].cold[0], PLACE_COLD, i) +
                      see_stack(seen, &depot->tier[i].cold[1], PLACE_COLD, i);
        tier->cached_bytes += (tier->shared + tier->victim) * tier_capacity(seen->pool, i);
    }
}

/* ------------------------------------------------------------ blocks and records */

static void see_block(struct seen *seen, const struct block *block)
{
    uint64_t granted = 0;

    see(&seen->blocks, block->self, "block");
    for (unsigned i = 0; i < seen->pool->tiers.count; i++) {
        const struct bin *bin = &block->bin[i];
        for (unsigned n = 1; n <= bin_count(bin); n++)
            see_buffer(seen, i, bin->slot[n]);
        if (bin_count(bin) > bin_cap(bin))
            explore_fail("a bin holds more than its cap");
        seen->places->tier[i].in_bins += bin_count(bin);
        seen->places->tier[i].cached_bytes += bin_cap(bin) * tier_capacity(seen->pool, i);
        granted += bin_cap(bin) * tier_capacity(seen->pool, i);
    }
    if (granted != block->granted)
        explore_fail("a block's caps are not what it was granted");
}

static void see_record(struct seen *seen, const struct record *record)
{
    struct table *blocks = &seen->pool->blocks;

    if (record->key == KEY_BUSY)
        explore_fail("a thread is inside for ever");
    if ((record->block != NULL) != (record->key == seen->pool->key) ||
        (record->block != NULL) != (record->state == RECORD_USED))
        explore_fail("a record is half alive");
    if (record->block == NULL)
        return;
    /* With what is in limbo behind it. */
    for (const struct block *block = record->block; block != NULL;) {
        see_block(seen, block);
        uint32_t behind = tagged_index(block->previous);
        block = behind == INDEX_NONE ? NULL : table_at(blocks, behind);
    }
    for (unsigned i = 0; i < record->spares.count; i++)
        see(&seen->magazines, record->spares.magazine[i]->self, "spare magazine");
}

static void see_caches(struct seen *seen)
{
    struct bufpool *pool = seen->pool;

    for (uint32_t i = 0; i < table_used(&pool->records); i++)
        see_record(seen, table_at(&pool->records, i));
    for (uint32_t index = tagged_index(pool->records_free.head); index != INDEX_NONE;) {
        const struct record *record = table_at(&pool->records, index);
        see(&seen->records, index, "free record");
        if (record->block != NULL)
            explore_fail("a free record has a block");
        index = record->link.next;
    }
    for (uint32_t index = tagged_index(pool->blocks_free.head); index != INDEX_NONE;) {
        const struct block *block = table_at(&pool->blocks, index);
        for (unsigned i = 0; i < pool->tiers.count; i++)
            if (bin_count(&block->bin[i]) != 0 || bin_cap(&block->bin[i]) != 0)
                explore_fail("a free block is not empty");
        see(&seen->blocks, index, "free block");
        index = block->link.next;
    }
}

/* ------------------------------------------------------------ all of it */

static uint64_t first_bits(uint64_t count)
{
    return count == 0 ? 0 : bits_between(0, (unsigned)count - 1);
}

static void see_span(struct seen *seen, unsigned number)
{
    struct span *span = &seen->pool->span[number];
    struct places_tier *tier = &seen->places->tier[number];
    uint32_t first = seen->pool->tiers.tier[number].first;
    uint64_t committed = first_bits(span->committed);

    if (committed == 0)
        return;
    uint64_t free = span->group[0].free;
    uint64_t backed = span->group[0].backed;
    uint64_t cold = free & backed;
    if ((seen->buffers[number] & free) != 0)
        explore_fail("buffer %d is in two places, free is one",
                     __builtin_ctzll(seen->buffers[number] & free));
    if ((cold != 0 && (span->cold.words[0] & 1) == 0) ||
        ((free & ~backed) != 0 && (span->unbacked.words[0] & 1) == 0))
        explore_fail("a group has free buffers that nobody looks for");
    if ((seen->buffers[number] & ~backed) != 0)
        explore_fail("a buffer that is held has no pages");
    /* In a forked child what the parent had is not accounted for. */
    uint64_t missing = committed & ~first_bits(first) & ~(seen->buffers[number] | free);
    if (missing != 0)
        explore_fail("buffer %d is lost", __builtin_ctzll(missing));
    if (((seen->buffers[number] | free) & ~committed) != 0)
        explore_fail("a buffer is handed out that was never committed");
    if (span->cold_count != (uint64_t)__builtin_popcountll(cold))
        explore_fail("cold_count is wrong");
    tier->cold += (uint64_t)__builtin_popcountll(cold);
    tier->backed += (uint64_t)__builtin_popcountll(backed);
}

/* Each granule is one buffer's, or free; what is in use is what the books say. */
static void see_oversized(struct seen *seen)
{
    struct oversized *oversized = &seen->pool->oversized;
    uint64_t *bytes = &seen->places->oversized_bytes;
    uint32_t end = 0; /* of the buffer met last, in granules */

    for (uint32_t granule = 0; granule < oversized->granules; granule++) {
        uint64_t pages = oversized->buffers[granule].pages;
        if (pages != 0 && granule < end)
            explore_fail("two oversized buffers have a granule in common");
        if (pages != 0)
            end = granule + (uint32_t)((pages + oversized->page + GRANULE - 1) / GRANULE);
        if ((oversized->taken[granule / 64] >> granule % 64 & 1) != (granule < end))
            explore_fail("a granule is %s", granule < end ? "free in a buffer" : "nobody's, and taken");
        *bytes += pages;
    }
    if (oversized->in_use_bytes != *bytes)
        explore_fail("oversized bytes are miscounted");
}

static void all_seen(const struct table *table, uint64_t seen, const char *what)
{
    uint64_t lost = first_bits(table_used(table)) & ~seen;
    if (lost != 0)
        explore_fail("%s %d is lost", what, __builtin_ctzll(lost));
}

void places_find(struct bufpool *pool, const uint64_t *held, struct places *places)
{
    struct seen seen = {.pool = pool, .places = places};

    memset(places, 0, sizeof *places);
    memcpy(seen.buffers, held, sizeof seen.buffers);
    see_depot(&seen);
    see_caches(&seen);
    for (unsigned i = 0; i < pool->tiers.count; i++)
        see_span(&seen, i);
    see_oversized(&seen);
    all_seen(&pool->depot.magazines, seen.magazines, "magazine");
    all_seen(&pool->blocks, seen.blocks, "block");
}
