#define BUFPOOL_INLINE
#include "paths_inlined.h"

#include <stdatomic.h>

void inlined_get(struct scene *scene)
{
    scene->held[scene->held_count] = bufpool_get(scene->pool, SCENE_SIZE);
    atomic_signal_fence(memory_order_seq_cst); /* as in scene_get */
    scene->held_count++;
}

void inlined_put(struct scene *scene)
{
    scene->held_count--;
    atomic_signal_fence(memory_order_seq_cst);
    bufpool_put(scene->pool, scene->held[scene->held_count]);
}
