#include "scene.h"

#include <stdatomic.h>

#include "accounts.h"
#include "pools.h"

static void pass_over(const char *message, void *arg)
{
    (void)message;
    (void)arg; /* it is counted; scene_fault looks */
}

void scene_open(struct scene *scene, const struct scene_plan *plan)
{
    const size_t tiers[] = {SCENE_SIZE, SCENE_OTHER_SIZE};
    bufpool_config_t config = still_config();

    bufpool_on_misuse(pass_over, NULL);
    config.debug = plan->words != NULL ? plan->words : "";
    config.tiers = tiers;
    config.tiers_count = 2;
    config.max_thread_bytes = 64 * KIB;
    if (plan->max_cached_bytes != 0)
        config.max_cached_bytes = plan->max_cached_bytes;
    if (plan->max_bytes != 0)
        config.max_bytes = plan->max_bytes;
    if (plan->cooperative)
        config.flags |= BUFPOOL_COOPERATIVE;
    scene->pool = pool_from(&config);
    scene->other = pool_from(&config);
    scene->held_count = scene->told = 0;
    scene->plan = plan;
}

static const char *pool_fault(const struct scene *scene, bufpool_t *pool)
{
    return scene->plan->reserves ? accounts_fault(pool) : accounts_and_pages_fault(pool);
}

const char *scene_fault(struct scene *scene)
{
    bufpool_stats_t stats = stats_of(scene->pool);
    bufpool_stats_t other = stats_of(scene->other);

    if (stats.misuses + other.misuses != 0)
        return "a buffer was found put twice";
    if (stats.in_use_bytes + other.in_use_bytes != 0)
        return "buffers are in use that everybody has put";
    const char *fault = pool_fault(scene, scene->pool);
    return fault != NULL ? fault : pool_fault(scene, scene->other);
}

void scene_close(struct scene *scene)
{
    bufpool_destroy(scene->other);
    bufpool_destroy(scene->pool);
}

void scene_hold(struct scene *scene, void *buffer)
{
    MUST(buffer != NULL && scene->held_count < HELD_MAX);
    scene->held[scene->held_count] = buffer;
    atomic_signal_fence(memory_order_seq_cst); /* a handler of reentry.c's looks at what is counted */
    scene->held_count++;
}

void *scene_let_go(struct scene *scene)
{
    MUST(scene->held_count > 0);
    scene->held_count--;
    atomic_signal_fence(memory_order_seq_cst);
    return scene->held[scene->held_count];
}

void scene_get(struct scene *scene, size_t size)
{
    scene_hold(scene, bufpool_get(scene->pool, size));
}

bool scene_put(struct scene *scene)
{
    return bufpool_put(scene->pool, scene_let_go(scene));
}

void scene_put_all(struct scene *scene)
{
    while (scene->held_count > 0)
        scene_put(scene);
}

void scene_stock(struct scene *scene, unsigned count)
{
    unsigned before = scene->held_count;

    for (unsigned i = 0; i < count; i++)
        scene_get(scene, SCENE_SIZE);
    while (scene->held_count > before)
        scene_put(scene);
}
