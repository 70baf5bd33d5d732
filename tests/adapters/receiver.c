#include "receiver.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void ring_or_skip(struct io_uring *ring)
{
    int error = io_uring_queue_init(64, ring, 0);

    if (error == -ENOSYS || error == -EPERM || error == -EACCES)
        cr_skip_test("the kernel refuses io_uring: %s (kernel.io_uring_disabled, seccomp or too old)",
                     strerror(-error));
    MUST(error == 0);
}

/* A receive of a socket that has no more to say: 0 where multishot is known, -EINVAL where not. */
static bool knows_multishot(struct receiver *receiver)
{
    int ends[2];

    loopback_pair(ends);
    close(ends[1]);
    receiver->socket = ends[0];
    receiver->multishot = true;
    struct received got = receive(receiver);
    bufpool_uring_give(&receiver->buffers, got.buffer);
    close(ends[0]);
    receiver->is_armed = false;
    receiver->socket = -1;
    return got.result != -EINVAL;
}

void receiver_or_skip(struct receiver *receiver, bufpool_t *pool, unsigned entries, size_t size,
                      bool multishot)
{
    memset(receiver, 0, sizeof *receiver);
    ring_or_skip(&receiver->ring);
    int error = bufpool_uring_open(&receiver->buffers, &receiver->ring, pool, entries, size, 0);
    if (error == -EINVAL)
        cr_skip_test("the kernel has no provided buffer rings (Linux 5.19)");
    MUST(error == 0);
    if (multishot && !knows_multishot(receiver))
        cr_skip_test("the kernel has no multishot receive (Linux 6.0)");
    receiver->multishot = multishot;
}

void receiver_end(struct receiver *receiver)
{
    bufpool_uring_close(&receiver->buffers);
    io_uring_queue_exit(&receiver->ring);
    if (receiver->socket >= 0)
        close(receiver->socket);
}

static void arm(struct receiver *receiver)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&receiver->ring);

    MUST(sqe != NULL);
    bufpool_uring_prep_recv(&receiver->buffers, sqe, receiver->socket, receiver->multishot);
    receiver->is_armed = true;
    receiver->armed++;
}

struct received receive(struct receiver *receiver)
{
    struct io_uring_cqe *cqe;
    struct received got;

    if (!receiver->is_armed)
        arm(receiver);
    /* Of completions that are there already the kernel need not be told. */
    while (io_uring_peek_cqe(&receiver->ring, &cqe) != 0) {
        int error = io_uring_submit_and_wait(&receiver->ring, 1);
        MUST(error >= 0 || error == -EINTR);
    }
    got.result = cqe->res;
    got.buffer = bufpool_uring_take(&receiver->buffers, cqe);
    receiver->is_armed = (cqe->flags & IORING_CQE_F_MORE) != 0;
    receiver->received += got.result > 0 ? (uint64_t)got.result : 0;
    io_uring_cqe_seen(&receiver->ring, cqe);
    return got;
}
