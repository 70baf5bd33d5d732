/*
 * bufpool/malloc.h - the drop-in face: malloc and its family, with the C
 * library's signatures and contracts, on bufpool_default(). For libraries that
 * let their user set the allocator, and for code that has malloc in many places.
 *
 * Who serves a request goes by its size and alignment:
 *
 *   the C library  up to half the smallest tier's size (256 bytes by default);
 *                  an alignment above 64; anything while the default pool
 *                  cannot be made, or has no address space left for the size
 *   the pool       everything else; what is above its largest tier as
 *                  bufpool_get serves it, oversized
 *
 * bufpool_free, bufpool_realloc and bufpool_malloc_usable_size take memory of
 * both, and tell them apart by the address alone: nothing is read there. So the
 * face may be installed late, what malloc gave earlier may be freed through it,
 * and memory may cross between libraries that use it and libraries that do not,
 * as long as it is freed through the face. Never give the pool's memory to free.
 *
 * "The C library" is whatever malloc, free and so on are in the process: a
 * preloaded allocator too. A program that defines malloc itself cannot define it
 * by these functions, which call it.
 *
 * The limits and the accounts of the pool are of what it serves; with max_bytes
 * reached these functions return NULL, ENOMEM. A request that the C library
 * serves for want of address space counts as a failed get of the pool.
 *
 * Threads, and when: any thread at any time, like malloc: from constructors
 * before main, in atexit handlers, in destructors of thread-specific data after
 * the thread's private cache has gone, in a forked child of a threaded program.
 * Not from a handler of a signal that may interrupt malloc, which it may call.
 * The hit is bufpool_get's and bufpool_put's: no lock, no atomic
 * read-modify-write, and the same accounts of progress.
 *
 * errno is set on failure and untouched on success.
 *
 * gcc from 11 on is told that bufpool_free takes back what these functions give,
 * and then takes malloc's memory, freed by bufpool_free in the same function, for
 * a mistake (-Wmismatched-dealloc). It is none here: BUFPOOL_NO_PAIRS, defined
 * before the header is included, has it say nothing.
 */
#ifndef BUFPOOL_MALLOC_H
#define BUFPOOL_MALLOC_H

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * bufpool_free - give memory back that one of these functions, or the C library,
 * gave. NULL does nothing. errno is kept.
 *
 * An address of the pool that is no buffer's begin, or a buffer put twice, is
 * misuse as of bufpool_put; any other foreign address is the C library's, and so
 * is what comes of it.
 */
BUFPOOL_API void bufpool_free(void *memory);

/*
 * bufpool_malloc - at least `size` bytes, their contents undefined.
 *
 * Aligned for any type: to 64 from the pool, as malloc does it (16) from the C
 * library. Size 0 is malloc(0): on glibc a pointer of its own, to be freed. NULL
 * with errno ENOMEM when memory, or max_bytes, is out.
 */
BUFPOOL_API BUFPOOL_MUST_USE BUFPOOL_FREED_BY(bufpool_free, 1) void *bufpool_malloc(size_t size);

/*
 * bufpool_calloc - memory for `count` times `size` bytes, which are zero; what
 * there is beyond them is undefined. NULL with errno ENOMEM where the product
 * overflows, or as bufpool_malloc.
 */
BUFPOOL_API BUFPOOL_MUST_USE BUFPOOL_FREED_BY(bufpool_free, 1) void *bufpool_calloc(size_t count,
                                                                                    size_t size);

/*
 * bufpool_realloc - `memory` with at least `size` bytes, here or elsewhere; the
 * bytes up to the smaller of both sizes are kept, on the way between the pool and
 * the C library too.
 *
 * (NULL, n) is bufpool_malloc(n). (memory, 0) frees it and returns NULL, errno
 * untouched, as glibc does. NULL with errno ENOMEM leaves `memory` as it was;
 * making it smaller never fails. In the pool the address stays while the size
 * stays in the same tier. What the C library holds moves to the pool where the
 * new size belongs there, but not beyond the largest tier: there the C library
 * can move pages instead of bytes.
 *
 * A pool's address that nobody can hold is misuse: NULL, EINVAL.
 */
BUFPOOL_API BUFPOOL_MUST_USE BUFPOOL_FREED_BY(bufpool_free, 1) void *bufpool_realloc(void *memory,
                                                                                     size_t size);

/*
 * bufpool_aligned_alloc - bufpool_malloc, aligned to `alignment`, a power of two.
 * An alignment that is none, and one above 64, goes to the C library's
 * aligned_alloc with all that it says of them: glibc 2.36 rounds up to a power of
 * two, and above SIZE_MAX / 2 + 1 returns NULL with errno EINVAL. `size` need not
 * be a multiple.
 */
BUFPOOL_API BUFPOOL_MUST_USE BUFPOOL_FREED_BY(bufpool_free, 1) void *bufpool_aligned_alloc(size_t alignment,
                                                                                           size_t size);

/*
 * bufpool_malloc_usable_size - how many bytes may be used there, at least as many
 * as were asked for; 0 of NULL. Of the pool's memory its capacity.
 */
BUFPOOL_API size_t bufpool_malloc_usable_size(void *memory);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_MALLOC_H */
