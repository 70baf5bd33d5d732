#include "life.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../harness.h"
#include "../measure.h"

int life_listen(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, SOMAXCONN) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        die("cannot listen: %s", strerror(errno));
    *port = ntohs(address.sin_port);
    return listener;
}

void life_socket(int socket)
{
    int one = 1;

    if (fcntl(socket, F_SETFL, O_NONBLOCK) != 0 ||
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        die("cannot set up a connection: %s", strerror(errno));
}

static bufpool_stats_t stats_now(void)
{
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;

    if (bufpool_stats(NULL, &stats) != 0)
        die("no accounts of the default pool");
    return stats;
}

void life_begin(struct life *life, bool pooled, uint16_t port)
{
    life->pooled = pooled;
    if (pooled)
        life->warm = stats_now();
    life->start = measure_resident();
    printf("port %u\n", (unsigned)port);
    if (fflush(stdout) != 0)
        die("nobody listens: %s", strerror(errno));
}

void life_warm(struct life *life)
{
    if (life->pooled)
        life->warm = stats_now();
}

static double hit_rate(const bufpool_stats_t *from, const bufpool_stats_t *to)
{
    uint64_t gets = to->gets - from->gets;
    uint64_t misses =
        to->carves - from->carves + to->oversized_gets - from->oversized_gets + to->failures - from->failures;

    return gets == 0 ? 0 : 1 - (double)misses / (double)gets;
}

void life_end(const struct life *life)
{
    uint64_t load = measure_resident();
    uint64_t in_use = 0;
    double hits = -1;

    if (life->pooled) {
        bufpool_stats_t stats = stats_now();
        in_use = stats.in_use_bytes;
        hits = hit_rate(&life->warm, &stats);
        bufpool_collect(NULL);
        bufpool_collect(NULL);
    }
    printf("end %lu %lu %lu %lu %.6f\n", (unsigned long)(life->start >> 10), (unsigned long)(load >> 10),
           (unsigned long)(measure_resident() >> 10), (unsigned long)in_use, hits);
}
