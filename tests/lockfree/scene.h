/*
 * scene - what one run of a path happens on: pools that nobody has used before,
 * and the buffers that the thread under test has in hand. Every run has a scene of
 * its own, so that it is the same each time, and ends with the accounts.
 */
#ifndef LOCKFREE_SCENE_H
#define LOCKFREE_SCENE_H

#include <bufpool.h>

/* Two tiers: the one that the path is about, and another. A bin of the first holds 8 at most (64 KiB a
 * thread), so that a burst of BURST must go to the depot several times, each way. */
#define SCENE_SIZE ((size_t)4096)
#define SCENE_OTHER_SIZE ((size_t)8192)
#define SCENE_OVERSIZED ((size_t)64 << 10)
#define BURST 24u

#define HELD_MAX 256u

struct scene_plan {
    size_t max_cached_bytes; /* 0: unlimited */
    size_t max_bytes;        /* 0: unlimited; else a get may find no room */
    const char *words;       /* debug words; NULL: none */
    bool cooperative;
    bool reserves; /* pages come without a carve */
};

struct scene {
    bufpool_t *pool;
    bufpool_t *other; /* one more, which the thread may have used last */
    void *held[HELD_MAX];
    unsigned held_count;
    unsigned told; /* calls that tell something, and did */
    const struct scene_plan *plan;
};

void scene_open(struct scene *scene, const struct scene_plan *plan);

/*
 * All threads but the caller have ended or are at rest, and every buffer has been put. NULL, or what does not
 * add up, in a buffer of this thread: misuses, accounts, pages.
 */
const char *scene_fault(struct scene *scene);
void scene_close(struct scene *scene);

/* Get one and hold it; hold one that was got; put the one that came last, or let go of it. */
void scene_get(struct scene *scene, size_t size);
void scene_hold(struct scene *scene, void *buffer);
bool scene_put(struct scene *scene);
void *scene_let_go(struct scene *scene);
void scene_put_all(struct scene *scene);

/* Get `count`, put them: they lie in the bin, and what has no room there in the depot. */
void scene_stock(struct scene *scene, unsigned count);

#endif /* LOCKFREE_SCENE_H */
