#include "loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"

void loopback_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    MUST(listener >= 0);
    MUST(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(ends[1] >= 0 && connect(ends[1], (struct sockaddr *)&address, length) == 0);
    ends[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    MUST(ends[0] >= 0);
    close(listener);
}

static uint64_t stream_word(uint64_t number)
{
    return (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

void stream_fill(void *bytes, size_t count, uint64_t offset)
{
    char *to = bytes;

    for (size_t done = 0, step; done < count; done += step) {
        size_t within = (offset + done) % 8;
        uint64_t word = stream_word((offset + done) / 8);
        step = count - done < 8 - within ? count - done : 8 - within;
        memcpy(to + done, (char *)&word + within, step);
    }
}

bool stream_is(const void *bytes, size_t count, uint64_t offset)
{
    const char *from = bytes;

    for (size_t done = 0, step; done < count; done += step) {
        size_t within = (offset + done) % 8;
        uint64_t word = stream_word((offset + done) / 8);
        step = count - done < 8 - within ? count - done : 8 - within;
        if (memcmp(from + done, (char *)&word + within, step) != 0)
            return false;
    }
    return true;
}

static void *send_stream(void *arg)
{
    const struct sender *sender = arg;
    char bytes[64 * KIB];

    for (uint64_t sent = 0; sent < sender->count;) {
        uint64_t left = sender->count - sent;
        size_t wanted = left < sizeof bytes ? left : sizeof bytes;
        stream_fill(bytes, wanted, sent);
        for (size_t done = 0; done < wanted;) {
            ssize_t wrote = send(sender->socket, bytes + done, wanted - done, MSG_NOSIGNAL);
            MUST(wrote > 0 || errno == EINTR);
            done += wrote > 0 ? (size_t)wrote : 0;
        }
        sent += wanted;
    }
    MUST(shutdown(sender->socket, SHUT_WR) == 0);
    return NULL;
}

void sender_start(struct sender *sender, int socket, uint64_t count)
{
    sender->socket = socket;
    sender->count = count;
    MUST(pthread_create(&sender->thread, NULL, send_stream, sender) == 0);
}

void sender_end(struct sender *sender)
{
    MUST(pthread_join(sender->thread, NULL) == 0);
    close(sender->socket);
}

double hit_rate(const bufpool_stats_t *before, const bufpool_stats_t *after)
{
    uint64_t gets = after->gets - before->gets;
    uint64_t hits = after->hits_private - before->hits_private + after->hits_shared - before->hits_shared +
                    after->hits_stolen - before->hits_stolen + after->hits_victim - before->hits_victim +
                    after->hits_cold - before->hits_cold;

    return gets == 0 ? 0 : (double)hits / (double)gets;
}
