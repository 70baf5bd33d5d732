#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 64
#define WINDOWS 4096 /* one message's bytes begin at one of so many places of the pattern */
#define PATTERN_BYTES (LOAD_MESSAGE_MAX + WINDOWS)
#define SCRATCH_BYTES ((size_t)256 << 10)

struct connection {
    int socket;
    unsigned window;
    size_t sent, echoed; /* of the message under way */
    bool wants_room;     /* epoll tells when it can be written to */
};

struct run {
    const struct load *load;
    struct load_result *result;
    struct connection *connection;
    char *pattern, *scratch;
    uint64_t started; /* messages */
    int epoll;
    unsigned idle; /* connections that have no message any more */
    bool ending;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char *connect_to(struct run *run, struct connection *connection)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(run->load->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
    int one = 1;

    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0)
        return "socket";
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(connection->socket, (struct sockaddr *)&address, sizeof address) != 0)
        return "connect";
    connection->wants_room = false;
    return epoll_ctl(run->epoll, EPOLL_CTL_ADD, connection->socket, &event) == 0 ? NULL : "epoll_ctl";
}

static const char *want_room(struct run *run, struct connection *connection, bool wanted)
{
    struct epoll_event event = {.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.ptr = connection}};

    if (connection->wants_room == wanted)
        return NULL;
    connection->wants_room = wanted;
    return epoll_ctl(run->epoll, EPOLL_CTL_MOD, connection->socket, &event) == 0 ? NULL : "epoll_ctl";
}

/* As much of the message as the socket takes. */
static const char *send_more(struct run *run, struct connection *connection)
{
    const char *message = run->pattern + connection->window;

    while (connection->sent < run->load->message) {
        ssize_t sent = send(connection->socket, message + connection->sent,
                            run->load->message - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return want_room(run, connection, true);
        if (sent < 0 && errno != EINTR)
            return "send";
        connection->sent += sent > 0 ? (size_t)sent : 0;
    }
    return want_room(run, connection, false);
}

/* A connection broken in the middle of a message, with bytes on their way in both directions. */
static const char *break_off(struct run *run, struct connection *connection)
{
    struct linger reset = {.l_onoff = 1};

    setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(connection->socket);
    run->result->resets++;
    return connect_to(run, connection);
}

static const char *start_message(struct run *run, struct connection *connection)
{
    const struct load *load = run->load;

    if (run->ending || (load->messages != 0 && run->started == load->messages)) {
        run->idle++;
        return NULL;
    }
    run->started++;
    connection->window = (unsigned)(run->started * 61 % WINDOWS);
    connection->sent = connection->echoed = 0;
    if (load->reset_each != 0 && run->started % load->reset_each == 0) {
        const char *fault = send_more(run, connection);
        if (fault == NULL)
            fault = break_off(run, connection);
        if (fault != NULL)
            return fault;
        connection->sent = 0;
    }
    return send_more(run, connection);
}

static const char *receive_more(struct run *run, struct connection *connection)
{
    ssize_t got = recv(connection->socket, run->scratch, SCRATCH_BYTES, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return NULL;
    if (got <= 0)
        return got == 0 ? "the server closed a connection" : "recv";
    if (connection->echoed + (size_t)got > connection->sent)
        return "more came back than was sent";
    if (run->load->verify &&
        memcmp(run->scratch, run->pattern + connection->window + connection->echoed, (size_t)got) != 0)
        return "other bytes came back than were sent";
    connection->echoed += (size_t)got;
    run->result->bytes += (size_t)got;
    if (connection->echoed < run->load->message)
        return NULL;
    run->result->messages++;
    return start_message(run, connection);
}

static const char *serve(struct run *run, const struct epoll_event *event)
{
    struct connection *connection = event->data.ptr;
    const char *fault = NULL;

    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        fault = receive_more(run, connection);
    if (fault == NULL && connection->wants_room && (event->events & EPOLLOUT))
        fault = send_more(run, connection);
    return fault;
}

static const char *loop(struct run *run)
{
    const struct load *load = run->load;
    double start = now_s();
    double warm = start + load->warmup_ms / 1e3, end = warm + load->sample_ms / 1e3;
    bool is_warm = load->warmup_ms == 0;
    struct load_result counted = {0};

    while (run->idle < load->connections) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(run->epoll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR)
            return "epoll_wait";
        for (int i = 0; i < count; i++) {
            const char *fault = serve(run, &events[i]);
            if (fault != NULL)
                return fault;
        }
        if (load->messages != 0)
            continue;
        double now = now_s();
        if (!is_warm && now >= warm) {
            is_warm = true;
            start = now;
            end = now + load->sample_ms / 1e3;
            run->result->messages = run->result->bytes = 0;
        }
        /* What is under way at the end is waited for, but not counted. */
        if (is_warm && !run->ending && now >= end) {
            run->ending = true;
            counted = *run->result;
            counted.seconds = now - start;
        }
    }
    if (!run->ending) {
        counted = *run->result;
        counted.seconds = now_s() - start;
    }
    *run->result = counted;
    return NULL;
}

const char *load_run(const struct load *load, struct load_result *result)
{
    struct run run = {.load = load, .result = result};
    const char *fault = NULL;
    unsigned made = 0;

    *result = (struct load_result){0};
    if (load->message == 0 || load->message > LOAD_MESSAGE_MAX || load->connections == 0)
        return "a message of no size or too large, or no connection";
    run.connection = calloc(load->connections, sizeof *run.connection);
    run.pattern = malloc(PATTERN_BYTES);
    run.scratch = malloc(SCRATCH_BYTES);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run.connection == NULL || run.pattern == NULL || run.scratch == NULL || run.epoll < 0)
        fault = "no memory";
    for (size_t i = 0; fault == NULL && i < PATTERN_BYTES; i++)
        run.pattern[i] = (char)((i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
    for (; fault == NULL && made < load->connections; made++)
        fault = connect_to(&run, &run.connection[made]);
    for (unsigned i = 0; fault == NULL && i < made; i++)
        fault = start_message(&run, &run.connection[i]);
    if (fault == NULL)
        fault = loop(&run);
    for (unsigned i = 0; i < made; i++)
        close(run.connection[i].socket);
    close(run.epoll);
    free(run.scratch);
    free(run.pattern);
    free(run.connection);
    return fault;
}
