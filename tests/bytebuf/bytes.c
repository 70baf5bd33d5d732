/*
 * What a bytebuf holds is what was appended, whatever it grew through. Named after
 * the tests of valyala/bytebufferpool and oxtoacart/bpool where they have one.
 */
#include <bufpool/bytebuf.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"

static bytebuf_pool_t *pool_on(bufpool_t *buffers)
{
    bytebuf_pool_config_t config = BYTEBUF_POOL_CONFIG_INIT;
    bytebuf_pool_t *pool = NULL;
    config.buffers = buffers;
    config.collect_interval_ms = 0;
    MUST(bytebuf_pool_create(&pool, &config) == 0);
    return pool;
}

static bytebuf_t *bytes_of(bytebuf_pool_t *pool)
{
    bytebuf_t *bytes = bytebuf_get(pool);
    MUST(bytes != NULL && bytes->length == 0);
    return bytes;
}

/* The end of both, with nothing of the buffers in use. */
static void end(bytebuf_pool_t *pool, bufpool_t *buffers)
{
    bytebuf_pool_destroy(pool);
    cr_assert(eq(u64, stats_of(buffers).in_use_bytes, 0));
    bufpool_destroy(buffers);
}

/* Fails when growing loses, repeats or moves a byte: lengths around every tier's border. */
Test(bytebuf_bytes, TestByteBuffer_appended_bytes_are_there_in_order)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_t *pool = pool_on(buffers);
    enum { ALL = 3 * MIB };
    unsigned char *model = malloc(ALL);
    uint64_t random = 7;

    for (int round = 0; round < 8; round++) {
        bytebuf_t *bytes = bytes_of(pool);
        size_t length = 0;
        while (length < ALL) {
            size_t count = random_size(&random, 100000);
            count = count < ALL - length ? count : ALL - length;
            fill(model + length, count, random);
            cr_assert(eq(int, bytebuf_append(bytes, model + length, count), 0));
            length += count;
            cr_assert(eq(sz, bytes->length, length));
            cr_assert(ge(sz, bytes->capacity, length));
        }
        cr_assert(eq(int, memcmp(bytes->data, model, ALL), 0));
        bytebuf_put(bytes);
    }
    free(model);
    end(pool, buffers);
}

/* Fails when growth reads what has moved away: bytes are appended to themselves. */
Test(bytebuf_bytes, a_bytebuf_may_be_appended_to_itself)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_t *pool = pool_on(buffers);
    bytebuf_t *bytes = bytes_of(pool);

    cr_assert(eq(int, bytebuf_append(bytes, "abcdefgh", 8), 0));
    while (bytes->length < MIB)
        cr_assert(eq(int, bytebuf_append(bytes, bytes->data, bytes->length), 0));
    for (size_t i = 0; i < bytes->length; i++)
        cr_assert(eq(chr, bytes->data[i], (char)('a' + i % 8)), "%zu", i);
    bytebuf_put(bytes);
    end(pool, buffers);
}

/* Fails when doubling is not: a million appends of a byte must move few bytes, so few gets. */
Test(bytebuf_bytes, appending_byte_by_byte_grows_a_few_times_only)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_t *pool = pool_on(buffers);
    bytebuf_t *bytes = bytes_of(pool);

    for (size_t i = 0; i < MIB; i++)
        MUST(bytebuf_append(bytes, "x", 1) == 0);
    cr_assert(le(u64, stats_of(buffers).gets, 13), "512, 1K, 2K ... 1M, and one more");
    bytebuf_put(bytes);
    end(pool, buffers);
}

/* Fails when the end mark is counted, a long text is cut, or arguments are read once only. */
Test(bytebuf_bytes, printf_appends_what_snprintf_writes)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_t *pool = pool_on(buffers);
    bytebuf_t *bytes = bytes_of(pool);
    char model[8192];
    size_t length = 0;

    for (int width = 0; width < 700; width += 7) {
        int count = snprintf(model, sizeof model, "[%*d|%s|%.3f]", width, width, "text", width / 3.0);
        cr_assert(eq(int, bytebuf_printf(bytes, "[%*d|%s|%.3f]", width, width, "text", width / 3.0), count));
        cr_assert(eq(int, memcmp(bytes->data + length, model, (size_t)count), 0), "%d", width);
        length += (size_t)count;
        cr_assert(eq(sz, bytes->length, length));
    }
    cr_assert(eq(int, bytebuf_printf(bytes, "%s", ""), 0));
    cr_assert(eq(sz, bytes->length, length));
    bytebuf_put(bytes);
    end(pool, buffers);
}

