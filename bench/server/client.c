#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"
#include "request.h"

/* What is asked of the kernel at once: of heads, no more than a bytebuf keeps however little comes; */
#define HEAD_READ_SIZE ((size_t)4096)
/* of bodies of unknown length; */
#define CHUNKS_READ_SIZE ((size_t)16384)
/* and of others, into their place: so much, that everybody has his turn. */
#define BODY_READ_SIZE ((size_t)262144)

/* ------------------------------------------------------------ the end */

void client_request_free(struct front *front, struct request *request)
{
    request_end(request);
    objpool_put(front->requests, request);
}

void client_input_free(struct client *client)
{
    bytes_put(&client->front->bytes, client->input);
    client->input = NULL;
    client->input_at = 0;
}

void client_close(struct client *client)
{
    struct front *front = client->front;

    if (client->watch.fd < 0)
        return;
    close(client->watch.fd);
    client->watch.fd = -1;
    loop_set(&front->loop, &client->timer, NULL);
    client_input_free(client);
    if (client->state == WORKING)
        client->request->client = NULL; /* it is the store's until it comes back */
    else if (client->request != NULL)
        client_request_free(front, client->request);
    client->request = NULL;
    client->next = front->closed;
    front->closed = client;
    front->connections--;
}

void clients_free(struct front *front)
{
    while (front->closed != NULL) {
        struct client *client = front->closed;
        front->closed = client->next;
        objpool_put(front->clients, client);
    }
}

/* The last answer is on its way. */
void client_linger(struct client *client)
{
    struct front *front = client->front;

    client_input_free(client);
    if (client->is_at_end || shutdown(client->watch.fd, SHUT_WR) != 0) {
        client_close(client);
        return;
    }
    client->state = LINGERING;
    loop_set(&front->loop, &client->timer, &front->linger);
    loop_want(&front->loop, &client->watch, EPOLLIN);
}

static void client_discard(struct client *client)
{
    static char nowhere[65536];
    ssize_t got = recv(client->watch.fd, nowhere, sizeof nowhere, 0);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        client_close(client);
}

/* ------------------------------------------------------------ reading */

/* The request's first byte. False: no memory, and the client is told. */
static bool request_take(struct client *client)
{
    struct front *front = client->front;

    client->request = objpool_get(front->requests);
    if (client->request == NULL) {
        answer_without_memory(client);
        return false;
    }
    request_begin(client->request, &front->settings, &front->bytes);
    loop_set(&front->loop, &client->timer, &front->head);
    return true;
}

/* It waits to be told before it sends its body; where the kernel does not take that now, it goes without. */
static void say_continue(struct client *client)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    ssize_t sent = send(client->watch.fd, text, sizeof text - 1, MSG_NOSIGNAL);

    client->was_continued = true;
    if (sent > 0 && sent < (ssize_t)sizeof text - 1)
        client_close(client);
}

/* Bytes of a request; how many were its own. */
static size_t request_feed(struct client *client, const char *data, size_t length)
{
    struct front *front = client->front;
    size_t used;

    if (client->request == NULL && !request_take(client))
        return length;
    struct request *request = client->request;
    enum request_state state = request_read(request, data, length, &used);
    front->request_bytes += used;
    if (state == REQUEST_REFUSED || (state == REQUEST_DONE && request->status != 0))
        answer_status(client, request->status);
    else if (state == REQUEST_DONE && request->is_metrics) {
        if (used == length)
            client_input_free(client); /* it is not to be seen in what it asks for */
        answer_metrics(client);
    } else if (state == REQUEST_DONE)
        answer_call(client);
    else if (request->phase == REQUEST_BODY && client->timer.queue == &front->head)
        loop_set(&front->loop, &client->timer, &front->body);
    return used;
}

/* The client has ended its side, perhaps in the middle of a request. */
static void client_ended(struct client *client)
{
    if (client->request != NULL)
        answer_status(client, 400);
    else
        client_close(client);
}

