#include "resp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* What a GET begins with, room and all, unless its buffer is larger already. A bytebuf keeps so much whatever
 * was used of it; most values end here, and of a larger one it is what is moved when its buffer grows. */
#define FIRST_SIZE ((size_t)4096)
/* "$" or ":", a number, CR LF: longer is only the text of an error. */
#define LINE_MOST ((size_t)512)

/* ------------------------------------------------------------ the socket */

/* A timeout of the socket shows as EAGAIN, which means something else here. */
static int socket_error(void)
{
    return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

static int send_all(int socket, struct iovec *parts, int count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};

    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return socket_error();
        size_t left = (size_t)sent;
        while (message.msg_iovlen > 0 && left >= message.msg_iov->iov_len) {
            left -= message.msg_iov->iov_len;
            message.msg_iov++;
            message.msg_iovlen--;
        }
        if (message.msg_iovlen > 0) {
            message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + left;
            message.msg_iov->iov_len -= left;
        }
    }
    return 0;
}

/* How many bytes, at least one; or a negative errno. */
static ssize_t receive(int socket, void *to, size_t most)
{
    for (;;) {
        ssize_t got = recv(socket, to, most, 0);
        if (got > 0)
            return got;
        if (got == 0)
            return -ECONNRESET;
        if (errno != EINTR)
            return socket_error();
    }
}

/* ------------------------------------------------------------ lines */

/* What an error line means for whoever asked. */
static int error_line(const char *line)
{
    if (strncmp(line, "-LOADING", 8) == 0 || strncmp(line, "-BUSY", 5) == 0 ||
        strncmp(line, "-MASTERDOWN", 11) == 0)
        return -EAGAIN;
    return strncmp(line, "-OOM", 4) == 0 ? -ENOSPC : -EREMOTEIO;
}

/*
 * The line at the begin of `length` bytes: its kind in *kind, its number in *number. How many bytes it
 * has with its end, 0: it has no end yet, or a negative errno.
 */
static ssize_t line_read(const char *text, size_t length, char *kind, long long *number)
{
    const char *end = memchr(text, '\n', length);
    char line[LINE_MOST + 1], *rest;

    if (end == NULL)
        return length < LINE_MOST ? 0 : -EPROTO;
    size_t size = (size_t)(end - text) + 1;
    if (size > LINE_MOST || size < 3 || end[-1] != '\r')
        return -EPROTO;
    memcpy(line, text, size - 2);
    line[size - 2] = '\0';
    *kind = line[0];
    if (line[0] == '-')
        return error_line(line);
    if (line[0] == '+')
        return (ssize_t)size;
    *number = strtoll(line + 1, &rest, 10);
    if ((line[0] != '$' && line[0] != ':') || rest == line + 1 || *rest != '\0')
        return -EPROTO;
    return (ssize_t)size;
}

/* The one line of an answer, and nothing behind it. */
static int answer(int socket, char *kind, long long *number)
{
    char text[LINE_MOST];
    size_t length = 0;
    ssize_t line = 0;

    while (line == 0) {
        ssize_t got = receive(socket, text + length, sizeof text - length);
        if (got < 0)
            return (int)got;
        length += (size_t)got;
        line = line_read(text, length, kind, number);
    }
    if (line > 0 && (size_t)line != length)
        return -EPROTO;
    return line < 0 ? (int)line : 0;
}

/* ------------------------------------------------------------ commands */

#define PART(text)                                                                                           \
    (struct iovec)                                                                                           \
    {                                                                                                        \
        .iov_base = (void *)(uintptr_t)(text), .iov_len = strlen(text)                                       \
    }
#define BYTES(data, size)                                                                                    \
    (struct iovec)                                                                                           \
    {                                                                                                        \
        .iov_base = (void *)(uintptr_t)(data), .iov_len = (size)                                             \
    }

static int command(int socket, const char *verb, const void *key, size_t key_size)
{
    char head[64];

    snprintf(head, sizeof head, "*2\r\n$3\r\n%s\r\n$%zu\r\n", verb, key_size);
    struct iovec parts[] = {PART(head), BYTES(key, key_size), PART("\r\n")};
    return send_all(socket, parts, 3);
}

int resp_get(int socket, const void *key, size_t key_size, struct bytes *bytes, bytebuf_t *into, size_t room,
             size_t most, struct resp_value *value)
{
    char kind;
    long long size = 0;
    ssize_t line = 0;

    int error = command(socket, "GET", key, key_size);
    if (error != 0)
        return error;
    if (bytes_reserve(bytes, BYTES_VALUE, into, FIRST_SIZE) == NULL)
        return -ENOMEM;
    bytebuf_added(into, room);
    while (line == 0) {
        ssize_t got = receive(socket, into->data + into->length, into->capacity - into->length);
        if (got < 0)
            return (int)got;
        bytebuf_added(into, (size_t)got);
        line = line_read(into->data + room, into->length - room, &kind, &size);
    }
    if (line < 0)
        return (int)line;
    if (kind != '$')
        return -EPROTO;
    if (size < 0)
        return -ENOENT;
    if ((unsigned long long)size > most)
        return -EMSGSIZE;

    value->at = room + (size_t)line;
    value->size = (size_t)size;
    size_t end = value->at + value->size + 2;
    if (into->length > end)
        return -EPROTO;
    if (bytes_reserve(bytes, BYTES_VALUE, into, end - into->length) == NULL)
        return -ENOMEM;
    while (into->length < end) {
        ssize_t got = receive(socket, into->data + into->length, end - into->length);
        if (got < 0)
            return (int)got;
        bytebuf_added(into, (size_t)got);
    }
    return memcmp(into->data + end - 2, "\r\n", 2) == 0 ? 0 : -EPROTO;
}

int resp_set(int socket, const void *key, size_t key_size, const void *value, size_t value_size)
{
    char head[64], middle[32], kind = 0;
    long long number;

    snprintf(head, sizeof head, "*3\r\n$3\r\nSET\r\n$%zu\r\n", key_size);
    snprintf(middle, sizeof middle, "\r\n$%zu\r\n", value_size);
    struct iovec parts[] = {PART(head), BYTES(key, key_size), PART(middle), BYTES(value, value_size),
                            PART("\r\n")};
    int error = send_all(socket, parts, 5);
    if (error == 0)
        error = answer(socket, &kind, &number);
    return error == 0 && kind != '+' ? -EPROTO : error;
}

int resp_del(int socket, const void *key, size_t key_size)
{
    char kind = 0;
    long long number = 0;

    int error = command(socket, "DEL", key, key_size);
    if (error == 0)
        error = answer(socket, &kind, &number);
    if (error == 0 && kind != ':')
        return -EPROTO;
    return error == 0 && number == 0 ? -ENOENT : error;
}
