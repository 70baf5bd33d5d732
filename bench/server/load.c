/*
 * bufpool-server-load - the clients that wrk is not: slow ones, and ones that go on through an outage.
 *
 *     bufpool-server-load slow PORT /KEY CONNECTIONS MS
 *         GETs, of which each reads 16 KiB every 10 ms. Prints the bytes read and the answers completed.
 *     bufpool-server-load outage PORT /KEY CONNECTIONS MS
 *         PUTs of 1 KiB, one after another. Prints a line each 100 ms: ms since the start, answers 204,
 *         answers 503, connections that ended without an answer; with the wall clock's ms in front.
 *
 * What would fool it: a client that waits for a dead server would count nothing. Each connection that ends
 * is opened again at once, and answers are counted when they are whole.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../harness.h"

enum { VALUE = 1024, HEAD_MOST = 4096, SLICE = 16384, TICK_MS = 10, SLOT_MS = 100, CONNECTIONS_MOST = 4096 };

struct connection {
    int fd;
    char head[HEAD_MOST]; /* of the answer, until it is whole */
    size_t head_length;
    uint64_t left; /* bytes of its body */
    bool in_body;
    unsigned status;
};

static struct {
    bool slow;
    uint16_t port;
    char request[HEAD_MOST];
    size_t request_length;
    int epoll;
    uint64_t bytes, good, unavailable, other, broken;
} load;

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A request fits any socket's buffer, so it is written at once; what it costs to wait for that is not
 * measured. */
static void ask(struct connection *connection)
{
    connection->head_length = 0;
    connection->in_body = false;
    (void)!send(connection->fd, load.request, load.request_length, MSG_NOSIGNAL);
}

static void connection_open(struct connection *connection)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(load.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
    int small = SLICE;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        die("socket: %s", strerror(errno));
    if (load.slow)
        setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("the server is gone: %s", strerror(errno));
    ask(connection);
}

static void answer_end(struct connection *connection)
{
    if (connection->status == (load.slow ? 200u : 204u))
        load.good++;
    else if (connection->status == 503)
        load.unavailable++;
    else
        load.other++;
    ask(connection);
}

/* Bytes of an answer: its head is kept until it is whole, of its body the length counts. */
static void hear(struct connection *connection, const char *bytes, size_t length)
{
    load.bytes += length;
    while (length > 0) {
        if (connection->in_body) {
            size_t part = length < connection->left ? length : connection->left;
            connection->left -= part;
            bytes += part;
            length -= part;
        } else {
            if (connection->head_length == HEAD_MOST - 1)
                die("a head of more than %d bytes", HEAD_MOST);
            connection->head[connection->head_length++] = *bytes++;
            connection->head[connection->head_length] = '\0';
            length--;
            if (connection->head_length < 4 ||
                memcmp(connection->head + connection->head_length - 4, "\r\n\r\n", 4) != 0)
                continue;
            const char *field = strstr(connection->head, "\r\nContent-Length: ");
            connection->left = field != NULL ? strtoull(field + 18, NULL, 10) : 0;
            connection->in_body = true;
            connection->status = (unsigned)strtoul(connection->head + 9, NULL, 10);
        }
        if (connection->in_body && connection->left == 0)
            answer_end(connection);
    }
}

static void connection_ready(struct connection *connection)
{
    static char bytes[65536];
    ssize_t got = recv(connection->fd, bytes, load.slow ? SLICE : sizeof bytes, 0);

    if (got > 0) {
        hear(connection, bytes, (size_t)got);
    } else if (got == 0 || errno != EAGAIN) {
        load.broken++;
        close(connection->fd);
        connection_open(connection);
    }
}

static void request_make(const char *key)
{
    int length = load.slow
                     ? snprintf(load.request, sizeof load.request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", key)
                     : snprintf(load.request, sizeof load.request - VALUE,
                                "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", key, VALUE);
    if (length < 0 || (size_t)length >= sizeof load.request - VALUE)
        die("the key is too long");
    if (!load.slow) {
        memset(load.request + length, 'v', VALUE);
        length += VALUE;
    }
    load.request_length = (size_t)length;
}

static unsigned number(const char *text, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value == 0 || value > most)
        die("\"%s\" is no number from 1 to %u", text, most);
    return (unsigned)value;
}

/* Each reads a slice a tick. */
static void run_slow(struct connection *connections, unsigned count, uint64_t end)
{
    while (clock_ms(CLOCK_MONOTONIC) < end) {
        struct timespec tick = {0, TICK_MS * 1000000L};
        for (unsigned i = 0; i < count; i++)
            connection_ready(&connections[i]);
        nanosleep(&tick, NULL);
    }
    printf("%" PRIu64 ",%" PRIu64 "\n", load.bytes, load.good);
}

static void run_outage(uint64_t start, uint64_t end)
{
    struct epoll_event events[64];
    uint64_t slot = start + SLOT_MS, now;

    while ((now = clock_ms(CLOCK_MONOTONIC)) < end) {
        int count = epoll_wait(load.epoll, events, 64, now < slot ? (int)(slot - now) : 0);
        for (int i = 0; i < count; i++)
            connection_ready(events[i].data.ptr);
        if (clock_ms(CLOCK_MONOTONIC) < slot)
            continue;
        printf("%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", clock_ms(CLOCK_REALTIME),
               slot - start, load.good, load.unavailable, load.other + load.broken);
        load.good = load.unavailable = load.other = load.broken = 0;
        slot += SLOT_MS;
    }
}

int main(int argc, char **argv)
{
    static struct connection connections[CONNECTIONS_MOST];

    if (argc != 6 || (strcmp(argv[1], "slow") != 0 && strcmp(argv[1], "outage") != 0))
        die("usage: bufpool-server-load slow|outage PORT /KEY CONNECTIONS MS");
    load.slow = strcmp(argv[1], "slow") == 0;
    load.port = (uint16_t)number(argv[2], 65535);
    request_make(argv[3]);
    unsigned count = number(argv[4], CONNECTIONS_MOST);
    uint64_t start = clock_ms(CLOCK_MONOTONIC), end = start + number(argv[5], 3600000);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; i++)
        connection_open(&connections[i]);
    if (load.slow)
        run_slow(connections, count, end);
    else
        run_outage(start, end);
    return fflush(stdout) == 0 ? 0 : 1;
}
