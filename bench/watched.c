#include "watched.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_S 5

__attribute__((format(printf, 2, 3))) static bool refuse(struct watched_error *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

/* ------------------------------------------------------------ where */

/* The value of BUFPOOL_STATS in an environment as /proc has it, or NULL. */
static const char *asked_for(const char *environment, size_t bytes)
{
    static const char name[] = "BUFPOOL_STATS=";

    for (size_t at = 0; at < bytes; at += strlen(environment + at) + 1)
        if (strncmp(environment + at, name, sizeof name - 1) == 0)
            return environment + at + sizeof name - 1;
    return NULL;
}

/* As the library does: each %p is the process. A relative path is the process' own. */
static bool expand(const char *value, long pid, char path[108], struct watched_error *error)
{
    char text[512];
    size_t used = value[0] == '/' ? 0 : (size_t)snprintf(text, sizeof text, "/proc/%ld/cwd/", pid);

    for (; *value != '\0' && used < 256; value++) {
        if (value[0] == '%' && value[1] == 'p') {
            used += (size_t)snprintf(text + used, sizeof text - used, "%ld", pid);
            value++;
        } else {
            text[used++] = *value;
        }
    }
    text[used] = '\0';
    if (used >= 108)
        return refuse(error, "process %ld: the path of its socket is too long", pid);
    memcpy(path, text, used + 1);
    return true;
}

static bool find_process(long pid, char path[108], struct watched_error *error)
{
    static char environment[1 << 20];
    char file[64];

    snprintf(file, sizeof file, "/proc/%ld/environ", pid);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse(error, "process %ld: %s", pid, errno == ENOENT ? "there is none" : strerror(errno));
    size_t used = 0;
    for (ssize_t got; used < sizeof environment - 1 &&
                      (got = read(fd, environment + used, sizeof environment - 1 - used)) > 0;)
        used += (size_t)got;
    close(fd);
    environment[used] = '\0';
    const char *value = asked_for(environment, used);
    if (value == NULL)
        return refuse(error, "process %ld was not started with BUFPOOL_STATS: say the path of its socket",
                      pid);
    return expand(value, pid, path, error);
}

bool watched_find(const char *who, char path[108], struct watched_error *error)
{
    char *end;
    long pid = strtol(who, &end, 10);

    if (*who != '\0' && *end == '\0' && pid > 0)
        return find_process(pid, path, error);
    if (strlen(who) >= 108)
        return refuse(error, "%.40s...: too long for the path of a socket", who);
    strcpy(path, who);
    return true;
}

/* ------------------------------------------------------------ the answer */

static bool connect_to(const char *path, int *fd, struct watched_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = ANSWER_S};

    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return refuse(error, "socket: %s", strerror(errno));
    strcpy(address.sun_path, path);
    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        send(*fd, "json\n", 5, MSG_NOSIGNAL) == 5)
        return true;
    refuse(error, "%s: %s", path, strerror(errno));
    close(*fd);
    return false;
}

static size_t read_some(void *buffer, size_t bytes, void *arg)
{
    ssize_t got;
    do
        got = read(*(const int *)arg, buffer, bytes);
    while (got < 0 && errno == EINTR);
    return got < 0 ? (size_t)-1 : (size_t)got;
}

