/*
 * <bufpool/uring_fixed.h>: registered buffers keep the pages that the kernel knows, whatever collects or
 * trims.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "receiver.h"

#include <sys/mman.h>
#include <unistd.h>

#include "accounts.h"
#include "process.h"
#include "worker.h"

#define COUNT 32
#define BYTES (16 * KIB)

/* A file in memory with the stream in it. */
static int stream_file(size_t count)
{
    char bytes[4 * KIB];
    int file = memfd_create("stream", MFD_CLOEXEC);

    MUST(file >= 0);
    for (size_t done = 0; done < count; done += sizeof bytes) {
        stream_fill(bytes, sizeof bytes, done);
        MUST(write(file, bytes, sizeof bytes) == (ssize_t)sizeof bytes);
    }
    return file;
}

static int complete(struct io_uring *ring)
{
    struct io_uring_cqe *cqe;

    MUST(io_uring_submit(ring) == 1);
    MUST(io_uring_wait_cqe(ring, &cqe) == 0);
    int result = cqe->res;
    io_uring_cqe_seen(ring, cqe);
    return result;
}

static int read_fixed(struct io_uring *ring, int file, void *to, size_t count, uint64_t offset, int index)
{
    io_uring_prep_read_fixed(io_uring_get_sqe(ring), file, to, (unsigned)count, offset, index);
    return complete(ring);
}

static int write_fixed(struct io_uring *ring, int file, const void *from, size_t count, uint64_t offset,
                       int index)
{
    io_uring_prep_write_fixed(io_uring_get_sqe(ring), file, from, (unsigned)count, offset, index);
    return complete(ring);
}

static void trim_all(bufpool_t *pool)
{
    for (int i = 0; i < 3; i++)
        bufpool_collect(pool);
    bufpool_trim(pool);
}

/* Fails when a page of a registered buffer is purged: the kernel would fill the old one, which nobody sees.
 */
Test(adapters_uring_fixed, no_collection_comes_between_the_kernel_and_a_registered_buffer)
{
    bufpool_t *pool = still_pool();
    const bufpool_uring_buffer_t *buffer[COUNT];
    void *neighbours[COUNT];
    struct io_uring ring;
    bufpool_uring_fixed_t fixed;
    int file = stream_file(COUNT * BYTES);
    int copy = memfd_create("copy", MFD_CLOEXEC);

    ring_or_skip(&ring);
    /* Every second buffer of the span is idle and goes home between the registered ones. */
    get_many(pool, BYTES, neighbours, COUNT);
    for (unsigned i = 0; i < COUNT; i += 2)
        bufpool_put(pool, neighbours[i]);
    cr_assert(eq(int, bufpool_uring_fixed_open(&fixed, &ring, pool, COUNT, BYTES), 0));
    for (unsigned i = 1; i < COUNT; i += 2)
        bufpool_put(pool, neighbours[i]);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, COUNT * capacity_of_size(BYTES)));
    trim_all(pool);
    cr_assert(eq(u64, stats_of(pool).committed_bytes, stats_of(pool).in_use_bytes));

    for (unsigned i = 0; i < COUNT; i++) {
        buffer[i] = bufpool_uring_fixed_get(&fixed);
        cr_assert(buffer[i] != NULL);
        cr_assert(eq(int, read_fixed(&ring, file, buffer[i]->address, BYTES, i * BYTES, buffer[i]->index),
                     (int)BYTES));
    }
    trim_all(pool);
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert(stream_is(buffer[i]->address, BYTES, i * BYTES), "buffer %u", i);
        cr_assert(eq(int, write_fixed(&ring, copy, buffer[i]->address, BYTES, i * BYTES, buffer[i]->index),
                     (int)BYTES));
        bufpool_uring_fixed_put(&fixed, buffer[i]);
    }
    char bytes[4 * KIB];
    for (size_t done = 0; done < COUNT * BYTES; done += sizeof bytes) {
        MUST(pread(copy, bytes, sizeof bytes, (off_t)done) == (ssize_t)sizeof bytes);
        cr_assert(stream_is(bytes, sizeof bytes, done));
    }

    cr_assert(eq(int, bufpool_uring_fixed_close(&fixed), 0));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    trim_all(pool);
    cr_assert(eq(u64, stats_of(pool).committed_bytes, 0));
    assert_accounts(pool);
    io_uring_queue_exit(&ring);
    close(copy);
    close(file);
}

