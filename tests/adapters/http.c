#include "http.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "rig.h"

#define HEAD_MAX ((size_t)8 << 10)

static bool send_all(int connection, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(connection, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

/* A request's head into `head`, and what came behind it; the bytes there, 0 at the connection's end. */
static size_t receive_head(int connection, char *head, size_t *head_bytes)
{
    size_t at = 0;

    while (at < HEAD_MAX) {
        ssize_t got = recv(connection, head + at, HEAD_MAX - at, 0);
        if (got <= 0)
            return 0;
        at += (size_t)got;
        head[at] = '\0';
        const char *end = strstr(head, "\r\n\r\n");
        if (end != NULL) {
            *head_bytes = (size_t)(end - head) + 4;
            return at;
        }
    }
    return 0;
}

static bool receive_body(int connection, char *body, size_t at, size_t bytes)
{
    while (at < bytes) {
        ssize_t got = recv(connection, body + at, bytes - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* One request and its answer; false at the end. */
static bool serve_one(int connection, char *head, char *body)
{
    char answer[128];
    size_t head_bytes;
    size_t bytes = 0;
    unsigned long long seed;
    size_t received = receive_head(connection, head, &head_bytes);

    if (received == 0)
        return false;
    if (sscanf(head, "GET /%zu/%llu ", &bytes, &seed) == 2) {
        MUST(bytes <= HTTP_BODY_MAX);
        text_make(body, bytes, seed);
    } else {
        const char *length = strcasestr(head, "\r\nContent-Length:");
        MUST(strncmp(head, "POST / ", 7) == 0 && length != NULL);
        bytes = strtoul(strchr(length, ':') + 1, NULL, 10);
        MUST(bytes <= HTTP_BODY_MAX && received - head_bytes <= bytes);
        if (strcasestr(head, "\r\nExpect: 100-continue") != NULL &&
            !send_all(connection, "HTTP/1.1 100 Continue\r\n\r\n", 25))
            return false;
        memcpy(body, head + head_bytes, received - head_bytes);
        if (!receive_body(connection, body, received - head_bytes, bytes))
            return false;
    }
    int written = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", bytes);
    return send_all(connection, answer, (size_t)written) && send_all(connection, body, bytes);
}

struct connection {
    struct http *server;
    int socket;
};

static void *serve(void *arg)
{
    struct connection connection = *(struct connection *)arg;
    char *head = malloc(HEAD_MAX + 1);
    char *body = malloc(HTTP_BODY_MAX);

    MUST(head != NULL && body != NULL);
    free(arg);
    while (serve_one(connection.socket, head, body))
        ;
    free(head);
    free(body);
    close(connection.socket);
    pthread_mutex_lock(&connection.server->lock);
    connection.server->open--;
    pthread_cond_signal(&connection.server->closed);
    pthread_mutex_unlock(&connection.server->lock);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct http *server = arg;

    for (;;) {
        int accepted = accept(server->listener, NULL, NULL);
        if (accepted < 0)
            return NULL;
        struct connection *connection = malloc(sizeof *connection);
        pthread_t thread;
        MUST(connection != NULL);
        *connection = (struct connection){server, accepted};
        pthread_mutex_lock(&server->lock);
        server->open++;
        pthread_mutex_unlock(&server->lock);
        MUST(pthread_create(&thread, NULL, serve, connection) == 0);
        pthread_detach(thread);
    }
}

bool http_begin(struct http *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    server->open = 0;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->closed, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, length) != 0 ||
        listen(server->listener, 64) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &length) != 0)
        return false;
    server->port = ntohs(address.sin_port);
    return pthread_create(&server->accepts, NULL, accept_all, server) == 0;
}

void http_end(struct http *server)
{
    shutdown(server->listener, SHUT_RDWR);
    MUST(pthread_join(server->accepts, NULL) == 0);
    close(server->listener);
    pthread_mutex_lock(&server->lock);
    while (server->open > 0)
        pthread_cond_wait(&server->closed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}
