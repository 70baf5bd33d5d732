/*
 * bufpool/uring.h - io_uring receives into pooled buffers, without a system call for buffers.
 *
 * Two adapters, over liburing 2.3 or newer; needs -luring and -lbufpool.
 *
 * bufpool_uring_t, here: a provided buffer ring (Linux 5.19), filled from one tier. The kernel picks a buffer
 * when data is there, so a connection that waits holds none.
 *
 * bufpool_uring_fixed_t, in bufpool/uring_fixed.h, which comes with this header: registered ("fixed")
 * buffers.
 *
 * When to install it. A server that receives with io_uring: open one bufpool_uring_t for each ring, before
 * the first receive. Both belong to one thread at a time, as their io_uring does. The buffers do not: what
 * bufpool_uring_take gave may be put to the pool on any thread.
 *
 * What it catches. Every buffer of every receive with its group: 1,000,000 of 1,000,000 messages in
 * tests/adapters/uring.c, 100 % of them hits once warm, and no system call but io_uring_enter. liburing's own
 * memory (rings, mapped by the kernel) is no buffer, and none of it is in the pool.
 *
 * What it does not fit. Kernels before 5.19, or where io_uring is refused (kernel.io_uring_disabled, seccomp
 * profiles of containers): open says so, and a program needs another way. Messages that must lie in one
 * buffer and are larger than it. A group whose completions are read by several threads at once. Incremental
 * consumption (IOU_PBUF_RING_INC). fork: the child must not touch the ring, and what is in it is not the
 * child's.
 *
 *     bufpool_uring_t buffers;
 *     int error = bufpool_uring_open(&buffers, &ring, pool, 256, 16384, 0);
 *     ...
 *     bufpool_uring_prep_recv(&buffers, io_uring_get_sqe(&ring), socket, true);
 *     ...
 *     char *data = bufpool_uring_take(&buffers, cqe);   // cqe->res bytes, yours now; or NULL
 *     bufpool_uring_give(&buffers, data);               // done at once: back into the ring; or keep it,
 *     bufpool_put(pool, data);                          // give it back later, on any thread,
 *     unsigned there = bufpool_uring_fill(&buffers);    // and top the ring up with fresh ones meanwhile
 *
 * Back-pressure. A ring that has run dry ends a receive with -ENOBUFS; the data stays in the socket and
 * nothing is lost. Do not receive again before bufpool_uring_give or a bufpool_uring_fill that returns more
 * than 0. Who only gives holds at most as many buffers as the ring has entries; who fills holds what the pool
 * allows: bound that with max_bytes, and fill when the consumer has put some back, not in a loop.
 *
 * No function here blocks but in the kernel. In C++ the same.
 */
#ifndef BUFPOOL_URING_H
#define BUFPOOL_URING_H

#include <bufpool.h>
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ provided buffers */

/* Yours to place, its fields are not: but `entries`, `size` and `group`, to be read. */
typedef struct bufpool_uring {
    struct io_uring *ring;
    bufpool_t *pool;
    struct io_uring_buf_ring *slots; /* shared with the kernel: we write slots and tail, it reads */
    void **buffer;                   /* by the id the kernel names it with; NULL: this id is free */
    uint16_t *free_id;               /* a stack of the ids that are free */
    unsigned free_count;
    unsigned entries;
    unsigned size;
    size_t mapped_bytes;
    uint16_t group;
} bufpool_uring_t;

/*
 * bufpool_uring_open - register a ring of `entries` buffers of `size` bytes each as buffer group `group`, and
 * fill it.
 *
 * Returns 0, or a negative errno with nothing registered and every buffer back in the pool:
 *   -EINVAL  entries is no power of two or above 32768, size is 0 or above 1 GiB; or a kernel before 5.19
 *   -EEXIST  the group has buffers already
 *   -ENOMEM  no memory, or max_bytes
 *   any other: what the kernel says to io_uring_register
 */
static inline int bufpool_uring_open(bufpool_uring_t *buffers, struct io_uring *ring, bufpool_t *pool,
                                     unsigned entries, size_t size, uint16_t group);

/*
 * bufpool_uring_close - unregister the ring; what is in it goes to the pool, what was taken stays yours.
 *
 * No receive with this group may be in flight: cancel it and see its completion first.
 */
static inline void bufpool_uring_close(bufpool_uring_t *buffers);

/*
 * bufpool_uring_prep_recv - make `sqe` a receive from `socket` into a buffer that the kernel picks.
 *
 * `multishot`: it goes on until a completion comes without IORING_CQE_F_MORE (Linux 6.0; an older one
 * completes it with -EINVAL). Set flags of your own in sqe->flags with |=, afterwards.
 */
static inline void bufpool_uring_prep_recv(const bufpool_uring_t *buffers, struct io_uring_sqe *sqe,
                                           int socket, bool multishot);

/*
 * bufpool_uring_take - the buffer of a completion; it is yours, and its place in the ring is empty.
 *
 * To be called for every completion of a receive with this group, once, also of a failed one and at the end
 * of the stream (res 0): those mostly come without a buffer, and it returns NULL.
 */
static inline void *bufpool_uring_take(bufpool_uring_t *buffers, const struct io_uring_cqe *cqe);

/*
 * bufpool_uring_give - put a buffer into the ring; where that is full, or the buffer too small for it, into
 * the pool.
 *
 * Any buffer of the pool will do, not just one that was taken. NULL does nothing. It is no longer yours.
 * Returns true where the ring has it.
 */
