/*
 * <bufpool/uv.h> under real traffic: an echo server, and a sink that meets every way out of read_cb.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <bufpool/uv.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accounts.h"
#include "client.h"
#include "loopback.h"
#include "pools.h"

struct server {
    bufpool_t *pool;
    size_t size; /* of a read buffer; 0: what libuv suggests */
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_async_t client_is_done;
    unsigned connections, ends, breaks, nothings, no_buffers;
    uint64_t received;
    bool good;
};

/* handle->data is the test's own, and so is loop->data: the adapter takes the pool from where it is told. */
BUFPOOL_UV_ALLOC(lend, ((struct server *)handle->loop->data)->pool,
                 ((struct server *)handle->loop->data)->size != 0
                     ? ((struct server *)handle->loop->data)->size
                     : suggested)

static void closed(uv_handle_t *handle)
{
    struct server *server = handle->loop->data;

    cr_assert(handle->data == handle, "data is not the adapter's");
    server->connections--;
    free(handle);
}

static void count_end(struct server *server, ssize_t count)
{
    server->ends += count == UV_EOF;
    server->nothings += count == 0;
    server->no_buffers += count == UV_ENOBUFS;
    server->breaks += count < 0 && count != UV_EOF && count != UV_ENOBUFS;
}

static void echo(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct server *server = stream->loop->data;

    count_end(server, count);
    if (count > 0) {
        server->received += (uint64_t)count;
        uv_buf_t part = uv_buf_init(buffer->base, (unsigned)count);
        if (bufpool_uv_write(server->pool, stream, buffer->base, part, NULL) == 0)
            return;
    } else {
        bufpool_uv_done(server->pool, buffer);
    }
    if (count != 0 && !uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, closed);
}

static uv_stream_t *add_connection(struct server *server)
{
    uv_tcp_t *connection = malloc(sizeof *connection);

    MUST(connection != NULL && uv_tcp_init(&server->loop, connection) == 0);
    connection->data = connection;
    server->connections++;
    return (uv_stream_t *)connection;
}

static void accept_one(uv_stream_t *listener, int status)
{
    uv_stream_t *connection = add_connection(listener->loop->data);

    MUST(status == 0 && uv_accept(listener, connection) == 0);
    MUST(uv_read_start(connection, lend, echo) == 0);
}

static void stop_listening(uv_async_t *handle)
{
    struct server *server = handle->loop->data;

    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_close((uv_handle_t *)handle, NULL);
}

static void tell_loop(void *arg)
{
    MUST(uv_async_send(arg) == 0);
}

static void server_start(struct server *server, bufpool_t *pool, size_t size)
{
    signal(SIGPIPE, SIG_IGN); /* libuv writes with write */
    memset(server, 0, sizeof *server);
    server->pool = pool;
    server->size = size;
    MUST(uv_loop_init(&server->loop) == 0);
    server->loop.data = server;
}

static void server_end(struct server *server)
{
    MUST(uv_run(&server->loop, UV_RUN_DEFAULT) == 0);
    cr_assert(eq(uint, server->connections, 0));
    cr_assert(eq(int, uv_loop_close(&server->loop), 0));
}

/* One echo server from its start to its end, with that load. */
static struct load_result serve(struct server *server, bufpool_t *pool, size_t size, struct load load)
{
    struct client client = {.load = load};

    server_start(server, pool, size);
    MUST(uv_tcp_init(&server->loop, &server->listener) == 0);
    MUST(uv_tcp_open(&server->listener, listen_somewhere(&client.load.port)) == 0);
    MUST(uv_listen((uv_stream_t *)&server->listener, 64, accept_one) == 0);
    MUST(uv_async_init(&server->loop, &server->client_is_done, stop_listening) == 0);
    client_start(&client, tell_loop, &server->client_is_done);
    server_end(server);
    const char *fault = client_end(&client);
    cr_assert(fault == NULL, "%s", fault);
    return client.result;
}

/* Fails when a byte is lost or changed, a buffer is lost, or one does not come back to be used again. */
Test(adapters_uv, echo_in_all_sizes_hits_and_leaves_nothing_in_use)
{
    bufpool_t *pool = still_pool();
    struct server server;
    const size_t sizes[] = {512, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB};

    /* A client that gets no CPU lets 8 MiB wait in the server: warm is who has met that. */
    MUST(bufpool_reserve(pool, 64 * KIB, 512) == 0 && bufpool_reserve(pool, 512, 512) == 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct load load = {.connections = 8, .message = sizes[i], .messages = 500};
        serve(&server, pool, 0, load);
        bufpool_stats_t warm = stats_of(pool);
        load.messages = sizes[i] < 64 * KIB ? 4000 : 1500;
        struct load_result result = serve(&server, pool, 0, load);
        bufpool_stats_t end = stats_of(pool);

        cr_assert(eq(u64, result.messages, load.messages));
        cr_assert(eq(u64, server.received, load.messages * sizes[i]));
        cr_assert(eq(uint, server.ends, 8));
        /* A buffer and a request for each read: 100 % of what libuv reads into. */
        cr_assert(ge(u64, end.gets - warm.gets, 2 * load.messages));
        cr_assert(gt(dbl, hit_rate(&warm, &end), 0.99), "%zu: %f", sizes[i], hit_rate(&warm, &end));
        cr_assert(eq(u64, end.in_use_bytes, 0));
        printf("uv: %7zu bytes: %lu gets, %.3f %% hits\n", sizes[i], (unsigned long)(end.gets - warm.gets),
               100 * hit_rate(&warm, &end));
    }
    assert_accounts_with_reserved(pool);
}

