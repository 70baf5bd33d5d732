/*
 * <bufpool/uring.h>: provided buffer rings, over TCP on loopback.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "receiver.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accounts.h"
#include "process.h"

/* ------------------------------------------------------------ a million messages */

#define MESSAGE_BYTES 512
#define WARM_MESSAGES ((uint64_t)20000)
#define MESSAGES ((uint64_t)1000000) /* after those */
#define STREAM ((WARM_MESSAGES + MESSAGES) * MESSAGE_BYTES)
#define ENTRIES 256
#define KEPT 64 /* buffers the consumer has at any time */

struct run {
    bufpool_t *pool;
    struct receiver receiver;
    bufpool_stats_t warm, end;
    uint64_t completions; /* that brought data, after the warm-up */
    uint64_t armed;       /* receives submitted after the warm-up */
    uint64_t submitted;   /* requests of any kind submitted after the warm-up */
    void *kept[KEPT];
    bool good;
    atomic_bool done;
};

/* Every second buffer goes back into the ring at once, the others are kept for a while and put to the pool.
 */
static void consume(struct run *run, void *buffer)
{
    if (run->completions % 2 == 0) {
        bufpool_uring_give(&run->receiver.buffers, buffer);
        return;
    }
    void **slot = &run->kept[run->completions / 2 % KEPT];
    bufpool_put(run->pool, *slot);
    *slot = buffer;
}

static bool receive_until(struct run *run, uint64_t bytes)
{
    struct receiver *receiver = &run->receiver;

    while (receiver->received < bytes) {
        struct received got = receive(receiver);
        if (got.result <= 0 && got.result != -ENOBUFS)
            return false;
        if (got.buffer != NULL) {
            if (!stream_is(got.buffer, (size_t)got.result, receiver->received - (size_t)got.result))
                return false;
            run->completions++;
            consume(run, got.buffer);
        }
        bufpool_uring_fill(&receiver->buffers);
    }
    return true;
}

/* Never returns: a thread that may make no system call cannot end. The process does. */
_Noreturn static void *receive_a_million(void *arg)
{
    struct run *run = arg;
    struct receiver *receiver = &run->receiver;
    sigset_t none;

    sigfillset(&none);
    run->good = receive_until(run, WARM_MESSAGES * MESSAGE_BYTES);
    run->warm = stats_of(run->pool);
    run->completions = 0;
    run->armed = receiver->armed;
    run->submitted = receiver->ring.sq.sqe_tail;
    forbid_system_calls_but(SYS_io_uring_enter, SYS_rt_sigsuspend);
    run->good = run->good && receive_until(run, STREAM);
    run->end = stats_of(run->pool);
    run->armed = receiver->armed - run->armed;
    run->submitted = (unsigned)(receiver->ring.sq.sqe_tail - (unsigned)run->submitted);
    atomic_store(&run->done, true);
    for (;;)
        sigsuspend(&none);
}

static void million_messages(bool multishot)
{
    static struct run run; /* outlives the test's frame, as its thread does */
    struct sender sender;
    pthread_t thread;
    int ends[2];

    run.pool = still_pool();
    receiver_or_skip(&run.receiver, run.pool, ENTRIES, MESSAGE_BYTES, multishot);
    loopback_pair(ends);
    run.receiver.socket = ends[0];
    sender_start(&sender, ends[1], STREAM);
    cr_assert(eq(int, pthread_create(&thread, NULL, receive_a_million, &run), 0));
    while (!atomic_load(&run.done))
        sched_yield();
    sender_end(&sender);

    cr_assert(run.good, "byte %lu is not the stream's", (unsigned long)run.receiver.received);
    cr_assert(ge(u64, run.completions, MESSAGES));
    cr_assert(eq(u64, run.end.carves, run.warm.carves));
    cr_assert(eq(u64, run.end.oversized_gets, run.warm.oversized_gets));
    cr_assert(eq(u64, run.end.failures, 0));
    cr_assert(gt(u64, run.end.gets - run.warm.gets, run.completions / 3));
    cr_assert(gt(dbl, hit_rate(&run.warm, &run.end), 0.99));
    /* No request but receives: none that provides buffers. */
    cr_assert(eq(u64, run.submitted, run.armed));
    printf("uring: %lu completions, %lu gets, %.4f %% hits, %lu receives submitted, 0 calls for buffers\n",
           (unsigned long)run.completions, (unsigned long)(run.end.gets - run.warm.gets),
           100 * hit_rate(&run.warm, &run.end), (unsigned long)run.armed);

    for (unsigned i = 0; i < KEPT; i++)
        bufpool_put(run.pool, run.kept[i]);
    receiver_end(&run.receiver);
    cr_assert(eq(u64, stats_of(run.pool).in_use_bytes, 0));
    assert_accounts(run.pool);
}

