/*
 * bufpool/bytebuf.h - growing byte buffers out of a pool that learns how large they should begin.
 *
 * A *bytebuf* is a run of bytes that grows as it is appended to, its memory a
 * buffer of a bufpool, tier by tier. Pooled, it keeps that buffer, so that the next
 * one to take it appends without growing. What is worth keeping the pool learns from
 * what comes back (by bytes used, not by capacity): in windows of BYTEBUF_WINDOW
 * returns it sets
 *
 *   default size   what a fresh bytebuf begins with: the power of two that most
 *                  returned ones fit in
 *   largest kept   the 95th percentile: a bytebuf whose buffer is larger goes back
 *                  into the pool without it
 *
 * Up to 4 KiB is always kept. A bytebuf that is used below a quarter of its
 * buffer five times running loses it, too: one large message does not pin a large
 * buffer for ever.
 *
 * Threads: a bytebuf is used by one thread at a time; everything about a pool may be
 * called from any thread at any time, but destroy. Link bufpool::bytebuf.
 */
#ifndef BUFPOOL_BYTEBUF_H
#define BUFPOOL_BYTEBUF_H

#include <bufpool.h>
#include <stdarg.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bytebuf_pool bytebuf_pool_t;

/* The bytes are data[0] to data[length - 1]; data is NULL while nothing was needed. Change them at will, and
 * length downwards. */
typedef struct bytebuf {
    char *data;
    size_t length;
    size_t capacity;      /* read only */
    bytebuf_pool_t *pool; /* where it belongs; read only */
} bytebuf_t;

/* Returns between two looks at what came back; from valyala/bytebufferpool, measured on servers. */
#define BYTEBUF_WINDOW 42000u

/*
 * What bytebuf_pool_create is told. Start from BYTEBUF_POOL_CONFIG_INIT; the struct is
 * copied, and a field left alone has its default.
 */
typedef struct bytebuf_pool_config {
    size_t struct_size;           /* set by BYTEBUF_POOL_CONFIG_INIT */
    const char *name;             /* in dumps and reports; NULL is "bytebuf" */
    bufpool_t *buffers;           /* where the bytes lie; must outlive the pool; NULL: bufpool_default() */
    size_t default_size;          /* of fresh ones until the first window ends; 0: what is asked for first */
    size_t largest_kept;          /* kept at most, whatever is learned; SIZE_MAX */
    size_t max_idle;              /* bytebufs kept at most; SIZE_MAX */
    uint32_t collect_interval_ms; /* 1000: idle ones go after two of these; 0: only when told */
} bytebuf_pool_config_t;

#define BYTEBUF_POOL_CONFIG_INIT                                                                             \
    {                                                                                                        \
        sizeof(bytebuf_pool_config_t), NULL, NULL, 0, SIZE_MAX, SIZE_MAX, 1000                               \
    }

/* bytebuf_pool_create - 0, or a negative errno with *pool untouched: -EINVAL, and those of objpool_create.
 * NULL config: defaults. */
BUFPOOL_API int bytebuf_pool_create(bytebuf_pool_t **pool, const bytebuf_pool_config_t *config);

/* bytebuf_pool_destroy - let go of all idle bytebufs. Those still out are told on stderr and gone, and the
 * buffers of their bytes stay out of the pool they came from. NULL does nothing. */
BUFPOOL_API void bytebuf_pool_destroy(bytebuf_pool_t *pool);

/* bytebuf_get - an empty bytebuf, perhaps with capacity; NULL with errno ENOMEM. Wait-free where this thread
 * has put one lately. */
BUFPOOL_API bytebuf_t *bytebuf_get(bytebuf_pool_t *pool);

/* bytebuf_put - the end of its bytes. It goes back where it came from, with or without its buffer. NULL does
 * nothing. */
BUFPOOL_API void bytebuf_put(bytebuf_t *bytes);

/*
 * bytebuf_reserve - room for `room` bytes behind the last, which are written there by
 * the caller, who then adds to length with bytebuf_added. NULL with errno ENOMEM, and
 * the bytes are as they were. Grows to at least twice the length, to what the tier
 * holds. The bytes may move.
 */
