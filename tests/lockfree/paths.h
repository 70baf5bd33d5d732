/*
 * paths - the ways through the library that are walked instruction by
 * instruction, by lockfree.c from outside and by reentry.c from inside.
 */
#ifndef LOCKFREE_PATHS_H
#define LOCKFREE_PATHS_H

#include "scene.h"

/* What the other threads do while one is stopped in the path. */
enum others {
    OTHERS_GET_AND_PUT, /* on the path's tier, so many at once that they must refill, flush and steal */
    OTHERS_OVERSIZED,   /* that, and oversized buffers too */
    OTHERS_COLLECT      /* that, and a collection now and then */
};

struct path {
    const char *name;
    /* On the thread that will walk it, all others at rest; NULL: it must not have touched the pool. */
    void (*prepare)(struct scene *scene);
    /* The path. NULL: it is what the thread's end does. */
    void (*run)(struct scene *scene);
    /* Where in bufpool_stats_t is the figure that grows when the path was really taken? Or FIGURE_TOLD. */
    size_t grows;
    enum others others;
    bool first_use;    /* of the path's tier: others keep out of it until then */
    bool first_attach; /* the thread's first call */
    bool no_shards;    /* what is put does not come to the depot, so nothing is stolen */
    unsigned leap;     /* every so many-th instruction is enough; 0: as lockfree.c says */
    struct scene_plan plan;
};

#define FIGURE_TOLD SIZE_MAX /* scene->told */

extern const struct path paths[];
extern const unsigned paths_count;

/* That figure, now. */
uint64_t path_figure(const struct path *path, struct scene *scene);

#endif /* LOCKFREE_PATHS_H */
