#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool address_split(const char *name, char *host, size_t room, int *port)
{
    const char *colon = strrchr(name, ':');
    const char *digits = colon != NULL ? colon + 1 : name;
    char *end;

    *port = 0;
    if (name[0] == '/')
        return (size_t)snprintf(host, room, "%s", name) < room;
    long number = strtol(digits, &end, 10);
    if (!isdigit((unsigned char)*digits) || *end != '\0' || number > 65535)
        return false;
    *port = (int)number;
    if (colon == NULL)
        return (size_t)snprintf(host, room, "127.0.0.1") < room;
    return (size_t)snprintf(host, room, "%.*s", (int)(colon - name), name) < room;
}

static int bind_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -errno;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0)
        return listener;
    /* Of a server that ended without saying so, nobody answers there. */
    int error = -errno;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (error == -EADDRINUSE && probe >= 0 &&
        connect(probe, (struct sockaddr *)&address, sizeof address) != 0 && errno == ECONNREFUSED &&
        unlink(path) == 0)
        error = bind(listener, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : -errno;
    if (probe >= 0)
        close(probe);
    if (error == 0)
        return listener;
    close(listener);
    return error;
}

static int bind_port(const char *host, int port, char *name, size_t room)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof address;
    int one = 1;

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return -EINVAL;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -errno;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &length) == 0) {
        snprintf(name, room, "%s:%u", host, (unsigned)ntohs(address.sin_port));
        return listener;
    }
    int error = -errno;
    close(listener);
    return error;
}

int address_listen(const char *wanted, char *name, size_t room)
{
    char host[256];
    int port;

    if (!address_split(wanted, host, sizeof host, &port))
        return -EINVAL;
    snprintf(name, room, "%s", host);
    int listener = host[0] == '/' ? bind_path(host) : bind_port(host, port, name, room);
    if (listener >= 0 && listen(listener, SOMAXCONN) != 0) {
        int error = -errno;
        close(listener);
        return error;
    }
    return listener;
}
