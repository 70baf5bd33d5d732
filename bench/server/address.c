#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Of several addresses the first of IPv4: that is where most listen, and where we do. */
static int look_up(const char *name, char *host, size_t room)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all;

    int error = getaddrinfo(name, NULL, &hints, &all);
    if (error != 0)
        return error == EAI_SYSTEM ? -errno : error == EAI_MEMORY ? -ENOMEM : -ENXIO;
    const struct addrinfo *found = all;
    while (found->ai_family != AF_INET && found->ai_next != NULL)
        found = found->ai_next;
    if (found->ai_family != AF_INET)
        found = all;
    error = getnameinfo(found->ai_addr, found->ai_addrlen, host, (socklen_t)room, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(all);
    return error == 0 ? 0 : -ENXIO;
}

int address_find(const char *name, char *host, size_t room, int *port)
{
    const char *colon = strrchr(name, ':');
    const char *digits = colon != NULL ? colon + 1 : name;
    char host_name[256], *end;

    *port = 0;
    if (name[0] == '/')
        return (size_t)snprintf(host, room, "%s", name) < room ? 0 : -ENAMETOOLONG;
    long number = strtol(digits, &end, 10);
    if (!isdigit((unsigned char)*digits) || *end != '\0' || number > 65535)
        return -EINVAL;
    *port = (int)number;
    if (colon == NULL)
        return look_up("127.0.0.1", host, room);
    if ((size_t)(colon - name) >= sizeof host_name)
        return -ENAMETOOLONG;
    snprintf(host_name, sizeof host_name, "%.*s", (int)(colon - name), name);
    return look_up(host_name, host, room);
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

    int error = address_find(wanted, host, sizeof host, &port);
    if (error != 0)
        return error;
    snprintf(name, room, "%s", host);
    int listener = host[0] == '/' ? bind_path(host) : bind_port(host, port, name, room);
    if (listener >= 0 && listen(listener, SOMAXCONN) != 0) {
        error = -errno;
        close(listener);
        return error;
    }
    return listener;
}
