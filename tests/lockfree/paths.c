#include "paths.h"

#include <string.h>

#include "cpus.h"
#include "paths_inlined.h"
#include "pools.h"

#define HERE 0u  /* where the thread sits */
#define THERE 1u /* the other processor */

/* ------------------------------------------------------------ what they begin with */

static void bin_has_one(struct scene *scene)
{
    scene_stock(scene, 2);
}

static void bin_has_one_and_one_in_hand(struct scene *scene)
{
    scene_stock(scene, 2);
    scene_get(scene, SCENE_SIZE);
}

static void other_pool_was_last(struct scene *scene)
{
    scene_stock(scene, 2);
    bufpool_put(scene->other, bufpool_get(scene->other, SCENE_SIZE));
}

static void tier_never_used(struct scene *scene)
{
    scene_get(scene, SCENE_OTHER_SIZE);
    scene_put(scene);
}

static void nothing_idle(struct scene *scene)
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

static void home_shard_has_some(struct scene *scene)
{
    depot_has_some(scene, HERE);
}

static void other_shard_has_some(struct scene *scene)
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
static void bin_is_full(struct scene *scene)
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
static void cache_is_full(struct scene *scene)
{
    for (unsigned i = 0; i < 2 * BURST; i++)
        scene_get(scene, SCENE_SIZE);
    while (scene_put(scene))
        continue;
}

/* Neither bin nor depot has one: the next get, too, will find a cold one. */
static void only_cold_ones(struct scene *scene)
{
    cache_is_full(scene);
    scene_put_all(scene);
    for (uint64_t before = stats_of(scene->pool).hits_cold; stats_of(scene->pool).hits_cold == before;)
        scene_get(scene, SCENE_SIZE);
}

static void oversized_in_hand(struct scene *scene)
{
    bin_has_one(scene);
    scene_get(scene, SCENE_OVERSIZED);
}

static void a_batch_in_hand(struct scene *scene)
{
    for (unsigned i = 0; i < BURST; i++)
        scene_get(scene, SCENE_SIZE);
}

/* Something in every generation: cold after the next step, victims after it, and a bin to be taken. */
static void every_generation_has_some(struct scene *scene)
{
    scene_stock(scene, BURST);
    bufpool_collect(scene->pool);
    scene_stock(scene, BURST / 2);
    bufpool_thread_idle(scene->pool);
    scene_stock(scene, BURST / 4);
}

/* ------------------------------------------------------------ the paths */

static void get(struct scene *scene)
{
    scene_get(scene, SCENE_SIZE);
}

static void get_oversized(struct scene *scene)
{
    scene_get(scene, SCENE_OVERSIZED);
}

static void put(struct scene *scene)
{
    scene_put(scene);
}

static void get_batch(struct scene *scene)
{
    scene->held_count +=
        (unsigned)bufpool_get_batch(scene->pool, SCENE_SIZE, scene->held + scene->held_count, BURST);
}

static void put_batch(struct scene *scene)
{
    scene->held_count -= BURST;
    bufpool_put_batch(scene->pool, scene->held + scene->held_count, BURST);
}

static void thread_idle(struct scene *scene)
{
    bufpool_thread_idle(scene->pool);
}

static void collect(struct scene *scene)
{
    bufpool_collect(scene->pool);
}

static void trim(struct scene *scene)
{
    bufpool_trim(scene->pool);
}

#define FIGURE(field) offsetof(bufpool_stats_t, field)

const struct path paths[] = {
    {.name = "get, a hit", .prepare = bin_has_one, .run = get, .grows = FIGURE(hits_private)},
    {.name = "put, a hit",
     .prepare = bin_has_one_and_one_in_hand,
     .run = put,
     .grows = FIGURE(private_bytes)},
    {.name = "get, inlined", .prepare = bin_has_one, .run = inlined_get, .grows = FIGURE(hits_private)},
    {.name = "put, inlined",
     .prepare = bin_has_one_and_one_in_hand,
     .run = inlined_put,
     .grows = FIGURE(private_bytes)},
    {.name = "get of another pool",
     .prepare = other_pool_was_last,
     .run = get,
     .grows = FIGURE(hits_private)},
    {.name = "get, refill", .prepare = home_shard_has_some, .run = get, .grows = FIGURE(hits_shared)},
    {.name = "get, steal", .prepare = other_shard_has_some, .run = get, .grows = FIGURE(hits_stolen)},
    {.name = "get, carve", .prepare = nothing_idle, .run = get, .grows = FIGURE(carves)},
    {.name = "get, span grows",
     .prepare = tier_never_used,
     .run = get,
     .grows = FIGURE(carves),
     .first_use = true},
    {.name = "get, cold",
     .prepare = only_cold_ones,
     .run = get,
     .grows = FIGURE(hits_cold),
     .plan = {.max_cached_bytes = 16 * SCENE_SIZE}},
    {.name = "put, flush", .prepare = bin_is_full, .run = put, .grows = FIGURE(shared_bytes)},
    {.name = "put, refused",
     .prepare = cache_is_full,
     .run = put,
     .grows = FIGURE(refused_limit),
     .plan = {.max_cached_bytes = 16 * SCENE_SIZE}},
    {.name = "get_batch", .prepare = home_shard_has_some, .run = get_batch, .grows = FIGURE(hits_shared)},
    {.name = "put_batch", .prepare = a_batch_in_hand, .run = put_batch, .grows = FIGURE(shared_bytes)},
    {.name = "get, oversized",
     .prepare = bin_has_one,
     .run = get_oversized,
     .grows = FIGURE(oversized_gets),
     .others = OTHERS_OVERSIZED},
    {.name = "put, oversized",
     .prepare = oversized_in_hand,
     .run = put,
     .grows = FIGURE(refused_oversized),
     .others = OTHERS_OVERSIZED},
    {.name = "thread_idle", .prepare = bin_has_one, .run = thread_idle, .grows = FIGURE(shared_bytes)},
    {.name = "collect", .prepare = every_generation_has_some, .run = collect, .grows = FIGURE(collections)},
    {.name = "collect, others too",
     .prepare = every_generation_has_some,
     .run = collect,
     .grows = FIGURE(collections),
     .others = OTHERS_COLLECT},
    {.name = "collect, cooperative",
     .prepare = every_generation_has_some,
     .run = collect,
     .grows = FIGURE(collections),
     .plan = {.cooperative = true}},
    {.name = "trim", .prepare = every_generation_has_some, .run = trim, .grows = FIGURE(purges)},
    {.name = "first attach", .run = get, .grows = FIGURE(threads), .first_attach = true},
    {.name = "thread exit", .prepare = bin_has_one, .grows = FIGURE(shared_bytes)},
};
const unsigned paths_count = sizeof paths / sizeof paths[0];

uint64_t path_figure(const struct path *path, struct scene *scene)
{
    bufpool_stats_t stats = stats_of(scene->pool);
    uint64_t figure;

    memcpy(&figure, (const char *)&stats + path->grows, sizeof figure);
    return figure;
}
