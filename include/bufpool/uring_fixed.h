/*
 * bufpool/uring_fixed.h - registered ("fixed") buffers of io_uring, borrowed from a pool. Comes with
 * <bufpool/uring.h>, which says what both need.
 *
 * When to install it. For O_DIRECT reads and writes, and zero-copy sends: the kernel pins the pages once,
 * when they are registered, and not for each request. One bufpool_uring_fixed_t a ring; it belongs to one
 * thread at a time.
 *
 * What it catches. The buffers of IORING_OP_READ_FIXED, WRITE_FIXED and SEND_ZC, all of them; none of it is a
 * get or a put of the pool, which lends them once.
 *
 * What it does not fit. Buffers that come from elsewhere; ordinary recv, which has no fixed form.
 */
#ifndef BUFPOOL_URING_FIXED_H
#define BUFPOOL_URING_FIXED_H

#include <bufpool.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One registered buffer: what a request needs. `index` is not its number: neighbours are registered as one
 * run, and share it.
 */
typedef struct bufpool_uring_buffer {
    void *address;
    int index;                         /* for io_uring_prep_read_fixed and its like */
    struct bufpool_uring_buffer *next; /* of those nobody uses */
} bufpool_uring_buffer_t;

/* Yours to place, its fields are not: but `count` and `runs`, to be read. */
typedef struct bufpool_uring_fixed {
    struct io_uring *ring;
    bufpool_t *pool;
    bufpool_uring_buffer_t *buffer;
    bufpool_uring_buffer_t *unused;
    unsigned unused_count;
    unsigned count;
    unsigned runs; /* entries of the kernel's table */
} bufpool_uring_fixed_t;

/*
 * bufpool_uring_fixed_open - register `count` buffers of `size` bytes with the ring, neighbours as one.
 *
 * The kernel pins the pages it is told of. Were they purged while it has them, it would go on writing to
 * pages that nobody else sees. So registered buffers are borrowed from the pool, all of them until
 * bufpool_uring_fixed_close: what is in use is never purged, whatever collects or trims. They count as
 * in_use_bytes.
 *
 * Returns 0, or a negative errno with nothing registered and every buffer back in the pool:
 *   -EINVAL  count is 0 or above 1 << 20
 *   -EBUSY   this ring has fixed buffers already
 *   -ENOMEM  no memory, max_bytes, or more than RLIMIT_MEMLOCK allows to pin
 *   any other: what the kernel says to io_uring_register
 */
static inline int bufpool_uring_fixed_open(bufpool_uring_fixed_t *fixed, struct io_uring *ring,
                                           bufpool_t *pool, unsigned count, size_t size);

/* bufpool_uring_fixed_close - unregister; all go to the pool. 0, or -EBUSY with nothing done while one is in
 * use. */
static inline int bufpool_uring_fixed_close(bufpool_uring_fixed_t *fixed);

/* bufpool_uring_fixed_get - one that nobody uses, the last that was put; NULL where there is none. */
static inline const bufpool_uring_buffer_t *bufpool_uring_fixed_get(bufpool_uring_fixed_t *fixed);

/* bufpool_uring_fixed_put - done with it; no request on it may be in flight. NULL does nothing. */
static inline void bufpool_uring_fixed_put(bufpool_uring_fixed_t *fixed,
                                           const bufpool_uring_buffer_t *buffer);

/* ------------------------------------------------------------ inline parts */

/* The kernel's limit for one entry of its table. */
#define BUFPOOL_URING_RUN_MAX ((size_t)1 << 30)

static inline int bufpool_uring_compare(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;

    return a < b ? -1 : a > b;
}

/* Buffers in the order of their addresses become runs of neighbours. Returns how many. */
static inline unsigned bufpool_uring_runs(bufpool_uring_fixed_t *fixed, struct iovec *run)
{
    unsigned runs = 0;

    for (unsigned i = 0; i < fixed->count; i++) {
        char *address = (char *)fixed->buffer[i].address;
        size_t capacity = bufpool_capacity(fixed->pool, address);
        struct iovec *last = run + runs - (runs > 0);

        if (runs > 0 && (char *)last->iov_base + last->iov_len == address &&
            last->iov_len + capacity <= BUFPOOL_URING_RUN_MAX) {
            last->iov_len += capacity;
        } else {
            run[runs].iov_base = address;
            run[runs++].iov_len = capacity;
        }
        fixed->buffer[i].index = (int)runs - 1;
    }
    return runs;
}

static inline void bufpool_uring_fixed_put(bufpool_uring_fixed_t *fixed, const bufpool_uring_buffer_t *buffer)
{
    if (buffer == NULL)
        return;
    bufpool_uring_buffer_t *mine = fixed->buffer + (buffer - fixed->buffer);
    mine->next = fixed->unused;
    fixed->unused = mine;
    fixed->unused_count++;
}

static inline const bufpool_uring_buffer_t *bufpool_uring_fixed_get(bufpool_uring_fixed_t *fixed)
{
    bufpool_uring_buffer_t *buffer = fixed->unused;

    if (buffer != NULL) {
        fixed->unused = buffer->next;
        fixed->unused_count--;
    }
    return buffer;
}

static inline int bufpool_uring_fixed_close(bufpool_uring_fixed_t *fixed)
{
    if (fixed->unused_count != fixed->count)
        return -EBUSY;
    io_uring_unregister_buffers(fixed->ring);
    for (unsigned i = 0; i < fixed->count; i++)
        bufpool_put(fixed->pool, fixed->buffer[i].address);
    free(fixed->buffer);
    return 0;
}

static inline int bufpool_uring_fixed_open(bufpool_uring_fixed_t *fixed, struct io_uring *ring,
                                           bufpool_t *pool, unsigned count, size_t size)
{
    int error = -ENOMEM;
    size_t got = 0;

    if (count == 0 || count > 1u << 20)
        return -EINVAL;
    fixed->ring = ring;
    fixed->pool = pool;
    fixed->count = count;
    fixed->unused = NULL;
    fixed->unused_count = 0;
    fixed->buffer = (bufpool_uring_buffer_t *)calloc(count, sizeof *fixed->buffer);
    struct iovec *run = (struct iovec *)calloc(count, sizeof *run);
    void **address = (void **)calloc(count, sizeof *address);
    bool has_arrays = fixed->buffer != NULL && run != NULL && address != NULL;
    if (has_arrays)
        got = bufpool_get_batch(pool, size, address, count);
    if (has_arrays && got == count) {
        qsort(address, count, sizeof *address, bufpool_uring_compare);
        for (unsigned i = 0; i < count; i++)
            fixed->buffer[i].address = address[i];
        fixed->runs = bufpool_uring_runs(fixed, run);
        error = io_uring_register_buffers(ring, run, fixed->runs);
        /* The lowest is on top: a light load uses neighbours. */
        for (unsigned i = count; i > 0; i--)
            bufpool_uring_fixed_put(fixed, &fixed->buffer[i - 1]);
    }
    if (error != 0) {
        if (got > 0)
            bufpool_put_batch(pool, address, got);
        free(fixed->buffer);
    }
    free(address);
    free(run);
    return error;
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_URING_FIXED_H */
