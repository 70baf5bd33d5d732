#include "servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "answers.h"
#include "pools.h"

/* A machine under load, a sanitizer, initdb. */
#define PATIENCE_S 120

/* As whom servers run where the test is root: PostgreSQL refuses to be. */
#define USER "nobody"

/* Where Debian has PostgreSQL's own programs, of one release or the next. */
static const char *const postgres_places[] = {"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin",
                                              "/usr/lib/postgresql/17/bin", "/usr/bin"};

/* $1 where the programs are, $2 the port, $3 and $4 an option. */
static const char postgres_script[] =
    "[ -e data/PG_VERSION ] || \"$1/initdb\" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync "
    "--no-instructions || exit; "
    "exec \"$1/postgres\" -D data -p \"$2\" -h 127.0.0.1 -k '' -F -c shared_buffers=4MB "
    "-c max_connections=40 -c autovacuum=off -c dynamic_shared_memory_type=mmap ${3:+\"$3\" \"$4\"}";

/* ------------------------------------------------------------ what is there */

static bool is_program(const char *directory, const char *name)
{
    char path[256];
    return snprintf(path, sizeof path, "%s/%s", directory, name) < (int)sizeof path &&
           access(path, X_OK) == 0;
}

static bool is_in_path(const char *name)
{
    return is_program("/usr/bin", name) || is_program("/usr/local/bin", name) ||
           is_program("/usr/sbin", name);
}

static const char *postgres_place(void)
{
    for (size_t i = 0; i < sizeof postgres_places / sizeof postgres_places[0]; i++)
        if (is_program(postgres_places[i], "initdb") && is_program(postgres_places[i], "postgres"))
            return postgres_places[i];
    return NULL;
}

const char *server_lacks(enum server_kind kind)
{
    switch (kind) {
    case SERVER_REDIS:
        return is_in_path("redis-server") ? NULL : "redis-server";
    case SERVER_MEMCACHED:
        return is_in_path("memcached") ? NULL : "memcached";
    default:
        return postgres_place() != NULL ? NULL : "postgresql";
    }
}

/* ------------------------------------------------------------ ports */

/* Below what connect() takes by itself: 32768, unless somebody has changed it. */
static unsigned ports_end(void)
{
    unsigned end = 32768;
    FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

    if (range == NULL)
        return end;
    if (fscanf(range, "%u", &end) != 1 || end < 11000)
        end = 32768;
    fclose(range);
    return end;
}

/* Free a moment ago; who comes too late tries another. */
static uint16_t port_choose(void)
{
    unsigned end = ports_end();

    for (;;) {
        uint16_t random;
        MUST(getrandom(&random, sizeof random, 0) == sizeof random);
        uint16_t port = (uint16_t)(10000 + random % (end - 10000));
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        MUST(fd >= 0);
        int error = bind(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
        if (error == 0)
            return port;
    }
}

/* ------------------------------------------------------------ the warden */

static char ask(const struct server *server, char wish)
{
    char answer;

    MUST(send(server->control, &wish, 1, MSG_NOSIGNAL) == 1);
    for (;;) {
        ssize_t got = read(server->control, &answer, 1);
        if (got == 1)
            return answer;
        MUST(got < 0 && errno == EINTR);
    }
}

extern char **environ;

static void spawn_warden(struct server *server, const char *const *command)
{
    char *arguments[24] = {(char *)WARDEN, server->directory, (char *)USER};
    posix_spawn_file_actions_t actions;
    int ends[2];
    size_t count = 3;

    while (*command != NULL && count < 23)
        arguments[count++] = (char *)*command++;
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    MUST(posix_spawn_file_actions_init(&actions) == 0);
    MUST(posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO) == 0);
    MUST(posix_spawn(&server->warden, WARDEN, &actions, NULL, arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    server->control = ends[0];
}

static void run(struct server *server, const char *option, const char *value)
{
    char port[8];
    snprintf(port, sizeof port, "%u", server->port);
    const char *const redis[] = {"redis-server", "--port", port,   "--bind", "127.0.0.1", "--save", "",
                                 "--appendonly", "no",     option, value,    NULL};
    const char *const memcached[] = {"memcached", "-l", "127.0.0.1", "-p",   port,  "-U",
                                     "0",         "-t", "1",         option, value, NULL};
    const char *const postgres[] = {"sh", "-c",   postgres_script, "postgres", postgres_place(),
                                    port, option, value,           NULL};
    const char *const *const command[] = {
        [SERVER_REDIS] = redis, [SERVER_MEMCACHED] = memcached, [SERVER_POSTGRES] = postgres};

    spawn_warden(server, command[server->kind]);
}

/* ------------------------------------------------------------ its life */

static void show_log(const struct server *server)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "%s/log", server->directory);
    FILE *log = fopen(path, "re");

    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        fputs(line, stderr);
    if (log != NULL)
        fclose(log);
}

/* False when it ended instead. */
static bool comes_up(struct server *server)
{
    struct timespec now, end, pause = {.tv_nsec = 2000000};

    MUST(ask(server, 's') == 's');
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += PATIENCE_S;
    do {
        if (server_answers(server->kind, server->port))
            return ask(server, '?') == 'y'; /* else it was somebody else who answered */
        if (ask(server, '?') != 'y')
            return false;
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec);
    return false;
}

void server_start(struct server *server, enum server_kind kind, const char *option, const char *value)
{
    for (unsigned attempt = 0;; attempt++) {
        *server = (struct server){.kind = kind, .port = port_choose(), .directory = "/tmp/server-XXXXXX"};
        MUST(mkdtemp(server->directory) != NULL);
        MUST(chmod(server->directory, 0777) == 0);
        run(server, option, value);
        if (comes_up(server))
            return;
        if (attempt == 2)
            show_log(server);
        server_stop(server);
        MUST(attempt < 2);
    }
}

void server_kill(struct server *server)
{
    MUST(ask(server, 'k') == 'k');
}

void server_restart(struct server *server)
{
    bool is_up = comes_up(server);

    if (!is_up)
        show_log(server);
    MUST(is_up);
}

void server_stop(struct server *server)
{
    int status = 0;

    close(server->control);
    while (waitpid(server->warden, &status, 0) < 0)
        MUST(errno == EINTR);
    MUST(status == 0);
}
