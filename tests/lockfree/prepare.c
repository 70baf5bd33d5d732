#include "prepare.h"

#include "cpus.h"
#include "pools.h"

#define HERE 0u  /* where the thread sits */
#define THERE 1u /* the other processor */

#define QUARANTINED 200u /* twice as many are more than it has room for */

void bin_has_one(struct scene *scene)
{
    scene_stock(scene, 2);
}

void bin_has_one_and_one_in_hand(struct scene *scene)
{
    scene_stock(scene, 2);
    scene_get(scene, SCENE_SIZE);
}

void other_pool_was_last(struct scene *scene)
{
    scene_stock(scene, 2);
    bufpool_put(scene->other, bufpool_get(scene->other, SCENE_SIZE));
}

void tier_never_used(struct scene *scene)
{
    scene_get(scene, SCENE_OTHER_SIZE);
    scene_put(scene);
}

void nothing_idle(struct scene *scene)
{
    scene_stock(scene, 1); /* the thread has made its first call */
    bufpool_trim(scene->pool);
}

/* The bin is empty, and the depot has magazines, all in one shard. */
static void depot_has_some(struct scene *scene, unsigned cpu)
{
    nothing_idle(scene);
    cpus_sit_on(cpu);
    scene_stock(scene, BURST);
    bufpool_thread_idle(scene->pool);
    cpus_sit_on(HERE);
}

void home_shard_has_some(struct scene *scene)
{
    depot_has_some(scene, HERE);
}

void other_shard_has_some(struct scene *scene)
{
    depot_has_some(scene, THERE);
}

static unsigned puts_until_flush(struct scene *scene)
{
    uint64_t before = stats_of(scene->pool).shared_bytes;
    unsigned puts = 0;

    for (; stats_of(scene->pool).shared_bytes == before; puts++)
        scene_put(scene);
    return puts;
}

/* One put before the next flush. The first sends half of the bin, the later ones more: see cache_make_room.
 */
void bin_is_full(struct scene *scene)
{
    nothing_idle(scene);
    for (unsigned i = 0; i < 4 * BURST; i++)
        scene_get(scene, SCENE_SIZE);
    puts_until_flush(scene);
    puts_until_flush(scene);
    for (unsigned puts = puts_until_flush(scene); puts > 1; puts--)
        scene_put(scene);
}

/* No room below max_cached_bytes: the next put, too, will be refused. */
void cache_is_full(struct scene *scene)
{
    for (unsigned i = 0; i < 2 * BURST; i++)
        scene_get(scene, SCENE_SIZE);
    while (scene_put(scene))
        continue;
}

/* Neither bin nor depot has one: the next get, too, will find a cold one. */
void only_cold_ones(struct scene *scene)
{
    cache_is_full(scene);
    scene_put_all(scene);
    for (uint64_t before = stats_of(scene->pool).hits_cold; stats_of(scene->pool).hits_cold == before;)
        scene_get(scene, SCENE_SIZE);
}

void oversized_in_hand(struct scene *scene)
{
    bin_has_one(scene);
    scene_get(scene, SCENE_OVERSIZED);
}

void a_batch_in_hand(struct scene *scene)
{
    for (unsigned i = 0; i < BURST; i++)
        scene_get(scene, SCENE_SIZE);
}

/* Something in every generation: cold after the next step, victims after it, and a bin to be taken. */
void every_generation_has_some(struct scene *scene)
{
    scene_stock(scene, BURST);
    bufpool_collect(scene->pool);
    scene_stock(scene, BURST / 2);
    bufpool_thread_idle(scene->pool);
    scene_stock(scene, BURST / 4);
}

/* Of either tier, one to be hit; one of the first in hand. */
void both_tiers_and_one_in_hand(struct scene *scene)
{
    scene_get(scene, SCENE_OTHER_SIZE);
    scene_put(scene);
    bin_has_one_and_one_in_hand(scene);
}

static void get_all(struct scene *scene, size_t size)
{
    for (void *buffer; (buffer = bufpool_get(scene->pool, size)) != NULL;)
        scene_hold(scene, buffer);
}

/* All of max_bytes is idle in the other tier, but for what is no whole buffer of it: the next get must send
 * it home first. */
void other_tier_has_all(struct scene *scene)
{
    nothing_idle(scene);
    get_all(scene, SCENE_OTHER_SIZE);
    unsigned others = scene->held_count;
    get_all(scene, SCENE_SIZE);
    unsigned small = scene->held_count - others;
    MUST(small <= 1);
    if (small == 1) {
        void *buffer = scene->held[others];
        scene->held[others] = scene->held[0];
        scene->held[0] = buffer;
    }
    while (scene->held_count > small)
        scene_put(scene);
}

/* The quarantine is full, so each put sends one out, cold; and some are. */
void quarantine_is_full(struct scene *scene)
{
    for (int i = 0; i < 2; i++) {
        while (scene->held_count < QUARANTINED)
            scene_get(scene, SCENE_SIZE);
        scene_put_all(scene);
    }
    scene_get(scene, SCENE_SIZE);
}