/* Fails when a failing growth loses what was there, or leaves a state that cannot go on. */
Test(bytebuf_bytes, out_of_memory_leaves_the_bytes_as_they_were)
{
    bufpool_config_t config = still_config();
    config.max_bytes = 100 * KIB;
    bufpool_t *buffers = pool_from(&config);
    bytebuf_pool_t *pool = pool_on(buffers);
    bytebuf_t *bytes = bytes_of(pool);
    static char some[30 * KIB];

    fill(some, sizeof some, 3);
    cr_assert(eq(int, bytebuf_append(bytes, some, sizeof some), 0));
    size_t capacity = bytes->capacity;
    cr_assert(eq(int, bytebuf_append(bytes, some, SIZE_MAX - 10), -ENOMEM), "the sum overflows");
    cr_assert(bytebuf_reserve(bytes, 200 * KIB) == NULL);
    cr_assert(eq(int, errno, ENOMEM));
    cr_assert(eq(sz, bytes->length, sizeof some));
    cr_assert(eq(sz, bytes->capacity, capacity));
    cr_assert(is_filled(bytes->data, sizeof some, 3));
    cr_assert(eq(int, bytebuf_append(bytes, some, 100), 0));
    bytebuf_put(bytes);
    end(pool, buffers);
}

/* Fails when a read appends elsewhere than at the end, or a partial write is repeated or left out. */
Test(bytebuf_bytes, TestByteBufferReadFrom_and_WriteTo_move_every_byte_once)
{
    enum { ALL = 700000 };
    bufpool_t *buffers = still_pool();
    bytebuf_pool_t *pool = pool_on(buffers);
    bytebuf_t *out = bytes_of(pool), *in = bytes_of(pool);
    int ends[2];
    size_t offset = 0, lengths_seen = 0;

    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    char *to = bytebuf_reserve(out, ALL);
    MUST(to != NULL);
    fill(to, ALL, 11);
    bytebuf_added(out, ALL);
    cr_assert(eq(i64, bytebuf_read(in, ends[1], 1000), -EAGAIN));
    cr_assert(eq(sz, in->length, 0));
    while (in->length < ALL) {
        int error = offset < ALL ? bytebuf_write(out, ends[0], &offset) : 0;
        cr_assert(error == 0 || error == -EAGAIN);
        struct iovec rest = bytebuf_iovec(out, offset);
        cr_assert(eq(sz, rest.iov_len, ALL - offset));
        ssize_t count = bytebuf_read(in, ends[1], 50000);
        cr_assert(gt(i64, count, 0));
        lengths_seen += (size_t)count;
        cr_assert(eq(sz, in->length, lengths_seen));
    }
    cr_assert(is_filled(in->data, ALL, 11));
    close(ends[0]);
    cr_assert(eq(i64, bytebuf_read(in, ends[1], 1), 0), "the end");
    close(ends[1]);
    cr_assert(eq(i64, bytebuf_read(in, ends[1], 1), -EBADF));
    bytebuf_put(out);
    bytebuf_put(in);
    end(pool, buffers);
}

/* Fails when reset gives the buffer up, or leaves bytes. */
Test(bytebuf_bytes, reset_keeps_the_buffer_and_forgets_the_bytes)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_t *pool = pool_on(buffers);
    bytebuf_t *bytes = bytes_of(pool);

    MUST(bytebuf_append(bytes, "0123456789", 10) == 0);
    char *data = bytes->data;
    bytebuf_reset(bytes);
    cr_assert(eq(sz, bytes->length, 0));
    cr_assert(eq(sz, bytebuf_iovec(bytes, 0).iov_len, 0));
    MUST(bytebuf_append(bytes, "abc", 3) == 0);
    cr_assert(eq(ptr, bytes->data, data));
    bytebuf_put(bytes);
    end(pool, buffers);
}
