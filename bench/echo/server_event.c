/*
 * An echo server on libevent, in two forms, each with malloc and with the adapter.
 *
 *     bufpool-echo-event malloc       bufferevents: libevent reads, and moves what it read to the output
 *     bufpool-echo-event face         the same after bufpool_event_install
 *     bufpool-echo-event malloc-own   reads of its own into buffers of 64 KiB, written out by reference
 *     bufpool-echo-event pool         the same by bufpool_event_read, after bufpool_event_install
 *
 * What would fool it: malloc-own does what bufpool_event_read does, short reads are copied there too.
 */
#include <bufpool/event.h>
#include <event2/bufferevent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../harness.h"
#include "life.h"

#define READ_BYTES 65536

struct server {
    struct event_base *base;
    struct event *listen, *input;
    void (*accept)(struct server *server, int socket);
    ev_ssize_t (*read)(struct evbuffer *in, evutil_socket_t socket);
    struct life life;
};

/* ------------------------------------------------------------ bufferevents */

static void buffered_read(struct bufferevent *connection, void *arg)
{
    (void)arg;
    if (evbuffer_add_buffer(bufferevent_get_output(connection), bufferevent_get_input(connection)) != 0)
        die("cannot echo");
}

static void buffered_end(struct bufferevent *connection, short what, void *arg)
{
    (void)arg;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(connection);
}

static void buffered_accept(struct server *server, int socket)
{
    struct bufferevent *connection = bufferevent_socket_new(server->base, socket, BEV_OPT_CLOSE_ON_FREE);

    if (connection == NULL)
        die("no memory");
    /* As much at a time as the other form. */
    bufferevent_set_max_single_read(connection, READ_BYTES);
    bufferevent_set_max_single_write(connection, READ_BYTES);
    bufferevent_setcb(connection, buffered_read, NULL, buffered_end, server);
    if (bufferevent_enable(connection, EV_READ | EV_WRITE) != 0)
        die("cannot read");
}

/* ------------------------------------------------------------ reads of its own */

struct connection {
    struct server *server;
    struct event *readable, *writable;
    struct evbuffer *out;
    bool is_waiting;
};

static void memory_done(const void *data, size_t count, void *arg)
{
    (void)count;
    (void)arg;
    free((void *)data);
}

static ev_ssize_t memory_read(struct evbuffer *in, evutil_socket_t socket)
{
    void *buffer = malloc(READ_BYTES);

    if (buffer == NULL)
        return -1;
    ev_ssize_t count = recv(socket, buffer, READ_BYTES, 0);
    if (count > BUFPOOL_EVENT_COPY_MAX) {
        if (evbuffer_add_reference(in, buffer, (size_t)count, memory_done, NULL) != 0)
            die("no memory");
        return count;
    }
    if (count > 0 && evbuffer_add(in, buffer, (size_t)count) != 0)
        die("no memory");
    free(buffer);
    return count;
}

static ev_ssize_t pool_read(struct evbuffer *in, evutil_socket_t socket)
{
    return bufpool_event_read(in, socket, NULL, READ_BYTES);
}

static void connection_end(struct connection *connection)
{
    evutil_socket_t socket = event_get_fd(connection->readable);

    event_free(connection->readable);
    event_free(connection->writable);
    close(socket);
    evbuffer_free(connection->out);
    free(connection);
}

/* False: the connection is no more. */
static bool write_out(struct connection *connection, evutil_socket_t socket)
{
    while (evbuffer_get_length(connection->out) > 0) {
        if (evbuffer_write(connection->out, socket) < 0) {
            if (errno == EAGAIN)
                break;
            connection_end(connection);
            return false;
        }
    }
    bool waits = evbuffer_get_length(connection->out) > 0;
    if (waits != connection->is_waiting) {
        connection->is_waiting = waits;
        if ((waits ? event_add(connection->writable, NULL) : event_del(connection->writable)) != 0)
            die("cannot wait");
    }
    return true;
}

static void on_writable(evutil_socket_t socket, short what, void *arg)
{
    (void)what;
    write_out(arg, socket);
}

static void on_readable(evutil_socket_t socket, short what, void *arg)
{
    struct connection *connection = arg;
    ev_ssize_t count = connection->server->read(connection->out, socket);

    (void)what;
    if (count > 0)
        write_out(connection, socket);
    else if (count == 0 || errno != EAGAIN)
        connection_end(connection);
}

static void own_accept(struct server *server, int socket)
{
    struct connection *connection = calloc(1, sizeof *connection);

    if (connection == NULL)
        die("no memory");
    connection->server = server;
    connection->out = evbuffer_new();
    connection->readable = event_new(server->base, socket, EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable = event_new(server->base, socket, EV_WRITE | EV_PERSIST, on_writable, connection);
    if (connection->out == NULL || connection->readable == NULL || connection->writable == NULL ||
        event_add(connection->readable, NULL) != 0)
        die("no memory");
}

/* ------------------------------------------------------------ the server */

static void on_connection(evutil_socket_t listener, short what, void *arg)
{
    struct server *server = arg;
    int socket;

    (void)what;
    while ((socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        life_socket(socket);
        server->accept(server, socket);
    }
}

/* Standard input has ended: no more connections; those there are end with their clients. */
static void on_input(evutil_socket_t input, short what, void *arg)
{
    struct server *server = arg;
    char byte;

    (void)what;
    if (read(input, &byte, 1) == 1) {
        life_warm(&server->life);
        return;
    }
    event_del(server->input);
    event_del(server->listen);
}

int main(int argc, char **argv)
{
    static struct server server;
    const char *kind = argc == 2 ? argv[1] : "";
    bool own = strcmp(kind, "malloc-own") == 0 || strcmp(kind, "pool") == 0;
    bool pooled = strcmp(kind, "face") == 0 || strcmp(kind, "pool") == 0;
    uint16_t port;

    if (!own && !pooled && strcmp(kind, "malloc") != 0)
        die("usage: bufpool-echo-event malloc|face|malloc-own|pool");
    signal(SIGPIPE, SIG_IGN);
    if (pooled)
        bufpool_event_install();
    server.accept = own ? own_accept : buffered_accept;
    server.read = pooled ? pool_read : memory_read;

    int listener = life_listen(&port);
    server.base = event_base_new();
    server.listen = event_new(server.base, listener, EV_READ | EV_PERSIST, on_connection, &server);
    server.input = event_new(server.base, 0, EV_READ | EV_PERSIST, on_input, &server);
    if (server.base == NULL || event_add(server.listen, NULL) != 0 || event_add(server.input, NULL) != 0)
        die("libevent does not start");
    life_begin(&server.life, pooled, port);
    event_base_dispatch(server.base);
    event_free(server.input);
    event_free(server.listen);
    event_base_free(server.base);
    libevent_global_shutdown();
    close(listener);
    life_end(&server.life);
    return 0;
}
