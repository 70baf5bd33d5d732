/*
 * bufpool/zlib.h - zlib's streams on a pool.
 *
 *     z_stream stream = {0};
 *     bufpool_zlib_use(&stream, pool);
 *     deflateInit(&stream, Z_DEFAULT_COMPRESSION);
 *
 * When: each stream, before its deflateInit or inflateInit. Streams that say
 * nothing stay with the C library; both kinds may be alive at once.
 *
 * Catches: all that zlib asks for a stream, which is five buffers to deflate and
 * two to inflate. deflateCopy and inflateCopy take the copy's from the same pool.
 *
 * Share in the pool (zlib 1.2.13, streams of windowBits 15 and memLevel 8; the
 * test measures it): 100 % of buffers and of bytes. They fit: all but the two
 * states are powers of two, so a stream holds 1.01 times what it asked for to
 * deflate, 1.03 times to inflate. The largest is 64 KiB, with memLevel 9 128 KiB.
 *
 * Not for: gzopen and its like, which have no hook; compress() and uncompress(),
 * which make a stream of their own; a program that makes one stream and resets
 * it, where there is nothing to gain.
 */
#ifndef BUFPOOL_ZLIB_H
#define BUFPOOL_ZLIB_H

#include <bufpool.h>
#include <zlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What zlib calls; `opaque` is the pool. Two 32-bit factors cannot overflow. */
static inline voidpf bufpool_zlib_alloc(voidpf opaque, uInt items, uInt size)
{
    return bufpool_get((bufpool_t *)opaque, (size_t)items * size);
}

static inline void bufpool_zlib_free(voidpf opaque, voidpf address)
{
    (void)bufpool_put((bufpool_t *)opaque, address);
}

/*
 * bufpool_zlib_use - have a stream take its memory from a pool.
 *
 * Changes zalloc, zfree and opaque and nothing else of the stream. A NULL pool is
 * the default pool, also in what zlib calls. The pool must outlive the stream:
 * deflateEnd or inflateEnd come before bufpool_destroy.
 *
 * Cannot fail; where the pool is out of memory, deflateInit returns Z_MEM_ERROR.
 * A stream may be ended on another thread than the one that made it.
 */
static inline void bufpool_zlib_use(z_stream *stream, bufpool_t *pool)
{
    stream->zalloc = bufpool_zlib_alloc;
    stream->zfree = bufpool_zlib_free;
    stream->opaque = pool;
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_ZLIB_H */
