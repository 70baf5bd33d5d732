/*
 * The client: raw bytes out, whole answers in. What takes longer than ten minutes aborts, so that a test that
 * would hang fails.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pools.h"
#include "rig.h"

enum { PATIENCE_MS = 600000 };

static int path_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    MUST(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

struct talk talk_open(struct rig *rig)
{
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    unsigned port;
    bool is_port = sscanf(rig->name, "127.0.0.1:%u", &port) == 1;
    struct talk talk = {.fd = is_port ? loopback_connect((uint16_t)port) : path_connect(rig->path)};

    MUST(talk.fd >= 0);
    MUST(setsockopt(talk.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    MUST(setsockopt(talk.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
    return talk;
}

void talk_close(struct talk *talk)
{
    close(talk->fd);
    free(talk->bytes);
    *talk = (struct talk){.fd = -1};
}

bool talk_say(struct talk *talk, const void *bytes, size_t length)
{
    const char *from = bytes;

    while (length > 0) {
        ssize_t sent = send(talk->fd, from, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        MUST(sent >= 0 || errno == EPIPE || errno == ECONNRESET);
        if (sent < 0)
            return false;
        from += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool talk_line(struct talk *talk, const char *text)
{
    return talk_say(talk, text, strlen(text));
}

void talk_await_read(struct talk *talk)
{
    int left = 1;

    for (unsigned ms = 0;; ms++) {
        MUST(ioctl(talk->fd, SIOCOUTQ, &left) == 0 && ms < PATIENCE_MS * 20);
        if (left == 0)
            return;
        usleep(50);
    }
}

void talk_finish(struct talk *talk)
{
    shutdown(talk->fd, SHUT_WR);
}

/* More bytes. False: there are no more. */
static bool hear_more(struct talk *talk)
{
    if (talk->capacity - talk->length < 65536) {
        talk->capacity = 2 * talk->capacity + 65536;
        talk->bytes = realloc(talk->bytes, talk->capacity + 1);
        MUST(talk->bytes != NULL);
    }
    ssize_t got;
    do
        got = recv(talk->fd, talk->bytes + talk->length, talk->capacity - talk->length, 0);
    while (got < 0 && errno == EINTR);
    MUST(got >= 0 || errno == ECONNRESET);
    if (got <= 0)
        return false;
    talk->length += (size_t)got;
    return true;
}

static void forget(struct talk *talk, size_t count)
{
    if (count == 0)
        return;
    memmove(talk->bytes, talk->bytes + count, talk->length - count);
    talk->length -= count;
}

bool talk_hear_head(struct talk *talk, struct answer *answer)
{
    char *end = NULL;

    *answer = (struct answer){.status = 0};
    for (;;) {
        end = talk->length > 0 ? memmem(talk->bytes, talk->length, "\r\n\r\n", 4) : NULL;
        if (end != NULL)
            break;
        if (!hear_more(talk)) {
            MUST(talk->length == 0);
            return false;
        }
    }
    size_t head = (size_t)(end - talk->bytes) + 4;
    MUST(head < sizeof answer->head);
    memcpy(answer->head, talk->bytes, head);
    forget(talk, head);
    MUST(sscanf(answer->head, "HTTP/1.1 %u ", &answer->status) == 1);
    const char *field = strstr(answer->head, "\r\nContent-Length: ");
    MUST(field != NULL || answer->status == 204 || answer->status == 100);
    answer->size = field != NULL ? strtoull(field + 18, NULL, 10) : 0;
    return true;
}

bool talk_hear(struct talk *talk, struct answer *answer)
{
    if (!talk_hear_head(talk, answer))
        return false;
    while (talk->length < answer->size)
        MUST(hear_more(talk));
    answer->body = malloc(answer->size + 1);
    MUST(answer->body != NULL);
    memcpy(answer->body, talk->bytes, answer->size);
    answer->body[answer->size] = '\0';
    forget(talk, answer->size);
    return true;
}

void answer_free(struct answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

bool talk_is_ended(struct talk *talk)
{
    char byte;
    ssize_t got;

    do
        got = recv(talk->fd, &byte, 1, 0);
    while (got < 0 && errno == EINTR);
    return talk->length == 0 && got == 0;
}

unsigned talk_status(struct talk *talk)
{
    struct answer answer;

    if (!talk_hear(talk, &answer))
        return 0;
    answer_free(&answer);
    return answer.status;
}
