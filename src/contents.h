/*
 * contents - what a keeping pool's buffers hold, and its end: bufpool/contents.h.
 */
#ifndef CONTENTS_H
#define CONTENTS_H

#include "pool.h"

/* What a get is asked for, and what came. */
struct request {
    size_t size;
    const void *site; /* where the program called from */
    bool only_kept;   /* rather nothing than a buffer whose contents are not kept */
    bool kept;        /* out: its contents are what was put */
};

/* What becomes of a buffer that is put. */
enum fate {
    FATE_FILED,    /* idle, its contents kept by a pool that keeps them */
    FATE_RELEASED, /* cold, its contents ended */
    FATE_BARE      /* cold; it has no contents that could end */
};

/*
 * Call the user's `release` for a buffer that is ours alone and about to become
 * cold, or to go. User code: outside any block, with nothing locked.
 */
void contents_end(struct bufpool *pool, void *buffer, size_t capacity);

#endif /* CONTENTS_H */