/* Fails when a broken connection keeps a buffer: those being read into, written, or waiting to be. */
Test(adapters_uv, connections_that_break_in_the_middle_cost_no_buffer)
{
    bufpool_t *pool = still_pool();
    struct server server;
    struct load_result result =
        serve(&server, pool, 0,
              (struct load){.connections = 8, .message = 256 * KIB, .messages = 800, .reset_each = 7});

    cr_assert(gt(u64, result.resets, 100));
    cr_assert(eq(u64, server.ends + server.breaks, result.resets + 8));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    assert_accounts(pool);
}

static void sink(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct server *server = stream->loop->data;

    count_end(server, count);
    if (count > 0) {
        server->good = server->good && stream_is(buffer->base, (size_t)count, server->received);
        server->received += (uint64_t)count;
    }
    if (count == UV_ENOBUFS)
        server->good = server->good && buffer->base == NULL && buffer->len == 0;
    bufpool_uv_done(server->pool, buffer);
    if (count < 0 && count != UV_ENOBUFS)
        uv_close((uv_handle_t *)stream, closed);
}

/* A sink for `bytes` of the stream. */
static void drain(struct server *server, bufpool_t *pool, size_t size, uint64_t bytes)
{
    struct sender sender;
    int ends[2];

    server_start(server, pool, size);
    server->good = true;
    loopback_pair(ends);
    uv_stream_t *stream = add_connection(server);
    MUST(uv_tcp_open((uv_tcp_t *)stream, ends[0]) == 0);
    MUST(uv_read_start(stream, lend, sink) == 0);
    sender_start(&sender, ends[1], bytes);
    server_end(server);
    sender_end(&sender);
    cr_assert(server->good);
    cr_assert(eq(u64, server->received, bytes));
    cr_assert(eq(uint, server->ends, 1));
}

/* Fails when the buffer of a read that brought nothing is forgotten: a full one makes libuv read once more.
 */
Test(adapters_uv, a_read_of_nothing_gives_its_buffer_back)
{
    bufpool_t *pool = still_pool();
    struct server server;
    char bytes[512];
    int ends[2];

    server_start(&server, pool, sizeof bytes);
    server.good = true;
    loopback_pair(ends);
    uv_stream_t *stream = add_connection(&server);
    MUST(uv_tcp_open((uv_tcp_t *)stream, ends[0]) == 0);
    MUST(uv_read_start(stream, lend, sink) == 0);
    for (uint64_t sent = 0; sent < 100 * sizeof bytes;) {
        stream_fill(bytes, sizeof bytes, sent);
        MUST(send(ends[1], bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
        sent += sizeof bytes;
        while (server.received < sent)
            uv_run(&server.loop, UV_RUN_ONCE);
        cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    }
    cr_assert(gt(uint, server.nothings, 0));
    close(ends[1]);
    server_end(&server);
    cr_assert(server.good);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    assert_accounts(pool);
}

/* Fails when a pool without memory costs data, or when its empty buffer is put. */
Test(adapters_uv, without_memory_reading_waits_and_loses_nothing)
{
    bufpool_config_t config = still_config();
    struct server server;

    config.debug = "fail=3";
    bufpool_t *pool = pool_from(&config);
    drain(&server, pool, 0, 8 * MIB);
    cr_assert(gt(uint, server.no_buffers, 0));
    cr_assert(eq(u64, stats_of(pool).failures, server.no_buffers));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
}

struct written {
    unsigned good, cancelled;
};

static void count_written(uv_write_t *request, int status)
{
    struct written *written = request->handle->data;

    written->good += status == 0;
    written->cancelled += status == UV_ECANCELED;
    cr_assert(request->data == NULL);
}

static void nothing(uv_handle_t *handle)
{
    (void)handle;
}

/* Fails when a write that never happens keeps its buffer: cancelled by uv_close, or refused at once. */
Test(adapters_uv, writes_that_are_cancelled_or_refused_give_their_buffers_back)
{
    bufpool_t *pool = still_pool();
    struct written written = {0};
    uv_loop_t loop;
    uv_tcp_t stream;
    int ends[2];

    loopback_pair(ends);
    MUST(uv_loop_init(&loop) == 0 && uv_tcp_init(&loop, &stream) == 0 && uv_tcp_open(&stream, ends[0]) == 0);
    stream.data = &written;
    /* Nobody reads: what the sockets do not hold waits. */
    for (unsigned i = 0; i < 256; i++) {
        char *buffer = bufpool_get(pool, 64 * KIB);
        MUST(buffer != NULL);
        memset(buffer, 1, 64 * KIB);
        cr_assert(eq(int,
                     bufpool_uv_write(pool, (uv_stream_t *)&stream, buffer, uv_buf_init(buffer, 64 * KIB),
                                      count_written),
                     0));
    }
    uv_close((uv_handle_t *)&stream, nothing);
    MUST(uv_run(&loop, UV_RUN_DEFAULT) == 0);
    cr_assert(eq(uint, written.good + written.cancelled, 256));
    cr_assert(gt(uint, written.cancelled, 0));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));

    MUST(uv_tcp_init(&loop, &stream) == 0); /* not connected */
    char *buffer = bufpool_get(pool, 512);
    cr_assert(
        lt(int, bufpool_uv_write(pool, (uv_stream_t *)&stream, buffer, uv_buf_init(buffer, 512), NULL), 0));
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    uv_close((uv_handle_t *)&stream, nothing);
    MUST(uv_run(&loop, UV_RUN_DEFAULT) == 0);
    cr_assert(eq(int, uv_loop_close(&loop), 0));
    close(ends[1]);
    assert_accounts(pool);
}
