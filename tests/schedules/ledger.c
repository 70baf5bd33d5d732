#include "ledger.h"

#include <string.h>

#include "explore.h"
#include "memory.h"
#include "places.h"
#include "pool.h"
#include "system.h"

/* The user's side, in buffers by their number. */
struct sheet {
    uint64_t held[LEDGER_TIERS]; /* with somebody now */
    uint64_t ever[LEDGER_TIERS]; /* at some time */
    uint64_t gets[LEDGER_TIERS], puts[LEDGER_TIERS];
    uint64_t contested, named; /* puts of a buffer that others put too; misuses */
};

static struct bufpool *pool;
static struct sheet sheet, parents_sheet;

struct bufpool *ledger_pool(void)
{
    return pool;
}

uint64_t ledger_ever(unsigned tier)
{
    return sheet.ever[tier];
}

static uint64_t bit_of(const void *buffer, unsigned *tier)
{
    uint64_t number = tiers_of_address(&pool->tiers, buffer);
    if (number >= pool->tiers.count)
        explore_fail("%p is a buffer of no tier", buffer);
    uint64_t index = tier_index(&pool->tiers.tier[number], buffer);
    if (index >= 64 || tier_address(&pool->tiers.tier[number], index) != buffer)
        explore_fail("an address that is no buffer");
    *tier = (unsigned)number;
    return UINT64_C(1) << index;
}

void ledger_take(const void *buffer)
{
    unsigned tier;
    uint64_t bit = bit_of(buffer, &tier);
    if ((sheet.held[tier] & bit) != 0)
        explore_fail("buffer %d has two owners", __builtin_ctzll(bit));
    sheet.held[tier] |= bit;
    sheet.ever[tier] |= bit;
}

void ledger_give(const void *buffer)
{
    unsigned tier;
    uint64_t bit = bit_of(buffer, &tier);
    if ((sheet.held[tier] & bit) == 0)
        explore_fail("a buffer is given that nobody has");
    sheet.held[tier] &= ~bit;
}

void *ledger_get(size_t size)
{
    void *buffer = bufpool_get(pool, size);
    unsigned tier = tiers_find(&pool->tiers, size);
    if (buffer != NULL) {
        ledger_take(buffer);
        sheet.gets[tier]++;
    }
    return buffer;
}

void ledger_put(void *buffer)
{
    unsigned tier;
    if (buffer == NULL)
        return;
    bit_of(buffer, &tier);
    ledger_give(buffer);
    sheet.puts[tier]++;
    bufpool_put(pool, buffer);
}

void ledger_put_at_once(void *buffer)
{
    unsigned tier;

    bit_of(buffer, &tier);
    sheet.contested++;
    if (bufpool_put(pool, buffer)) {
        ledger_give(buffer); /* of two that are kept the second has not got it */
        sheet.puts[tier]++;
    }
}

void ledger_put_oversized_at_once(void *buffer)
{
    sheet.contested++;
    bufpool_put(pool, buffer);
}

/* Pages go home: nobody may have a byte of them. */
static void see_purge(uintptr_t begin, uintptr_t end)
{
    for (unsigned i = 0; pool != NULL && i < pool->tiers.count; i++) {
        const struct tier *tier = &pool->tiers.tier[i];
        for (uint64_t held = sheet.held[i]; held != 0; held &= held - 1) {
            uintptr_t buffer = tier->base + (unsigned)__builtin_ctzll(held) * tier->stride;
            if (buffer < end && buffer + tier->capacity > begin)
                explore_fail("buffer %d is purged while somebody has it", __builtin_ctzll(held));
        }
    }
}

static void see_misuse(const char *message, void *arg)
{
    (void)arg;
    if (sheet.contested == 0)
        explore_fail("%s", message);
    sheet.named++;
}

void ledger_create(const bufpool_config_t *config)
{
    if (pool == NULL)
        explore_keep(&sheet, sizeof sheet);
    pool = NULL;
    memset(&sheet, 0, sizeof sheet);
    memory_on_purge = see_purge;
    bufpool_on_misuse(see_misuse, NULL);
    if (bufpool_create(&pool, config) != 0)
        explore_fail("the pool cannot be made");
}

void ledger_begin_child(void)
{
    parents_sheet = sheet;
    memset(&sheet, 0, sizeof sheet);
}

void ledger_end_child(void)
{
    sheet = parents_sheet;
}

/* ------------------------------------------------------------ the accounts */

static void same(unsigned tier, const char *what, uint64_t accounts, uint64_t found)
{
    if (accounts != found)
        explore_fail("accounts of tier %u: %s is %llu, found are %llu", tier, what,
                     (unsigned long long)accounts, (unsigned long long)found);
}

static void check_accounts(unsigned tier, const struct places *places)
{
    uint64_t capacity = tier_capacity(pool, tier);
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;
    const struct places_tier *found = &places->tier[tier];
    uint64_t held = (uint64_t)__builtin_popcountll(sheet.held[tier]);

    if (bufpool_tier_stats(pool, tier, &stats) != 0)
        explore_fail("no accounts of tier %u", tier);
    same(tier, "gets - failures", stats.gets - stats.failures, sheet.gets[tier]);
    same(tier, "where they were served", stats.gets,
         stats.hits_private + stats.hits_shared + stats.hits_stolen + stats.hits_victim + stats.hits_cold +
             stats.carves + stats.oversized_gets + stats.failures);
    same(tier, "puts", stats.puts, sheet.puts[tier]);
    same(tier, "in_use_bytes", stats.in_use_bytes, held * capacity);
    same(tier, "private_bytes", stats.private_bytes, found->in_bins * capacity);
    same(tier, "shared_bytes", stats.shared_bytes, found->shared * capacity);
    same(tier, "victim_bytes", stats.victim_bytes, found->victim * capacity);
    same(tier, "cold_bytes", stats.cold_bytes, found->cold * capacity);
    same(tier, "committed_bytes", stats.committed_bytes,
         (held + found->in_bins + found->shared + found->victim + found->cold) * capacity);
    same(tier, "buffers with pages", stats.committed_bytes, found->backed * capacity);
}

static void check_budget(const char *name, const struct budget *budget, uint64_t found)
{
    if (budget->limit != UINT64_MAX && budget->used != found)
        explore_fail("%s: %llu bytes are taken, found are %llu", name, (unsigned long long)budget->used,
                     (unsigned long long)found);
}

void ledger_check(void)
{
    struct places places;
    uint64_t cached = 0;
    uint64_t backed = 0;

    if (pool->late_double_put != NULL)
        explore_fail("a buffer became cold that was cold");
    if (pool->collection.holder != 0)
        explore_fail("the collection is held by nobody");
    if (sheet.contested != 0 && sheet.named != sheet.contested - 1)
        explore_fail("of %u puts of one buffer %u are named", (unsigned)sheet.contested,
                     (unsigned)sheet.named);
    places_find(pool, sheet.held, &places);
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        check_accounts(i, &places);
        cached += places.tier[i].cached_bytes;
        backed += places.tier[i].backed * tier_capacity(pool, i);
    }
    check_budget("max_cached_bytes", &pool->cached, cached);
    check_budget("max_bytes", &pool->backed, backed + places.oversized_bytes);
}
