/*
 * memcached over plain TCP, its text protocol spoken by hand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "property.h"
#include "traffic.h"

/* A resource is a descriptor, as a pointer; 0 stands for no such number, as it is standard input's. */
static int fd_of(void *resource)
{
    return (int)(intptr_t)resource;
}

static int tcp_open(void **resource, const connpool_target_t *target, void *arg)
{
    const struct server *server = arg;
    int fd = loopback_connect(server->port);

    (void)target;
    if (fd < 0)
        return -errno;
    *resource = (void *)(intptr_t)fd;
    return 0;
}

static void tcp_close(void *resource, void *arg)
{
    (void)arg;
    close(fd_of(resource));
}

static int tcp_fd(void *resource, void *arg)
{
    (void)arg;
    return fd_of(resource);
}

/* Send, and read until what has come ends with `end`; false where it does not come. */
static bool talk(int fd, const char *question, char *answer, size_t size, const char *end)
{
    size_t got = 0, ending = strlen(end);

    if (send(fd, question, strlen(question), MSG_NOSIGNAL) != (ssize_t)strlen(question))
        return false;
    while (got < ending || memcmp(answer + got - ending, end, ending) != 0) {
        ssize_t more = got < size - 1 ? recv(fd, answer + got, size - 1 - got, 0) : 0;
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    answer[got] = '\0';
    return true;
}

static bool set_and_get(void *resource)
{
    char answer[256];
    return talk(fd_of(resource), "set key 0 0 5\r\nhello\r\n", answer, sizeof answer, "\r\n") &&
           strcmp(answer, "STORED\r\n") == 0 &&
           talk(fd_of(resource), "get key\r\n", answer, sizeof answer, "END\r\n") &&
           strcmp(answer, "VALUE key 0 5\r\nhello\r\nEND\r\n") == 0;
}

/* Its own listening sockets count too, and so does the one that asks. */
static uint64_t count_connections(const struct server *server)
{
    static char answer[16384];
    int fd = loopback_connect(server->port);

    MUST(fd >= 0 && talk(fd, "stats\r\n", answer, sizeof answer, "END\r\n"));
    close(fd);
    const char *line = strstr(answer, "STAT curr_connections ");
    MUST(line != NULL);
    return strtoull(line + strlen("STAT curr_connections "), NULL, 10);
}

static connpool_config_t tcp_config(struct server *server)
{
    connpool_config_t config = server_config(server);
    config.name = "memcached";
    config.open = tcp_open;
    config.close = tcp_close;
    config.fd = tcp_fd;
    return config;
}

static struct server server;

/* Fails when a connection leaks, a dead one goes round among the borrowers, or the service does not resume.
 */
static bool memcached_dies_twice_under_traffic(void)
{
    connpool_config_t config = tcp_config(&server);
    return is_skipped(SERVER_MEMCACHED) ||
           survives_two_deaths(&server, &config, set_and_get, count_connections);
}

/* Fails when the kernel's event is missed, or comes to no more than a note. */
static bool of_memcached_no_dead_connection_is_lent_out(void)
{
    connpool_config_t config = tcp_config(&server);
    return is_skipped(SERVER_MEMCACHED) || no_dead_one_is_lent_out(&server, &config, set_and_get);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(memcached_dies_twice_under_traffic),
        PROPERTY(of_memcached_no_dead_connection_is_lent_out),
    };
    if (server_lacks(SERVER_MEMCACHED) == NULL)
        server_start(&server, SERVER_MEMCACHED, NULL, NULL);
    int status = properties_run(properties, sizeof properties / sizeof properties[0]);
    if (server_lacks(SERVER_MEMCACHED) == NULL)
        server_stop(&server);
    return status;
}
