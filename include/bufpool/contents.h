/*
 * bufpool/contents.h - pools whose idle buffers keep what is in them.
 *
 * What is dear to make need not be made again for each borrower: a parser's
 * tables, a context with its locks, a page with a header. In a *keeping* pool a
 * buffer's contents stay as its last holder left them while it is private, shared
 * or victim; bufpool_get_kept tells whether this is such a buffer or a bare one.
 * When it leaves these generations, by a collection, a trim, a refused put or
 * destroy, `release` is called for it, exactly once, before its pages can go;
 * from then on it is cold, and whoever gets it gets it bare.
 *
 * bufpool/objpool.h is objects with a constructor on top of this.
 */
#ifndef BUFPOOL_CONTENTS_H
#define BUFPOOL_CONTENTS_H

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Called for a buffer whose contents end. The buffer is nobody else's meanwhile.
 * It may block, and may use this pool and others, but not destroy this one, nor put the
 * buffer itself.
 */
typedef void (*bufpool_release_fn)(void *buffer, void *arg);

/*
 * bufpool_create_keeping - bufpool_create, of a keeping pool.
 *
 * `release` is run by whoever runs the collection, the trim (which a get runs
 * too, where memory is out) or destroy, and by a put for the buffer it refuses,
 * with no lock of the pool held and never between two steps of somebody's hit. Where
 * collect_interval_ms is not 0, the pool has a collecting thread of its own, so
 * that a `release` which blocks stops no other pool's collections. NULL: there is nothing
 * to be done.
 *
 * min_cached_bytes are kept with their contents, which is not promised to be
 * the newest. Of the debug words those that write to buffers or hand out cold ones first
 * (poison, integrity, cold-first, scrub) count for nothing here. In a forked child idle
 * buffers are forgotten as in any pool, and not released. Where such a pool has one tier,
 * destroy tells what is still out as so many objects.
 *
 * Returns what bufpool_create returns; also -EINVAL with BUFPOOL_SCRUB_ON_PUT.
 */
BUFPOOL_API int bufpool_create_keeping(bufpool_t **pool, const bufpool_config_t *config,
                                       bufpool_release_fn release, void *arg);

/*
 * bufpool_get_kept - bufpool_get, which tells what it got: *kept is true where
 * the contents are what its last holder put, false where they mean nothing, and
 * for a pool that keeps none. Untouched on failure.
 *
 * A hit costs a few nanoseconds more than one of bufpool_get.
 */
BUFPOOL_API void *bufpool_get_kept(bufpool_t *pool, size_t size, bool *kept);

/*
 * bufpool_get_idle - a buffer with its contents, or NULL where none is idle.
 * Never carves, takes a cold one or asks the system. NULL is no failure: it is
 * not counted, and errno is as it was. Of a pool that keeps nothing: NULL.
 */
BUFPOOL_API void *bufpool_get_idle(bufpool_t *pool, size_t size);

/*
 * bufpool_discard - put a buffer whose contents are not worth keeping, or never
 * came to be. It is cold at once, and counts as a put that was refused
 * (refused_limit). `release`: in a keeping pool its `release` is called first. Misuse is
 * reported as bufpool_put does it. In any pool.
 */
BUFPOOL_API void bufpool_discard(bufpool_t *pool, void *buffer, bool release);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_CONTENTS_H */