static uint64_t number(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static struct watched_row read_row(const json_t *object)
{
    return (struct watched_row){
        .size = number(object, "size"),
        .in_use = number(object, "in_use_bytes"),
        .in_private = number(object, "private_bytes"),
        .in_shared = number(object, "shared_bytes"),
        .in_victim = number(object, "victim_bytes"),
        .in_cold = number(object, "cold_bytes"),
        .gets = number(object, "gets"),
        .hits = number(object, "hits_private") + number(object, "hits_shared") +
                number(object, "hits_stolen") + number(object, "hits_victim") + number(object, "hits_cold"),
        .refused = number(object, "refused_limit") + number(object, "refused_oversized")};
}

/* The peer may be anybody: what could move a cursor becomes '?'. Bytes C2 80 to C2 9F are controls too. */
static void read_name(char name[128], const json_t *value)
{
    const char *from = json_string_value(value);

    snprintf(name, 128, "%s", from != NULL ? from : "?");
    for (unsigned char *c = (unsigned char *)name; *c != '\0'; c++) {
        if (*c < ' ' || *c == 0x7f)
            *c = '?';
        if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = '?';
    }
}

static bool read_pool(struct watched_pool *pool, const json_t *object)
{
    const json_t *tiers = json_object_get(object, "tiers");
    const json_t *total = json_object_get(object, "total");

    read_name(pool->name, json_object_get(object, "pool"));
    pool->number = number(object, "number");
    pool->threads = number(total, "threads");
    pool->collections = number(total, "collections");
    pool->oversized = number(total, "oversized_bytes");
    pool->remote = number(total, "remote_reclaim") != 0;
    pool->total = read_row(total);
    pool->tiers = json_array_size(tiers);
    pool->tier = calloc(pool->tiers + 1, sizeof *pool->tier);
    for (size_t i = 0; pool->tier != NULL && i < pool->tiers; i++)
        pool->tier[i] = read_row(json_array_get(tiers, i));
    return pool->tier != NULL;
}

static uint64_t backed(const struct watched_pool *pool)
{
    const struct watched_row *row = &pool->total;
    return row->in_use + row->in_private + row->in_shared + row->in_victim + row->in_cold;
}

static int larger_first(const void *a, const void *b)
{
    const struct watched_pool *one = a, *other = b;
    if (backed(one) != backed(other))
        return backed(one) < backed(other) ? 1 : -1;
    return one->number < other->number ? -1 : one->number > other->number;
}

static bool read_all(struct watched *watched, const json_t *root)
{
    const json_t *pools = json_object_get(root, "pools");
    const json_t *resident = json_object_get(root, "rss_bytes");

    watched->pid = number(root, "pid");
    watched->has_resident = json_is_integer(resident);
    watched->resident = number(root, "rss_bytes");
    watched->pools = json_array_size(pools);
    watched->pool = calloc(watched->pools + 1, sizeof *watched->pool);
    bool whole = watched->pool != NULL;
    for (size_t i = 0; whole && i < watched->pools; i++)
        whole = read_pool(&watched->pool[i], json_array_get(pools, i));
    if (whole)
        qsort(watched->pool, watched->pools, sizeof *watched->pool, larger_first);
    return whole;
}

bool watched_ask(struct watched *watched, const char *path, struct watched_error *error)
{
    struct timespec now;
    json_error_t fault;
    int fd;

    *watched = (struct watched){.pools = 0};
    if (!connect_to(path, &fd, error))
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    watched->at_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    json_t *root = json_load_callback(read_some, &fd, 0, &fault);
    close(fd);
    if (root == NULL)
        return refuse(error, "%s: no answer that can be read: %s", path, fault.text);
    bool is_ours = json_is_array(json_object_get(root, "pools"));
    bool whole = is_ours && read_all(watched, root);
    json_decref(root);
    if (whole)
        return true;
    watched_end(watched);
    return refuse(error, "%s: %s", path, is_ours ? "out of memory" : "no statistics socket of a bufpool");
}

void watched_end(struct watched *watched)
{
    for (size_t i = 0; watched->pool != NULL && i < watched->pools; i++)
        free(watched->pool[i].tier);
    free(watched->pool);
    watched->pool = NULL;
    watched->pools = 0;
}

const struct watched_pool *watched_pool_like(const struct watched *watched, const struct watched_pool *pool)
{
    for (size_t i = 0; i < watched->pools; i++) {
        const struct watched_pool *candidate = &watched->pool[i];
        if (candidate->number == pool->number && strcmp(candidate->name, pool->name) == 0 &&
            candidate->tiers == pool->tiers)
            return candidate;
    }
    return NULL;
}