/* Go on with what was read, until there is nothing left of it, or it must wait. */
void client_go(struct client *client)
{
    while (client->watch.fd >= 0 && client->state == READING && client->input != NULL) {
        size_t left = client->input->length - client->input_at;
        size_t used = request_feed(client, client->input->data + client->input_at, left);
        if (client->input == NULL)
            continue;
        client->input_at += used;
        if (client->input_at == client->input->length)
            client_input_free(client);
    }
    if (client->watch.fd < 0 || client->state != READING)
        return;
    if (client->is_at_end) {
        client_ended(client);
        return;
    }
    if (client->front->is_draining && client->request == NULL) {
        client_close(client);
        return;
    }
    loop_want(&client->front->loop, &client->watch, EPOLLIN);
    if (client->request != NULL && client->request->phase == REQUEST_BODY &&
        client->request->wants_continue && !client->was_continued)
        say_continue(client);
}

/* Bytes of a body to their place, all others to the input. */
static void client_read(struct client *client)
{
    struct bytes *bytes = &client->front->bytes;
    size_t room = 0;
    char *to = client->request != NULL ? request_room(client->request, &room) : NULL;
    bool is_body = to != NULL;

    if (is_body) {
        room = room < BODY_READ_SIZE ? room : BODY_READ_SIZE;
    } else {
        client->input = bytes_get(bytes, BYTES_SHORT);
        room = client->request != NULL && client->request->phase == REQUEST_BODY ? CHUNKS_READ_SIZE
                                                                                 : HEAD_READ_SIZE;
        to = client->input != NULL ? bytes_reserve(bytes, BYTES_SHORT, client->input, room) : NULL;
        if (to == NULL) {
            answer_without_memory(client);
            return;
        }
    }
    ssize_t got = recv(client->watch.fd, to, room, 0);
    if (got > 0 && is_body)
        request_feed(client, to, (size_t)got);
    else if (got > 0)
        bytebuf_added(client->input, (size_t)got);
    else if (!is_body)
        client_input_free(client);
    if (got == 0)
        client->is_at_end = true;
    else if (got < 0 && errno != EAGAIN && errno != EINTR)
        client_close(client);
    client_go(client);
}

/* ------------------------------------------------------------ what the loop calls */

static void client_ready(struct watch *watch, uint32_t events)
{
    struct client *client = (struct client *)(void *)watch;

    if (watch->fd < 0) /* closed earlier in this round */
        return;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
        client_close(client); /* nobody is there to read an answer */
        return;
    }
    switch (client->state) {
    case READING:
        client_read(client);
        return;
    case WORKING: /* the next request: it waits in the kernel */
        loop_want(&client->front->loop, watch, 0);
        return;
    case WRITING:
        answer_send(client);
        if (watch->fd >= 0)
            client_go(client);
        return;
    case LINGERING:
        client_discard(client);
        return;
    }
}

static struct client *client_of(struct timer *timer)
{
    return (struct client *)(void *)((char *)timer - offsetof(struct client, timer));
}

void client_cut(struct timer *timer)
{
    client_close(client_of(timer));
}

void client_late(struct timer *timer)
{
    struct client *client = client_of(timer);

    client_input_free(client);
    client->request->keep_alive = false;
    answer_status(client, 408);
}

void client_stuck(struct timer *timer)
{
    client_of(timer)->front->cut++;
    client_close(client_of(timer));
}

void client_open(struct front *front, int socket)
{
    struct client *client = objpool_get(front->clients);

    if (client == NULL) {
        close(socket);
        return;
    }
    *client = (struct client){.watch = {.fd = socket, .ready = client_ready}, .front = front};
    front->connections++;
    loop_set(&front->loop, &client->timer, &front->idle);
    if (loop_watch(&front->loop, &client->watch, EPOLLIN) != 0)
        client_close(client);
}
