#include "paths.h"

#include <string.h>

#include "paths_inlined.h"
#include "pools.h"
#include "prepare.h"

static void get(struct scene *scene)
{
    scene_get(scene, SCENE_SIZE);
}

/* Who has lost its emergency trim to a successor may fail: bufpool.h promises no more at max_bytes. */
static void get_if_room(struct scene *scene)
{
    void *buffer = bufpool_get(scene->pool, SCENE_SIZE);
    if (buffer != NULL)
        scene_hold(scene, buffer);
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

static void get_zeroed(struct scene *scene)
{
    scene_hold(scene, bufpool_get_zeroed(scene->pool, SCENE_SIZE));
}

static void resize(struct scene *scene)
{
    scene_hold(scene, bufpool_resize(scene->pool, scene_let_go(scene), SCENE_OTHER_SIZE));
}

static void reserve(struct scene *scene)
{
    scene->told += bufpool_reserve(scene->pool, SCENE_SIZE, BURST) == 0;
}

static void stats(struct scene *scene)
{
    bufpool_stats_t all = BUFPOOL_STATS_INIT;
    scene->told += bufpool_stats(scene->pool, &all) == 0;
}

static void tier_stats(struct scene *scene)
{
    bufpool_stats_t tier = BUFPOOL_STATS_INIT;
    scene->told += bufpool_tier_stats(scene->pool, 0, &tier) == 0;
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
    {.name = "get, emergency trim",
     .prepare = other_tier_has_all,
     .run = get_if_room,
     .grows = FIGURE(purges),
     .leap = 41,
     .plan = {.max_bytes = PREPARED_MAX_BYTES}},
    {.name = "get_zeroed", .prepare = bin_has_one, .run = get_zeroed, .grows = FIGURE(hits_private)},
    {.name = "resize", .prepare = both_tiers_and_one_in_hand, .run = resize, .grows = FIGURE(hits_private)},
    {.name = "reserve",
     .prepare = nothing_idle,
     .run = reserve,
     .grows = FIGURE(shared_bytes),
     .leap = 13,
     .plan = {.reserves = true}},
    {.name = "stats", .prepare = every_generation_has_some, .run = stats, .grows = FIGURE_TOLD},
    {.name = "tier_stats",
     .prepare = every_generation_has_some,
     .run = tier_stats,
     .grows = FIGURE_TOLD,
     .leap = 5},
    {.name = "get, state",
     .prepare = bin_has_one,
     .run = get,
     .grows = FIGURE(hits_private),
     .plan = {.words = "state"}},
    {.name = "put, state",
     .prepare = bin_has_one_and_one_in_hand,
     .run = put,
     .grows = FIGURE(private_bytes),
     .plan = {.words = "state"}},
    {.name = "get, integrity",
     .prepare = bin_has_one,
     .run = get,
     .grows = FIGURE(hits_private),
     .leap = 3,
     .plan = {.words = "integrity"}},
    {.name = "put, integrity",
     .prepare = bin_has_one_and_one_in_hand,
     .run = put,
     .grows = FIGURE(private_bytes),
     .plan = {.words = "integrity"}},
    {.name = "get, quarantine",
     .prepare = quarantine_is_full,
     .run = get,
     .grows = FIGURE(hits_cold),
     .leap = 3,
     .no_shards = true,
     .plan = {.words = "quarantine"}},
    {.name = "put, quarantine",
     .prepare = quarantine_is_full,
     .run = put,
     .grows = FIGURE(cold_bytes),
     .leap = 3,
     .no_shards = true,
     .plan = {.words = "quarantine"}},
    {.name = "first attach", .run = get, .grows = FIGURE(threads), .first_attach = true},
    {.name = "thread exit", .prepare = bin_has_one, .grows = FIGURE(shared_bytes)},
};
const unsigned paths_count = sizeof paths / sizeof paths[0];

uint64_t path_figure(const struct path *path, struct scene *scene)
{
    bufpool_stats_t stats = stats_of(scene->pool);
    uint64_t figure;

    if (path->grows == FIGURE_TOLD)
        return scene->told;
    memcpy(&figure, (const char *)&stats + path->grows, sizeof figure);
    return figure;
}
