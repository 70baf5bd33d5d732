/*
 * <bufpool/event.h>: one pooled buffer and one evbuffer, step by step.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <bufpool/event.h>
#include <fcntl.h>
#include <unistd.h>

#include "accounts.h"
#include "loopback.h"
#include "pools.h"

/* Fails when appending copies, or when the last reader's drain does not put. */
Test(adapters_event, a_pooled_buffer_is_in_the_evbuffer_itself_until_it_is_drained)
{
    bufpool_t *pool = still_pool();
    struct evbuffer *first = evbuffer_new(), *second = evbuffer_new();
    struct evbuffer_iovec part;
    char *buffer = bufpool_get(pool, 16 * KIB);

    fill(buffer, 16 * KIB, 1);
    cr_assert(eq(int, bufpool_event_add(first, pool, buffer, 16 * KIB), 0));
    cr_assert(eq(int, evbuffer_peek(first, -1, NULL, &part, 1), 1));
    cr_assert(eq(ptr, part.iov_base, buffer));
    cr_assert(eq(sz, part.iov_len, 16 * KIB));

    /* Moved, as a bufferevent's echo does, it is still the same. */
    MUST(evbuffer_add_buffer(second, first) == 0);
    MUST(evbuffer_drain(second, 16 * KIB - 1) == 0);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, capacity_of_size(16 * KIB)));
    MUST(evbuffer_drain(second, 1) == 0);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));

    MUST(bufpool_event_add(second, pool, bufpool_get(pool, 512), 512) == 0);
    evbuffer_free(second);
    evbuffer_free(first);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    assert_accounts(pool);
}

/* Fails when a buffer that cannot be appended is lost, or put twice. */
Test(adapters_event, what_cannot_be_appended_is_put)
{
    bufpool_t *pool = still_pool();
    struct evbuffer *frozen = evbuffer_new();

    MUST(evbuffer_freeze(frozen, 0) == 0);
    cr_assert(eq(int, bufpool_event_add(frozen, pool, bufpool_get(pool, 512), 512), -1));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    cr_assert(eq(u64, stats_of(pool).puts, 1));
    evbuffer_free(frozen);
    assert_accounts(pool);
}

/* Fails when one of recv's answers is not passed on, or costs a buffer. */
Test(adapters_event, a_read_answers_as_recv_does)
{
    bufpool_t *pool = still_pool();
    struct evbuffer *in = evbuffer_new();
    char bytes[4 * KIB];
    int ends[2];

    loopback_pair(ends);
    MUST(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    errno = 0;
    cr_assert(eq(long, bufpool_event_read(in, ends[0], pool, 64 * KIB), -1));
    cr_assert(eq(int, errno, EAGAIN));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));

    /* A short one is copied, a long one stays where it is. */
    stream_fill(bytes, sizeof bytes, 0);
    MUST(send(ends[1], bytes, BUFPOOL_EVENT_COPY_MAX, 0) == BUFPOOL_EVENT_COPY_MAX);
    cr_assert(eq(long, bufpool_event_read(in, ends[0], pool, 64 * KIB), BUFPOOL_EVENT_COPY_MAX));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    MUST(send(ends[1], bytes + BUFPOOL_EVENT_COPY_MAX, sizeof bytes - BUFPOOL_EVENT_COPY_MAX, 0) > 0);
    cr_assert(eq(long, bufpool_event_read(in, ends[0], pool, 64 * KIB),
                 (long)sizeof bytes - BUFPOOL_EVENT_COPY_MAX));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, capacity_of_size(64 * KIB)));
    cr_assert(eq(int, evbuffer_remove(in, bytes, sizeof bytes), (int)sizeof bytes));
    cr_assert(stream_is(bytes, sizeof bytes, 0));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));

    close(ends[1]);
    cr_assert(eq(long, bufpool_event_read(in, ends[0], pool, 64 * KIB), 0));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    close(ends[0]);
    errno = 0;
    cr_assert(eq(long, bufpool_event_read(in, ends[0], pool, 64 * KIB), -1));
    cr_assert(eq(int, errno, EBADF));
    evbuffer_free(in);
    assert_accounts(pool);
}

/* Fails when a pool without memory costs bytes that were in the socket. */
Test(adapters_event, without_memory_a_read_leaves_the_socket_as_it_was)
{
    bufpool_config_t config = still_config();
    char bytes[2 * KIB];
    int ends[2];

    config.debug = "fail=2";
    bufpool_t *pool = pool_from(&config);
    struct evbuffer *in = evbuffer_new();
    loopback_pair(ends);
    stream_fill(bytes, sizeof bytes, 0);
    MUST(send(ends[1], bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    bufpool_put(pool, bufpool_get(pool, 512));
    cr_assert(eq(long, bufpool_event_read(in, ends[0], pool, 64 * KIB), -1));
    cr_assert(eq(int, errno, ENOMEM));
    cr_assert(eq(long, bufpool_event_read(in, ends[0], pool, 64 * KIB), (long)sizeof bytes));
    evbuffer_free(in);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    close(ends[0]);
    close(ends[1]);
}