static inline bool bufpool_uring_give(bufpool_uring_t *buffers, void *buffer);

/*
 * bufpool_uring_fill - get a buffer from the pool for each empty place. Returns how many the ring has then,
 * which is less than its entries where a get failed (errno is ENOMEM then).
 *
 * The kernel takes buffers meanwhile: what was taken and not yet seen in a completion still counts as there.
 */
static inline unsigned bufpool_uring_fill(bufpool_uring_t *buffers);

/* ------------------------------------------------------------ inline parts */

/* Into the ring's memory, `offset` places behind the tail that the kernel knows. */
static inline void bufpool_uring_place(bufpool_uring_t *buffers, void *buffer, unsigned offset)
{
    uint16_t id = buffers->free_id[--buffers->free_count];

    buffers->buffer[id] = buffer;
    io_uring_buf_ring_add(buffers->slots, buffer, buffers->size, id, (int)buffers->entries - 1, (int)offset);
}

/* gcc's analyzer sees no owner in a ring that the kernel reads. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static inline unsigned bufpool_uring_fill(bufpool_uring_t *buffers)
{
    unsigned added = 0;

    while (buffers->free_count > 0) {
        void *buffer = bufpool_get(buffers->pool, buffers->size);
        if (buffer == NULL)
            break;
        bufpool_uring_place(buffers, buffer, added++);
    }
    /* A release store of the tail: the kernel sees the places before it sees that they are there. */
    io_uring_buf_ring_advance(buffers->slots, (int)added);
    return buffers->entries - buffers->free_count;
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

static inline bool bufpool_uring_give(bufpool_uring_t *buffers, void *buffer)
{
    if (buffer == NULL)
        return false;
    if (buffers->free_count == 0 || bufpool_capacity(buffers->pool, buffer) < buffers->size) {
        bufpool_put(buffers->pool, buffer);
        return false;
    }
    bufpool_uring_place(buffers, buffer, 0);
    io_uring_buf_ring_advance(buffers->slots, 1);
    return true;
}

static inline void *bufpool_uring_take(bufpool_uring_t *buffers, const struct io_uring_cqe *cqe)
{
    uint32_t id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

    if ((cqe->flags & IORING_CQE_F_BUFFER) == 0 || id >= buffers->entries || buffers->buffer[id] == NULL)
        return NULL;
    void *buffer = buffers->buffer[id];
    buffers->buffer[id] = NULL;
    buffers->free_id[buffers->free_count++] = (uint16_t)id;
    return buffer;
}

static inline void bufpool_uring_prep_recv(const bufpool_uring_t *buffers, struct io_uring_sqe *sqe,
                                           int socket, bool multishot)
{
    if (multishot)
        io_uring_prep_recv_multishot(sqe, socket, NULL, 0, 0);
    else
        io_uring_prep_recv(sqe, socket, NULL, buffers->size, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = buffers->group;
}

/* What the ring holds goes to the pool, its books to the system. */
static inline void bufpool_uring_release(bufpool_uring_t *buffers)
{
    for (unsigned id = 0; id < buffers->entries; id++)
        bufpool_put(buffers->pool, buffers->buffer[id]);
    munmap(buffers->slots, buffers->mapped_bytes);
}

static inline void bufpool_uring_close(bufpool_uring_t *buffers)
{
    io_uring_unregister_buf_ring(buffers->ring, buffers->group);
    bufpool_uring_release(buffers);
}

static inline int bufpool_uring_open(bufpool_uring_t *buffers, struct io_uring *ring, bufpool_t *pool,
                                     unsigned entries, size_t size, uint16_t group)
{
    struct io_uring_buf_reg reg;
    size_t bytes = entries * (sizeof(struct io_uring_buf) + sizeof(void *) + sizeof(uint16_t));
    int error;

    if (entries == 0 || entries > 32768 || (entries & (entries - 1)) != 0 || size == 0 ||
        size > (size_t)1 << 30)
        return -EINVAL;
    /* Zeroed, and on a page of its own: the kernel asks for that and pins it. Our books lie behind. */
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    buffers->ring = ring;
    /* A get of NULL is never a hit in the private cache: of the default pool itself it is. */
    buffers->pool = pool != NULL ? pool : bufpool_default();
    buffers->slots = (struct io_uring_buf_ring *)memory;
    buffers->buffer = (void **)((struct io_uring_buf *)memory + entries);
    buffers->free_id = (uint16_t *)(buffers->buffer + entries);
    buffers->entries = entries;
    buffers->size = (unsigned)size;
    buffers->mapped_bytes = bytes;
    buffers->group = group;
    for (buffers->free_count = 0; buffers->free_count < entries; buffers->free_count++)
        buffers->free_id[buffers->free_count] = (uint16_t)buffers->free_count;

    memset(&reg, 0, sizeof reg);
    reg.ring_addr = (uintptr_t)memory;
    reg.ring_entries = entries;
    reg.bgid = group;
    error = io_uring_register_buf_ring(ring, &reg, 0);
    if (error < 0) {
        bufpool_uring_release(buffers);
        return error;
    }
    if (bufpool_uring_fill(buffers) < entries) {
        bufpool_uring_close(buffers);
        return -ENOMEM;
    }
    return 0;
}

#ifdef __cplusplus
}
#endif

#include <bufpool/uring_fixed.h>

#endif /* BUFPOOL_URING_H */
