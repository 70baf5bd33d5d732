/*
 * <bufpool/uv.h>: datagrams, several of which lie in one buffer; and what libuv asks for itself.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <bufpool/uv.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accounts.h"
#include "counted.h"
#include "loopback.h"
#include "pools.h"

/* ------------------------------------------------------------ datagrams */

#define DATAGRAM ((size_t)1200)
#define DATAGRAMS 4000
#define AT_ONCE 50 /* sent before they are waited for: what a socket holds by default */

struct datagrams {
    bufpool_t *pool;
    int sender;
    unsigned sent, received, chunks;
    bool good;
};

/* libuv reads as many datagrams at once as 64 KiB go into the buffer. */
BUFPOOL_UV_ALLOC(lend_eight, ((struct datagrams *)handle->data)->pool, 8 * suggested)

static void send_some(struct datagrams *datagrams)
{
    char bytes[DATAGRAM];

    for (unsigned i = 0; i < AT_ONCE; i++) {
        stream_fill(bytes, sizeof bytes, datagrams->sent++ * DATAGRAM);
        MUST(send(datagrams->sender, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    }
}

static void datagram(uv_udp_t *socket, ssize_t count, const uv_buf_t *buffer, const struct sockaddr *from,
                     unsigned flags)
{
    struct datagrams *datagrams = socket->data;

    if (from != NULL) {
        datagrams->good = datagrams->good && count == (ssize_t)DATAGRAM &&
                          stream_is(buffer->base, DATAGRAM, datagrams->received * DATAGRAM);
        datagrams->chunks += (flags & UV_UDP_MMSG_CHUNK) != 0;
        datagrams->received++;
    }
    bufpool_uv_recv_done(datagrams->pool, buffer, flags);
    if (from == NULL || datagrams->received < datagrams->sent)
        return;
    if (datagrams->sent < DATAGRAMS)
        send_some(datagrams);
    else
        uv_close((uv_handle_t *)socket, NULL);
}

/* Fails when a buffer is given back for each datagram in it, or never. */
Test(adapters_uv, datagrams_share_a_buffer_which_is_given_back_once)
{
    struct datagrams datagrams = {.pool = still_pool(), .good = true};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int length = sizeof address;
    uv_loop_t loop;
    uv_udp_t udp;

    MUST(uv_loop_init(&loop) == 0 && uv_udp_init_ex(&loop, &udp, AF_INET | UV_UDP_RECVMMSG) == 0);
    MUST(uv_udp_bind(&udp, (struct sockaddr *)&address, 0) == 0);
    MUST(uv_udp_getsockname(&udp, (struct sockaddr *)&address, &length) == 0);
    udp.data = &datagrams;
    datagrams.sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    MUST(datagrams.sender >= 0);
    MUST(connect(datagrams.sender, (struct sockaddr *)&address, sizeof address) == 0);
    MUST(uv_udp_recv_start(&udp, lend_eight, datagram) == 0);
    send_some(&datagrams);
    MUST(uv_run(&loop, UV_RUN_DEFAULT) == 0);

    cr_assert(datagrams.good);
    cr_assert(eq(uint, datagrams.received, DATAGRAMS));
    cr_assert(gt(uint, datagrams.chunks, 0), "recvmmsg is not used here");
    cr_assert(eq(u64, stats_of(datagrams.pool).in_use_bytes, 0));
    cr_assert(eq(int, uv_loop_close(&loop), 0));
    close(datagrams.sender);
    assert_accounts(datagrams.pool);
}

/* ------------------------------------------------------------ libuv's own memory */

#define PARTS 64
#define WRITES 500

static void written(uv_write_t *request, int status)
{
    cr_assert(eq(int, status, 0));
    ++*(unsigned *)request->data;
}

static void sunk(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    bufpool_uv_done(NULL, buffer);
    if (count < 0)
        uv_close((uv_handle_t *)stream, NULL);
}

/* A loop's life: a stream that writes so many parts at a time to another. */
static void live(unsigned writes, unsigned parts)
{
    uv_loop_t loop;
    uv_tcp_t from, to;
    uv_write_t request;
    unsigned done = 0;
    char byte = 'b';
    uv_buf_t part[PARTS];
    int ends[2];

    loopback_pair(ends);
    MUST(uv_loop_init(&loop) == 0 && uv_tcp_init(&loop, &from) == 0 && uv_tcp_init(&loop, &to) == 0);
    MUST(uv_tcp_open(&from, ends[0]) == 0 && uv_tcp_open(&to, ends[1]) == 0);
    MUST(uv_read_start((uv_stream_t *)&to, bufpool_uv_alloc, sunk) == 0);
    for (unsigned i = 0; i < parts; i++)
        part[i] = uv_buf_init(&byte, 1);
    request.data = &done;
    for (unsigned i = 0; i < writes; i++) {
        MUST(uv_write(&request, (uv_stream_t *)&from, part, parts, written) == 0);
        while (done == i)
            uv_run(&loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&from, NULL);
    MUST(uv_run(&loop, UV_RUN_DEFAULT) == 0);
    cr_assert(eq(int, uv_loop_close(&loop), 0));
}

/* Fails when libuv does not use what it was given, or gives it back to somebody else. */
Test(adapters_uv, installed_libuv_lives_on_the_pool)
{
    cr_assert(eq(int, bufpool_uv_install(), 0));
    live(100, PARTS);
    bufpool_stats_t warm = stats_of(NULL);
    live(WRITES, PARTS);
    bufpool_stats_t end = stats_of(NULL);
    /* The table of each write, which has more than four parts: a tier that nothing else asks for. */
    cr_assert(ge(u64, tier_stats_of(NULL, tier_of(NULL, PARTS * sizeof(uv_buf_t))).gets, 100 + WRITES));
    cr_assert(gt(dbl, hit_rate(&warm, &end), 0.99));
    uv_library_shutdown();
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}

/* The figures of bufpool/uv.h. */
Test(adapters_uv, what_share_of_libuv_s_own_memory_is_pooled)
{
    MUST(uv_replace_allocator(counted_malloc, counted_realloc, counted_calloc, bufpool_free) == 0);
    counted_begin();
    live(WRITES, 1);
    struct counted counted = counted_read();
    printf("uv: libuv's own, %d writes of one part: ", WRITES);
    counted_print(&counted);
    cr_assert(lt(u64, counted.asked, 10));

    counted_begin();
    live(WRITES, PARTS);
    counted = counted_read();
    printf("uv: libuv's own, %d writes of %d parts: ", WRITES, PARTS);
    counted_print(&counted);
    cr_assert(gt(dbl, (double)counted.pooled / (double)counted.asked, 0.99));
    cr_assert(gt(dbl, (double)counted.pooled_bytes / (double)counted.asked_bytes, 0.99));
    uv_library_shutdown();
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}