/* Fails when a refill of the ring asks the kernel for anything: the thread would be killed by SIGSYS. */
Test(adapters_uring, a_million_messages_by_multishot_make_no_system_call_for_buffers)
{
    million_messages(true);
}

Test(adapters_uring, a_million_messages_by_single_receives_make_no_system_call_for_buffers)
{
    million_messages(false);
}

/* ------------------------------------------------------------ the contract */

#define SMALL_BYTES ((size_t)1024)

/* Fails when a refused open keeps a buffer or the group. */
Test(adapters_uring, a_refused_open_keeps_nothing)
{
    bufpool_config_t config = still_config();
    struct receiver receiver;
    bufpool_uring_t other;

    config.max_bytes = 8 * SMALL_BYTES;
    bufpool_t *pool = pool_from(&config);
    receiver_or_skip(&receiver, pool, 4, SMALL_BYTES, true);
    struct io_uring *ring = &receiver.ring;
    uint64_t in_use = stats_of(pool).in_use_bytes;
    cr_assert(eq(u64, in_use, 4 * SMALL_BYTES));

    cr_assert(eq(int, bufpool_uring_open(&other, ring, pool, 0, SMALL_BYTES, 1), -EINVAL));
    cr_assert(eq(int, bufpool_uring_open(&other, ring, pool, 3, SMALL_BYTES, 1), -EINVAL));
    cr_assert(eq(int, bufpool_uring_open(&other, ring, pool, 65536, SMALL_BYTES, 1), -EINVAL));
    cr_assert(eq(int, bufpool_uring_open(&other, ring, pool, 4, 0, 1), -EINVAL));
    cr_assert(eq(int, bufpool_uring_open(&other, ring, pool, 4, SMALL_BYTES, 0), -EEXIST));
    cr_assert(eq(int, bufpool_uring_open(&other, ring, pool, 8, SMALL_BYTES, 1), -ENOMEM));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, in_use));
    cr_assert(eq(int, bufpool_uring_open(&other, ring, pool, 4, SMALL_BYTES, 1), 0));
    bufpool_uring_close(&other);
    receiver_end(&receiver);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
}

/* Fails when the kernel is handed a buffer that it would write beyond. */
Test(adapters_uring, a_buffer_too_small_or_too_many_goes_to_the_pool)
{
    bufpool_t *pool = still_pool();
    struct receiver receiver;
    struct io_uring_cqe cqe = {.flags = IORING_CQE_F_BUFFER, .res = 1};

    receiver_or_skip(&receiver, pool, 4, SMALL_BYTES, true);
    cr_assert(not(bufpool_uring_give(&receiver.buffers, bufpool_get(pool, SMALL_BYTES))));
    void *taken = bufpool_uring_take(&receiver.buffers, &cqe);
    cr_assert(taken != NULL);
    cr_assert(bufpool_uring_take(&receiver.buffers, &cqe) == NULL, "a completion has one buffer");
    cr_assert(not(bufpool_uring_give(&receiver.buffers, bufpool_get(pool, 512))));
    cr_assert(not(bufpool_uring_give(&receiver.buffers, NULL)));
    cr_assert(bufpool_uring_give(&receiver.buffers, bufpool_get(pool, 2 * SMALL_BYTES)));
    cr_assert(eq(uint, bufpool_uring_fill(&receiver.buffers), 4));
    bufpool_put(pool, taken);
    receiver_end(&receiver);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    assert_accounts(pool);
}

/* Fails when a buffer gets lost with a connection that breaks, or ends before it sent anything. */
Test(adapters_uring, connections_that_break_cost_no_buffer)
{
    bufpool_t *pool = still_pool();
    struct receiver receiver;

    receiver_or_skip(&receiver, pool, 4, SMALL_BYTES, true);
    for (unsigned i = 0; i < 40; i++) {
        struct linger reset = {.l_onoff = 1};
        int ends[2];
        loopback_pair(ends);
        receiver.socket = ends[0];
        receiver.is_armed = false;
        if (i % 2 == 0)
            MUST(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
        close(ends[1]);
        struct received got = receive(&receiver);
        cr_assert(eq(int, got.result, i % 2 == 0 ? -ECONNRESET : 0));
        bufpool_uring_give(&receiver.buffers, got.buffer);
        close(ends[0]);
        receiver.socket = -1;
    }
    cr_assert(eq(uint, bufpool_uring_fill(&receiver.buffers), 4));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 4 * SMALL_BYTES));
    receiver_end(&receiver);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
}
