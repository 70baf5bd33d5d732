/*
 * <bufpool/event.h> under real traffic: bufferevents on pooled evbuffers, and reads of one's own.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <bufpool/event.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "accounts.h"
#include "client.h"
#include "counted.h"
#include "loopback.h"
#include "pools.h"

/* Read buffers of the second form. */
#define READ_BYTES (64 * KIB)

struct server {
    bufpool_t *pool; /* of the second form */
    struct event_base *base;
    struct event *listen, *done;
    void (*accept)(struct server *server, int socket);
    unsigned connections, ends, breaks;
    uint64_t received;
    int wakes[2]; /* the client writes here when it is done */
};

/* ------------------------------------------------------------ bufferevents */

static void buffered_read(struct bufferevent *connection, void *arg)
{
    struct server *server = arg;
    struct evbuffer *in = bufferevent_get_input(connection);

    server->received += evbuffer_get_length(in);
    MUST(evbuffer_add_buffer(bufferevent_get_output(connection), in) == 0);
}

static void buffered_end(struct bufferevent *connection, short what, void *arg)
{
    struct server *server = arg;

    server->ends += (what & BEV_EVENT_EOF) != 0;
    server->breaks += (what & BEV_EVENT_ERROR) != 0;
    server->connections--;
    bufferevent_free(connection);
}

static void buffered_accept(struct server *server, int socket)
{
    struct bufferevent *connection = bufferevent_socket_new(server->base, socket, BEV_OPT_CLOSE_ON_FREE);

    MUST(connection != NULL);
    bufferevent_setcb(connection, buffered_read, NULL, buffered_end, server);
    MUST(bufferevent_enable(connection, EV_READ | EV_WRITE) == 0);
}

/* ------------------------------------------------------------ reads of its own */

struct connection {
    struct server *server;
    struct event *readable, *writable;
    struct evbuffer *out;
};

static void connection_end(struct connection *connection)
{
    evutil_socket_t socket = event_get_fd(connection->readable);

    event_free(connection->readable);
    event_free(connection->writable);
    close(socket);
    evbuffer_free(connection->out);
    connection->server->connections--;
    free(connection);
}

/* What does not go out now goes when there is room; a broken connection is seen by the next read. */
static void write_out(evutil_socket_t socket, short what, void *arg)
{
    struct connection *connection = arg;

    (void)what;
    evbuffer_write(connection->out, socket);
    if (evbuffer_get_length(connection->out) > 0)
        MUST(event_add(connection->writable, NULL) == 0);
}

static void own_read(evutil_socket_t socket, short what, void *arg)
{
    struct connection *connection = arg;
    struct server *server = connection->server;
    ev_ssize_t count = bufpool_event_read(connection->out, socket, server->pool, READ_BYTES);

    if (count > 0) {
        server->received += (uint64_t)count;
        write_out(socket, what, connection);
    } else if (count == 0 || errno != EAGAIN) {
        server->ends += count == 0;
        server->breaks += count < 0;
        connection_end(connection);
    }
}

static void own_accept(struct server *server, int socket)
{
    struct connection *connection = malloc(sizeof *connection);

    MUST(connection != NULL);
    connection->server = server;
    connection->out = evbuffer_new();
    connection->readable = event_new(server->base, socket, EV_READ | EV_PERSIST, own_read, connection);
    connection->writable = event_new(server->base, socket, EV_WRITE, write_out, connection);
    MUST(connection->out != NULL && connection->writable != NULL);
    MUST(event_add(connection->readable, NULL) == 0);
}

/* ------------------------------------------------------------ the server */

