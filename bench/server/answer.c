#include "answer.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "metrics.h"
#include "response.h"

/* ------------------------------------------------------------ writing */

static void answer_sent(struct client *client)
{
    struct front *front = client->front;
    bool stays = client->request->keep_alive;

    client_request_free(front, client->request);
    client->request = NULL;
    client->was_continued = false;
    if (!stays) {
        client_linger(client);
        return;
    }
    client->state = READING;
    loop_set(&front->loop, &client->timer, &front->idle);
}

/* As much as the kernel takes; the rest when it takes more. */
void answer_send(struct client *client)
{
    struct front *front = client->front;
    struct request *request = client->request;

    while (request->sent < request->answer_size) {
        ssize_t sent = send(client->watch.fd, request->answer->data + request->answer_at + request->sent,
                            request->answer_size - request->sent, MSG_NOSIGNAL);
        if (sent >= 0) {
            request->sent += (size_t)sent;
            front->response_bytes += (uint64_t)sent;
        } else if (errno == EAGAIN) {
            if (client->state != WRITING) {
                client->state = WRITING;
                loop_set(&front->loop, &client->timer, &front->writing);
            }
            loop_want(&front->loop, &client->watch, EPOLLOUT);
            return;
        } else if (errno != EINTR) {
            client->state = WRITING;
            client_close(client);
            return;
        }
    }
    answer_sent(client);
}

/* No memory for an answer: this one needs none. */
void answer_without_memory(struct client *client)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
                               "Connection: close\r\n\r\n";

    client->front->answers[503]++;
    (void)!send(client->watch.fd, text, sizeof text - 1, MSG_NOSIGNAL);
    if (client->request != NULL)
        client_request_free(client->front, client->request);
    client->request = NULL;
    client->state = READING;
    client_linger(client);
}

static void answer_ready(struct client *client, unsigned status, bool is_made)
{
    if (!is_made) {
        answer_without_memory(client);
        return;
    }
    client->front->answers[status]++;
    answer_send(client);
}

void answer_status(struct client *client, unsigned status)
{
    client->state = READING; /* the request is ours again */
    if (client->front->is_draining)
        client->request->keep_alive = false;
    answer_ready(client, status, response_status(client->request, status));
}

/* ------------------------------------------------------------ working */

static unsigned status_of(const struct store_call *call)
{
    switch (-call->error) {
    case 0:
        return call->verb == STORE_GET ? 200 : 204;
    case ENOENT:
        return 404;
    case EREMOTEIO:
    case EPROTO:
    case EMSGSIZE:
        return 502;
    case ENOSPC:
        return 507;
    default: /* Redis is not there, or not in time; or we have no memory for its answer */
        return 503;
    }
}

/* The store is through with a call. */
static void call_back(struct post *post)
{
    struct request *request = (struct request *)(void *)post; /* its first member's first member */
    struct front *front =
        (struct front *)(void *)((char *)request->call.store - offsetof(struct front, store));
    struct client *client = request->client;
    unsigned status = status_of(&request->call);

    front->calls--;
    if (client == NULL) { /* it did not wait */
        client_request_free(front, request);
        return;
    }
    if (status == 200) {
        client->state = READING;
        request->keep_alive = request->keep_alive && !front->is_draining;
        answer_ready(client, status, response_value(request));
    } else {
        answer_status(client, status);
    }
    client_go(client);
}

void answer_call(struct client *client)
{
    struct front *front = client->front;
    struct request *request = client->request;
    struct store_call *call = &request->call;

    if (call->verb == STORE_GET) {
        call->reply = bytes_get(&front->bytes, BYTES_VALUE);
        call->room = RESPONSE_ROOM;
        if (call->reply == NULL) {
            answer_status(client, 503);
            return;
        }
    }
    request->client = client;
    call->post.run = call_back;
    client->state = WORKING;
    loop_set(&front->loop, &client->timer, &front->work);
    front->calls++;
    if (store_start(&front->store, call) != 0) {
        front->calls--;
        answer_status(client, 503);
    }
}

void answer_metrics(struct client *client)
{
    struct request *request = client->request;
    char *text;
    size_t length;

    request->keep_alive = request->keep_alive && !client->front->is_draining;
    if (!metrics_text(client->front, &text, &length)) {
        answer_status(client, 503);
        return;
    }
    bool is_made = response_text(request, 200, "text/plain; version=0.0.4", text, length);
    metrics_free(text);
    answer_ready(client, 200, is_made);
}
