/*
 * An echo server on libuv, as libuv's own examples have it: alloc_cb, read_cb, a write request for each read.
 *
 *     bufpool-echo-uv malloc   buffers and requests from malloc
 *     bufpool-echo-uv face     the same from bufpool_malloc, libuv's own memory too (bufpool_uv_install)
 *     bufpool-echo-uv pool     BUFPOOL_UV_ALLOC and bufpool_uv_write
 *
 * What would fool it: the three must differ in nothing else. They share all but the two functions that they
 * name.
 */
#include <bufpool/uv.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "life.h"

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_pipe_t input;
    uv_alloc_cb get_buffer;
    uv_read_cb read;
    struct life life;
};

/* ------------------------------------------------------------ malloc, and what looks like it */

struct write {
    uv_write_t request;
    void *buffer;
};

static void *(*memory_get)(size_t size);
static void (*memory_put)(void *memory);

static void close_connection(uv_stream_t *connection);

static void memory_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    buffer->base = memory_get(suggested);
    buffer->len = buffer->base != NULL ? suggested : 0;
}

static void memory_written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;

    (void)status;
    memory_put(write->buffer);
    memory_put(write);
}

static void memory_read(uv_stream_t *connection, ssize_t count, const uv_buf_t *buffer)
{
    if (count > 0) {
        struct write *write = memory_get(sizeof *write);
        uv_buf_t part = uv_buf_init(buffer->base, (unsigned)count);
        if (write == NULL)
            die("no memory");
        write->buffer = buffer->base;
        if (uv_write(&write->request, connection, &part, 1, memory_written) == 0)
            return;
        memory_put(write);
    }
    memory_put(buffer->base);
    if (count != 0)
        close_connection(connection);
}

/* ------------------------------------------------------------ the adapter */

BUFPOOL_UV_ALLOC(pool_alloc, NULL, suggested)

static void pool_read(uv_stream_t *connection, ssize_t count, const uv_buf_t *buffer)
{
    if (count > 0) {
        uv_buf_t part = uv_buf_init(buffer->base, (unsigned)count);
        if (bufpool_uv_write(NULL, connection, buffer->base, part, NULL) == 0)
            return;
    } else {
        bufpool_uv_done(NULL, buffer);
    }
    if (count != 0)
        close_connection(connection);
}

/* ------------------------------------------------------------ connections */

static void connection_closed(uv_handle_t *handle)
{
    free(handle);
}

static void close_connection(uv_stream_t *connection)
{
    if (!uv_is_closing((uv_handle_t *)connection))
        uv_close((uv_handle_t *)connection, connection_closed);
}

static void accept_connection(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    uv_tcp_t *connection = malloc(sizeof *connection);

    if (status != 0 || connection == NULL || uv_tcp_init(&server->loop, connection) != 0 ||
        uv_accept(listener, (uv_stream_t *)connection) != 0 || uv_tcp_nodelay(connection, 1) != 0 ||
        uv_read_start((uv_stream_t *)connection, server->get_buffer, server->read) != 0)
        die("cannot accept a connection");
}

/* Standard input has ended: no more connections; those there are end with their clients. */
static void input_read(uv_stream_t *input, ssize_t count, const uv_buf_t *buffer)
{
    struct server *server = input->data;

    (void)buffer;
    if (count == 1) {
        life_warm(&server->life);
    } else if (count < 0) {
        uv_close((uv_handle_t *)input, NULL);
        uv_close((uv_handle_t *)&server->listener, NULL);
    }
}

static void input_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char byte;

    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(&byte, 1);
}

int main(int argc, char **argv)
{
    static struct server server;
    const char *kind = argc == 2 ? argv[1] : "";
    bool pooled = strcmp(kind, "malloc") != 0;
    uint16_t port;

    signal(SIGPIPE, SIG_IGN);
    server.get_buffer = memory_alloc;
    server.read = memory_read;
    memory_get = malloc;
    memory_put = free;
    if (strcmp(kind, "face") == 0) {
        memory_get = bufpool_malloc;
        memory_put = bufpool_free;
        if (bufpool_uv_install() != 0)
            die("libuv takes no allocator");
    } else if (strcmp(kind, "pool") == 0) {
        server.get_buffer = pool_alloc;
        server.read = pool_read;
    } else if (pooled) {
        die("usage: bufpool-echo-uv malloc|face|pool");
    }

    int listener = life_listen(&port);
    if (uv_loop_init(&server.loop) != 0 || uv_tcp_init(&server.loop, &server.listener) != 0 ||
        uv_tcp_open(&server.listener, listener) != 0 || uv_pipe_init(&server.loop, &server.input, 0) != 0 ||
        uv_pipe_open(&server.input, 0) != 0)
        die("libuv does not start");
    server.listener.data = server.input.data = &server;
    if (uv_listen((uv_stream_t *)&server.listener, SOMAXCONN, accept_connection) != 0 ||
        uv_read_start((uv_stream_t *)&server.input, input_alloc, input_read) != 0)
        die("libuv does not listen");
    life_begin(&server.life, pooled, port);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&server.loop) != 0)
        die("a handle is still open");
    uv_library_shutdown();
    life_end(&server.life);
    return 0;
}