BUFPOOL_API char *bytebuf_reserve(bytebuf_t *bytes, size_t room);

/* bytebuf_added - so many of the bytes that were reserved are there now. */
static inline void bytebuf_added(bytebuf_t *bytes, size_t count)
{
    bytes->length += count;
}

/* bytebuf_append - 0, or -ENOMEM with nothing appended. `from` may lie in the bytebuf itself. */
BUFPOOL_API int bytebuf_append(bytebuf_t *bytes, const void *from, size_t count);

/* bytebuf_printf, bytebuf_vprintf - append as printf writes, without its end mark: how many bytes, or a
 * negative errno and nothing. */
BUFPOOL_API int bytebuf_printf(bytebuf_t *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
BUFPOOL_API int bytebuf_vprintf(bytebuf_t *bytes, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* bytebuf_reset - no bytes; its buffer stays. */
static inline void bytebuf_reset(bytebuf_t *bytes)
{
    bytes->length = 0;
}

/*
 * bytebuf_read - append what one read(2) gives, `most` bytes at most: how many, 0
 * at the end of the file, or a negative errno (-EAGAIN too) with nothing
 * appended. Interrupted, it reads again.
 */
BUFPOOL_API ssize_t bytebuf_read(bytebuf_t *bytes, int descriptor, size_t most);

/*
 * bytebuf_write - write the bytes from the offset on, as far as one write(2) after
 * another goes, and move *offset along. 0: all is written; or a negative errno (-EAGAIN
 * where the descriptor would block), and *offset says how far it got.
 */
BUFPOOL_API int bytebuf_write(const bytebuf_t *bytes, int descriptor, size_t *offset);

/* bytebuf_iovec - the bytes from `offset` on, for writev and sendmsg. */
static inline struct iovec bytebuf_iovec(const bytebuf_t *bytes, size_t offset)
{
    struct iovec part = {bytes->length > offset ? bytes->data + offset : NULL,
                         bytes->length > offset ? bytes->length - offset : 0};
    return part;
}

/*
 * Since create; exact at rest. Start from BYTEBUF_STATS_INIT. In a forked child all begin at 0 but what was
 * learned, the windows and what was let go, which go on from the parent's.
 */
typedef struct bytebuf_stats {
    size_t struct_size; /* set by BYTEBUF_STATS_INIT; lets the struct grow */

    /* now */
    uint64_t in_use;       /* bytebufs */
    uint64_t idle;         /* bytebufs that wait */
    uint64_t default_size; /* bytes; as learned, or as configured until the first window ends */
    uint64_t largest_kept; /* learned: bytes used; 0: no window has ended */

    /* counters */
    uint64_t gets;          /* bytebufs asked for */
    uint64_t hits;          /* of them, those that found one idle */
    uint64_t failures;      /* of them, those without memory */
    uint64_t returns;       /* bytebufs put */
    uint64_t refusals;      /* of them, those over max_idle */
    uint64_t let_go_large;  /* buffers let go on return, being larger than what is kept */
    uint64_t let_go_unused; /* and being used below a quarter five times running */
    uint64_t windows;       /* of BYTEBUF_WINDOW returns that have ended */
    uint64_t misuses;       /* faults of callers reported */
} bytebuf_stats_t;

#define BYTEBUF_STATS_INIT                                                                                   \
    {                                                                                                        \
        sizeof(bytebuf_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                       \
    }

/* bytebuf_stats - 0; -EINVAL for a NULL or too small struct. Lock-free. */
BUFPOOL_API int bytebuf_stats(bytebuf_pool_t *pool, bytebuf_stats_t *stats);

/*
 * bytebuf_dump - write the statistics as a table, JSON or Prometheus text. 0; -EINVAL for an unknown format
 * or a NULL stream; -EIO when writing failed.
 */
BUFPOOL_API int bytebuf_dump(bytebuf_pool_t *pool, FILE *out, enum bufpool_format format);

/* bytebuf_items - the bufpool in which idle bytebufs lie, without their bytes: for bufpool_collect,
 * bufpool_trim and bufpool_dump. */
BUFPOOL_API bufpool_t *bytebuf_items(bytebuf_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_BYTEBUF_H */