static void accept_all(evutil_socket_t listener, short what, void *arg)
{
    struct server *server = arg;
    int socket;

    (void)what;
    while ((socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        server->connections++;
        server->accept(server, socket);
    }
}

static void client_is_done(evutil_socket_t wakes, short what, void *arg)
{
    struct server *server = arg;

    (void)wakes;
    (void)what;
    event_del(server->listen);
}

static void wake(void *arg)
{
    struct server *server = arg;

    MUST(write(server->wakes[1], "", 1) == 1);
}

/* One echo server from its start to its end, with that load. */
static struct load_result serve(struct server *server, struct load load)
{
    struct client client = {.load = load};
    int listener = listen_somewhere(&client.load.port);

    signal(SIGPIPE, SIG_IGN); /* evbuffer_write does not say MSG_NOSIGNAL */
    server->connections = server->ends = server->breaks = 0;
    server->received = 0;
    MUST(pipe(server->wakes) == 0);
    server->base = event_base_new();
    MUST(server->base != NULL);
    server->listen = event_new(server->base, listener, EV_READ | EV_PERSIST, accept_all, server);
    server->done = event_new(server->base, server->wakes[0], EV_READ, client_is_done, server);
    MUST(event_add(server->listen, NULL) == 0 && event_add(server->done, NULL) == 0);
    client_start(&client, wake, server);
    MUST(event_base_dispatch(server->base) == 1); /* nothing more to wait for */
    event_free(server->listen);
    event_free(server->done);
    event_base_free(server->base);
    close(listener);
    close(server->wakes[0]);
    close(server->wakes[1]);
    const char *fault = client_end(&client);
    cr_assert(fault == NULL, "%s", fault);
    cr_assert(eq(uint, server->connections, 0));
    return client.result;
}

static const size_t sizes[] = {512, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB};

/* Enough of each size, and no more than 24 MiB: libevent 2.1 reads 4096 bytes at a time. */
static uint64_t messages_of(size_t size)
{
    return 24 * MIB / size < 4000 ? 24 * MIB / size : 4000;
}

/* A client that gets no CPU lets 8 MiB wait in the server: warm is who has met that, so callers reserve it.
 */
static void serve_all_sizes(struct server *server, bufpool_t *pool, const char *form)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct load load = {.connections = 8, .message = sizes[i], .messages = 16};
        serve(server, load);
        bufpool_stats_t warm = stats_of(pool);
        load.messages = messages_of(sizes[i]);
        struct load_result result = serve(server, load);
        bufpool_stats_t end = stats_of(pool);

        cr_assert(eq(u64, result.messages, load.messages));
        cr_assert(eq(u64, server->received, load.messages * sizes[i]));
        cr_assert(eq(uint, server->ends, 8));
        printf("event: %s, %7zu bytes: %lu gets, %.3f %% hits\n", form, sizes[i],
               (unsigned long)(end.gets - warm.gets), 100 * hit_rate(&warm, &end));
        cr_assert(gt(dbl, hit_rate(&warm, &end), 0.99), "%zu", sizes[i]);
    }
}

/* Fails when libevent's pieces do not come from the pool, do not hit, or stay out. */
Test(adapters_event, bufferevents_live_on_the_pool)
{
    struct server server = {.accept = buffered_accept};

    bufpool_event_install();
    for (size_t size = KIB; size <= 8 * KIB; size *= 2)
        MUST(bufpool_reserve(NULL, size, 2048) == 0);
    serve_all_sizes(&server, NULL, "bufferevents");
    libevent_global_shutdown();
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}

/* Fails when a byte is lost or changed on its way through a pooled buffer, or when a buffer does not come
 * back. */
Test(adapters_event, own_reads_echo_without_a_copy_and_leave_nothing_in_use)
{
    struct server server = {.accept = own_accept, .pool = still_pool()};

    MUST(bufpool_reserve(server.pool, READ_BYTES, 512) == 0);
    serve_all_sizes(&server, server.pool, "own reads");
    cr_assert(eq(u64, stats_of(server.pool).in_use_bytes, 0));
    assert_accounts_with_reserved(server.pool);
}

/* Fails when what waits to be written to a broken connection stays borrowed. */
Test(adapters_event, connections_that_break_in_the_middle_cost_no_buffer)
{
    struct server server = {.accept = own_accept, .pool = still_pool()};
    struct load load = {.connections = 8, .message = 256 * KIB, .messages = 800, .reset_each = 7};
    struct load_result result = serve(&server, load);

    cr_assert(gt(u64, result.resets, 100));
    cr_assert(eq(u64, server.ends + server.breaks, result.resets + 8));
    cr_assert(eq(u64, stats_of(server.pool).in_use_bytes, 0));
    assert_accounts(server.pool);
}

/* ------------------------------------------------------------ what share is pooled */

/* The figures of bufpool/event.h. */
Test(adapters_event, what_share_of_libevent_s_memory_is_pooled)
{
    struct server server = {.accept = buffered_accept};

    event_set_mem_functions(counted_malloc, counted_realloc, bufpool_free);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        counted_begin();
        serve(&server,
              (struct load){.connections = 8, .message = sizes[i], .messages = messages_of(sizes[i]) / 2});
        struct counted counted = counted_read();
        printf("event: %7zu bytes: ", sizes[i]);
        counted_print(&counted);
        cr_assert(gt(dbl, (double)counted.pooled / (double)counted.asked, 0.96));
        cr_assert(gt(dbl, (double)counted.pooled_bytes / (double)counted.asked_bytes, 0.997));
    }
    libevent_global_shutdown();
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}
