#include "front.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "client.h"

/* Accepts a round, so that who is connected has its turn. */
enum { ACCEPTS = 64 };
/* Without a descriptor for a connection: the next try. One that is freed elsewhere in the process, or by
 * another process, tells nobody. */
enum { ACCEPT_AGAIN_MS = 100 };

/* ------------------------------------------------------------ connections come */

static struct front *front_of_listener(struct watch *watch)
{
    return (struct front *)(void *)((char *)watch - offsetof(struct front, listener));
}

/* Whoever comes next waits in the backlog until a connection closes. */
static void pause_accepting(struct front *front)
{
    front->is_paused = true;
    loop_want(&front->loop, &front->listener, 0);
}

static void resume_accepting(struct front *front)
{
    front->is_paused = false;
    loop_set(&front->loop, &front->accept_timer, NULL);
    loop_want(&front->loop, &front->listener, EPOLLIN);
}

static void accept_again(struct timer *timer)
{
    resume_accepting((struct front *)(void *)((char *)timer - offsetof(struct front, accept_timer)));
}

/* The listener stays ready for as long as somebody waits there: the loop must not look at it meanwhile. */
static void put_off_accepting(struct front *front)
{
    front->put_off++;
    pause_accepting(front);
    loop_set(&front->loop, &front->accept_timer, &front->accept);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

static void accept_ready(struct watch *watch, uint32_t events)
{
    struct front *front = front_of_listener(watch);
    int one = 1;

    (void)events;
    for (unsigned i = 0; i < ACCEPTS; i++) {
        if (front->connections >= front->settings.max_connections) {
            pause_accepting(front);
            return;
        }
        int socket = accept4(front->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) {
            if (errno == ECONNABORTED || errno == EINTR) /* whoever gave up meanwhile: the next */
                continue;
            if (is_shortage(errno))
                put_off_accepting(front);
            return;
        }
        /* Of a socket in the file system it fails, and is not needed. */
        (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        front->accepted++;
        client_open(front, socket);
    }
}

/* ------------------------------------------------------------ the end of a round, and of all */

static void round_end(struct loop *loop)
{
    struct front *front = loop->arg;

    bool has_closed = front->closed != NULL;

    clients_free(front);
    if (has_closed && front->is_paused && !front->is_draining &&
        front->connections < front->settings.max_connections)
        resume_accepting(front);
    if (front->is_draining && front->connections == 0 && front->calls == 0)
        loop_end(loop);
}

static void cut_all(struct timer *timer)
{
    struct front *front = (struct front *)(void *)((char *)timer - offsetof(struct front, drain_timer));
    struct queue *queues[] = {&front->idle, &front->head,    &front->body,
                              &front->work, &front->writing, &front->linger};

    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
        while (queues[i]->head.next != &queues[i]->head) {
            front->cut++;
            client_cut(queues[i]->head.next);
        }
}

void front_drain(struct front *front)
{
    if (front->is_draining) {
        cut_all(&front->drain_timer);
        return;
    }
    front->is_draining = true;
    loop_set(&front->loop, &front->accept_timer, NULL);
    close(front->listener.fd);
    if (front->name[0] == '/')
        unlink(front->name);
    while (front->idle.head.next != &front->idle.head)
        client_cut(front->idle.head.next);
    loop_set(&front->loop, &front->drain_timer, &front->drain);
}

/* ------------------------------------------------------------ begin and end */

static void queues_open(struct front *front)
{
    struct loop *loop = &front->loop;
    const struct settings *settings = &front->settings;

    loop_queue(loop, &front->idle, settings->idle_ms, client_cut);
    loop_queue(loop, &front->head, settings->head_ms, client_late);
    loop_queue(loop, &front->body, settings->body_ms, client_late);
    loop_queue(loop, &front->work, UINT64_C(1) << 60, client_cut); /* Redis has time limits of its own */
    loop_queue(loop, &front->writing, settings->write_ms, client_stuck);
    loop_queue(loop, &front->linger, settings->linger_ms, client_cut);
    loop_queue(loop, &front->accept, ACCEPT_AGAIN_MS, accept_again);
    loop_queue(loop, &front->drain, settings->drain_ms, cut_all);
}

static int pools_open(struct front *front)
{
    objpool_config_t clients = OBJPOOL_CONFIG_INIT, requests = OBJPOOL_CONFIG_INIT;

    clients.name = "server-clients";
    clients.object_size = sizeof(struct client);
    requests.name = "server-requests";
    requests.object_size = sizeof(struct request);
    int error = objpool_create(&front->clients, &clients);
    if (error == 0)
        error = objpool_create(&front->requests, &requests);
    return error;
}

static int failed(const char *what, int error)
{
    fprintf(stderr, "bufpool-server: %s: %s\n", what, strerror(-error));
    return error;
}

int front_open(struct front *front, const struct settings *settings)
{
    *front = (struct front){.settings = *settings};
    bool pooled = strcmp(settings->allocator, "bufpool") == 0;

    request_limit_head(settings->max_head);
    int error = bytes_open(&front->bytes, pooled, settings->max_held);
    if (error != 0)
        return failed("no pool of bytes", error);
    error = pools_open(front);
    if (error != 0)
        return failed("no pool of objects", error);
    error = loop_open(&front->loop);
    if (error != 0)
        return failed("no event loop", error);
    front->loop.after = round_end;
    front->loop.arg = front;
    queues_open(front);
    error = store_open(&front->store, settings, &front->bytes, &front->loop);
    if (error != 0)
        return failed(settings->redis, error);
    int listener = address_listen(settings->listen, front->name, sizeof front->name);
    if (listener < 0)
        return failed(settings->listen, listener);
    front->listener = (struct watch){.fd = listener, .ready = accept_ready};
    error = loop_watch(&front->loop, &front->listener, EPOLLIN);
    return error != 0 ? failed(settings->listen, error) : 0;
}

void front_run(struct front *front)
{
    loop_run(&front->loop);
}

void front_close(struct front *front)
{
    store_close(&front->store);
    loop_close(&front->loop);
    objpool_destroy(front->requests);
    objpool_destroy(front->clients);
    bytes_close(&front->bytes);
}
