/*
 * armour - what a pool with debug words has beside it, and its get and put.
 *
 * The hit knows nothing of it: the records of such a pool never have a key that
 * equals the pool, so every call takes the slow path, and there one test for NULL
 * parts the two. That holds for bufpool/inline.h too.
 *
 *   get:  fail? -> guard, or the pool -> state, integrity, poison, canary, tag, leak
 *   put:  address -> state -> canary -> poison or scrub -> quarantine, drop, or the pool
 *
 * User code (the misuse handler) runs only where no block is entered and the
 * buffer is nobody's but the caller's.
 */
#ifndef ARMOUR_H
#define ARMOUR_H

#include "contents.h"
#include "debug.h"
#include "leak.h"
#include "pool.h"
#include "quarantine.h"
#include "recorder.h"
#include "shadow.h"
#include "sizes.h"

struct armour {
    struct debug debug;
    void *shadows; /* of all spans: one reservation */
    size_t shadows_size;
    struct shadow *oversized; /* one a granule */
    size_t oversized_size;
    /* Calls so far; relaxed: numbers. */
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t gets;
    _Atomic uint64_t puts;
    struct quarantine quarantine;
    struct leaks leaks;
    struct recorder recorder;
    struct sizes sizes;
};

static inline bool armour_has(const struct bufpool *pool, uint32_t words)
{
    return pool->armour != NULL && (pool->armour->debug.words & words) != 0;
}

/* The shadow of the buffer that an address lies in; NULL where there is none. For any address. */
struct shadow *armour_shadow(const struct bufpool *pool, const void *address);

/* Of a pool whose spans are placed and not yet used. 0 or -ENOMEM, and then nothing is left. */
int armour_init(struct bufpool *pool, const struct debug *debug);
void armour_end(struct bufpool *pool);
void armour_after_fork(struct bufpool *pool);

/* ------------------------------------------------------------ armour_flow.c */

/* All of a get but for errno; `tier` may be TIER_NONE. */
void *armour_get(struct bufpool *pool, struct record *record, unsigned tier, struct request *request);

/* All of a put, its address looked at, `site` is where our caller called from; what bufpool_put returns. */
bool armour_put(struct bufpool *pool, struct record *record, unsigned tier, void *buffer, const void *site,
                enum fate fate);

/* An oversized buffer that is in use may be released; false: misuse, reported. */
bool armour_put_oversized(struct bufpool *pool, void *buffer, size_t capacity, const void *site);

/* A buffer's bytes are not what a put left: it has just been carved. And it is idle, without a put. */
void armour_carved(struct bufpool *pool, void *buffer);
void armour_reserved(struct bufpool *pool, void *buffer);

/* May anybody hold this buffer, and how many of its `*usable` bytes may he use? False: misuse, reported. */
bool armour_may_use(struct bufpool *pool, const char *call, const void *buffer, size_t *usable,
                    const void *site);

/* With `guard` a buffer whose end moves is got anew. */
bool armour_may_stay(const struct bufpool *pool, size_t capacity, size_t size);

/* A buffer of `capacity` stays where it is and is from now on `size` bytes long; false: misuse, reported. */
bool armour_resize(struct bufpool *pool, void *buffer, size_t capacity, size_t size, const void *site);

#endif /* ARMOUR_H */