/*
 * The control: were a registered buffer idle in the pool, a trim would split it from what the kernel has.
 * Fails when the test above cannot see that.
 */
Test(adapters_uring_fixed, a_registered_buffer_that_was_put_is_split_from_the_kernel_s_pages)
{
    bufpool_config_t config = still_config();
    config.debug = "off"; /* idle memory is looked at, which words and sanitizers forbid */
    bufpool_t *pool = pool_from(&config);
    struct io_uring ring;
    int file = stream_file(BYTES);

    ring_or_skip(&ring);
    char *buffer = bufpool_get(pool, BYTES);
    struct iovec run = {.iov_base = buffer, .iov_len = BYTES};
    cr_assert(eq(int, io_uring_register_buffers(&ring, &run, 1), 0));
    bufpool_put(pool, buffer);
    trim_all(pool);
    cr_assert(eq(int, read_fixed(&ring, file, buffer, BYTES, 0, 0), (int)BYTES));
    cr_assert(not(page_is_present(buffer + 4 * KIB)));
    io_uring_queue_exit(&ring);
    close(file);
}

/* Fails when each buffer takes a place of the kernel's table, which has 16384. */
Test(adapters_uring_fixed, neighbours_are_registered_as_one_run)
{
    bufpool_t *pool = still_pool();
    struct io_uring ring;
    bufpool_uring_fixed_t fixed;

    run_on_cpu(0); /* each CPU carves from a group of its own */
    ring_or_skip(&ring);
    cr_assert(eq(int, bufpool_uring_fixed_open(&fixed, &ring, pool, 4 * COUNT, 4 * KIB), 0));
    cr_assert(lt(uint, fixed.runs, COUNT), "%u runs", fixed.runs);
    const bufpool_uring_buffer_t *buffers[4 * COUNT];
    for (unsigned i = 0; i < 4 * COUNT; i++) {
        buffers[i] = bufpool_uring_fixed_get(&fixed);
        cr_assert(buffers[i] != NULL && buffers[i]->index >= 0 && buffers[i]->index < (int)fixed.runs);
    }
    cr_assert(bufpool_uring_fixed_get(&fixed) == NULL);
    for (unsigned i = 0; i < 4 * COUNT; i++)
        bufpool_uring_fixed_put(&fixed, buffers[i]);
    cr_assert(eq(int, bufpool_uring_fixed_close(&fixed), 0));
    io_uring_queue_exit(&ring);
}

/* Fails when a refused open or close loses a buffer. */
Test(adapters_uring_fixed, what_is_refused_changes_nothing)
{
    bufpool_config_t config = still_config();
    struct io_uring ring;
    bufpool_uring_fixed_t fixed, other;

    config.max_bytes = 8 * (4 * KIB);
    bufpool_t *pool = pool_from(&config);
    ring_or_skip(&ring);
    cr_assert(eq(int, bufpool_uring_fixed_open(&fixed, &ring, pool, 0, 4 * KIB), -EINVAL));
    cr_assert(eq(int, bufpool_uring_fixed_open(&fixed, &ring, pool, 9, 4 * KIB), -ENOMEM));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    cr_assert(eq(int, bufpool_uring_fixed_open(&fixed, &ring, pool, 4, 4 * KIB), 0));
    cr_assert(eq(int, bufpool_uring_fixed_open(&other, &ring, pool, 4, 4 * KIB), -EBUSY));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 4 * (4 * KIB)));

    const bufpool_uring_buffer_t *buffer = bufpool_uring_fixed_get(&fixed);
    cr_assert(eq(int, bufpool_uring_fixed_close(&fixed), -EBUSY));
    bufpool_uring_fixed_put(&fixed, buffer);
    bufpool_uring_fixed_put(&fixed, NULL);
    cr_assert(bufpool_uring_fixed_get(&fixed) == buffer, "the last one put comes first");
    bufpool_uring_fixed_put(&fixed, buffer);
    cr_assert(eq(int, bufpool_uring_fixed_close(&fixed), 0));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    io_uring_queue_exit(&ring);
}
