#include "armour.h"

#include <errno.h>
#include <string.h>

#include "region.h"
#include "tool.h"

struct shadow *armour_shadow(const struct bufpool *pool, const void *address)
{
    uint64_t tier = tiers_of_address(&pool->tiers, address);

    if (!armour_has(pool, DEBUG_STATE))
        return NULL;
    if (tier < pool->tiers.count) {
        const struct span *span = &pool->span[tier];
        uint64_t index = tier_index(&pool->tiers.tier[tier], address);
        /* acquire [grown]: the shadows up to here are there. */
        return index < atomic_load_explicit(&span->committed, memory_order_acquire) ? &span->shadow[index]
                                                                                    : NULL;
    }
    if (oversized_has(&pool->oversized, address))
        return &pool->armour->oversized[oversized_index(&pool->oversized, address)];
    return NULL;
}

/* ------------------------------------------------------------ begin and end */

static size_t shadows_of_span(const struct bufpool *pool, unsigned tier)
{
    return shadow_bytes(pool->span[tier].count_max, pool->page);
}

static int shadows_reserve(struct bufpool *pool, struct armour *armour)
{
    for (unsigned i = 0; i < pool->tiers.count; i++)
        armour->shadows_size += shadows_of_span(pool, i);
    armour->shadows = region_reserve(armour->shadows_size);
    if (armour->shadows == NULL)
        return -ENOMEM;
    char *shadows = armour->shadows;
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        pool->span[i].shadow = (void *)shadows;
        shadows += shadows_of_span(pool, i);
    }
    if (pool->oversized.granules == 0)
        return 0;
    armour->oversized_size = shadow_bytes(pool->oversized.granules, pool->page);
    armour->oversized = region_map(armour->oversized_size);
    return armour->oversized != NULL ? 0 : -ENOMEM;
}

int armour_init(struct bufpool *pool, const struct debug *debug)
{
    pool->armour = NULL;
    if ((debug->words & ~(uint32_t)DEBUG_SCRUB) == 0)
        return 0;
    pool->armour = region_map(round_up(sizeof(struct armour), pool->page));
    if (pool->armour == NULL)
        return -ENOMEM;
    pool->armour->debug = *debug;
    int error = (debug->words & DEBUG_STATE) != 0 ? shadows_reserve(pool, pool->armour) : 0;
    if (error == 0 && (debug->words & DEBUG_TOOL) != 0)
        tool_pool_begins(pool);
    if (error == 0 && (debug->words & DEBUG_LEAK) != 0)
        leaks_init(&pool->armour->leaks);
    if (error == 0 && (debug->words & DEBUG_TRACE) != 0)
        recorder_begin(pool);
    if (error != 0)
        armour_end(pool);
    return error;
}

/* The addresses may be anybody's next. GCOVR_EXCL_START: a memory checker's builds do this, see tool.h. */
static void open_everything(struct bufpool *pool)
{
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        const struct tier *tier = &pool->tiers.tier[i];
        uint64_t committed = atomic_load_explicit(&pool->span[i].committed, memory_order_relaxed);
        tool_open((const void *)tier->base, committed * tier->stride); // NOLINT(performance-no-int-to-ptr)
    }
    for (uint32_t i = 0; i < pool->oversized.granules; i++) {
        uint64_t pages = atomic_load_explicit(&pool->oversized.buffers[i].pages, memory_order_relaxed);
        tool_open(pool->oversized.base + i * GRANULE, pages);
    }
}
/* GCOVR_EXCL_STOP */

void armour_end(struct bufpool *pool)
{
    struct armour *armour = pool->armour;

    if (armour == NULL)
        return;
    if (armour_has(pool, DEBUG_TOOL) && armour->shadows != NULL) {
        open_everything(pool);
        tool_pool_ends(pool);
    }
    if (armour_has(pool, DEBUG_TRACE))
        recorder_end(pool);
    pool->armour = NULL;
    if (armour->shadows != NULL)
        region_release(armour->shadows, armour->shadows_size);
    if (armour->oversized != NULL)
        region_release(armour->oversized, armour->oversized_size);
    leaks_end(&armour->leaks);
    region_release(armour, round_up(sizeof *armour, pool->page));
}

/* ------------------------------------------------------------ fork */

/* Pages are copied one after another while the parent's other threads run: a state may be older than the
 * pointer to its buffer. */
static void inherit(struct shadow *shadow)
{
    atomic_store_explicit(&shadow->state, SHADOW_INHERITED, memory_order_relaxed);
    atomic_store_explicit(&shadow->sample, 0, memory_order_relaxed);
}

void armour_after_fork(struct bufpool *pool)
{
    struct armour *armour = pool->armour;

    if (armour == NULL)
        return;
    for (unsigned i = 0; armour->shadows != NULL && i < pool->tiers.count; i++)
        for (uint32_t index = 0; index < pool->tiers.tier[i].first; index++)
            inherit(&pool->span[i].shadow[index]);
    for (uint32_t i = 0; armour->oversized != NULL && i < pool->oversized.granules; i++)
        if (atomic_load_explicit(&pool->oversized.buffers[i].pages, memory_order_relaxed) != 0)
            inherit(&armour->oversized[i]);
    atomic_store_explicit(&armour->gets, 0, memory_order_relaxed);
    atomic_store_explicit(&armour->puts, 0, memory_order_relaxed);
    memset(&armour->quarantine, 0, sizeof armour->quarantine);
    memset(&armour->sizes, 0, sizeof armour->sizes);
    if (armour_has(pool, DEBUG_LEAK))
        leaks_after_fork(&armour->leaks);
    if (armour_has(pool, DEBUG_TRACE))
        recorder_after_fork(&armour->recorder);
}
