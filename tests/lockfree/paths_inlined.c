#define BUFPOOL_INLINE
#include "paths_inlined.h"

void inlined_get(struct scene *scene)
{
    scene_hold(scene, bufpool_get(scene->pool, SCENE_SIZE));
}

void inlined_put(struct scene *scene)
{
    bufpool_put(scene->pool, scene_let_go(scene));
}
