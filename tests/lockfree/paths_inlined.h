/*
 * paths_inlined - a get and a put whose hit is compiled into the program, as
 * BUFPOOL_INLINE does: the same protocol, written down a second time.
 */
#ifndef LOCKFREE_PATHS_INLINED_H
#define LOCKFREE_PATHS_INLINED_H

#include "scene.h"

void inlined_get(struct scene *scene);
void inlined_put(struct scene *scene);

#endif /* LOCKFREE_PATHS_INLINED_H */
