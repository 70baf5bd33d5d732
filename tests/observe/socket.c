/*
 * The statistics socket: what is said and heard at it.
 */
#include <bufpool/observe.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "process.h"
#include "talk.h"
#include "text.h"

/* Nothing here waits for a clock; what would hang for ever fails instead. */
TestSuite(observe_socket, .timeout = 120);

static bufpool_t *pool;
static char *path;

/* 5 buffers of 4 KiB in use, 5 idle; a socket. */
static void set_up(void)
{
    void *buffers[10];

    pool = still_pool();
    get_many(pool, 4 * KIB, buffers, 10);
    put_many(pool, buffers, 5);
    path = talk_path();
    MUST(bufpool_stats_serve(path) == 0);
}

static void tear_down(void)
{
    MUST(bufpool_stats_serve(NULL) == 0);
}

#define SocketTest(name) Test(observe_socket, name, .init = set_up, .fini = tear_down)

/* Fails when a document is another one than bufpool_dump_all's. */
SocketTest(each_word_is_answered_with_its_document)
{
    char *json = talk(path, "json\n");
    cr_assert(json_is_valid(json), "%s", json);
    cr_assert(eq(u64, json_number(json, "in_use_bytes"), 5 * 4 * KIB));
    cr_assert(eq(u64, json_number(json, "pid"), (uint64_t)getpid()));

    char *page = talk(path, "prometheus\r\n");
    const char *fault = prometheus_fault(page);
    cr_assert(fault == NULL, "%s\n%s", fault, page);
    cr_assert(strstr(page, "bufpool_in_use_bytes{pool=\"bufpool\",number=\"0\",tier=\"4096\"} 20480\n") !=
              NULL);

    char *text = talk(path, "text\n");
    cr_assert(strstr(text, "bufpool 'bufpool' #0") != NULL, "%s", text);

    /* Said nothing, and no more: for `nc -UN socket </dev/null`. */
    int fd = talk_to(path);
    shutdown(fd, SHUT_WR);
    char *silent = talk_hear(fd);
    cr_assert(strstr(silent, "bufpool 'bufpool' #0") != NULL, "%s", silent);

    /* A word that its sender's end closes. */
    fd = talk_to(path);
    talk_say(fd, "json");
    shutdown(fd, SHUT_WR);
    char *closed = talk_hear(fd);
    cr_assert(json_is_valid(closed), "%s", closed);

    char *unknown = talk(path, "jsonx\n");
    cr_assert(strstr(unknown, "say text, json or prometheus") != NULL, "%s", unknown);
    free(unknown);
    free(closed);
    free(silent);
    free(text);
    free(page);
    free(json);
}

/* The body behind an HTTP header that tells its length and type. */
static const char *body_of(const char *answer, const char *type)
{
    char line[128];
    const char *body = strstr(answer, "\r\n\r\n");

    cr_assert(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17) == 0, "%s", answer);
    cr_assert(body != NULL, "%s", answer);
    body += 4;
    snprintf(line, sizeof line, "\r\nContent-Type: %s\r\n", type);
    cr_assert(strstr(answer, line) != NULL, "%s", answer);
    snprintf(line, sizeof line, "\r\nContent-Length: %zu\r\n", strlen(body));
    cr_assert(strstr(answer, line) != NULL, "%s", answer);
    return body;
}

/* Fails when a scraper would not understand: length, type, or a header that comes in pieces. */
SocketTest(http_is_understood)
{
    int fd = talk_to(path);
    talk_say(fd, "GET /metrics HTT");
    char *other = talk(path, "text\n"); /* so the first piece has been read */
    talk_say(fd, "P/1.1\r\nHost: localhost\r\nAccept: */*\r\n");
    talk_say(fd, "\r\n");
    char *page = talk_hear(fd);
    const char *fault = prometheus_fault(body_of(page, "text/plain; version=0.0.4; charset=utf-8"));
    cr_assert(fault == NULL, "%s\n%s", fault, page);

    char *json = talk(path, "GET /json?x=y HTTP/1.0\r\n\r\n");
    cr_assert(json_is_valid(body_of(json, "application/json")), "%s", json);
    char *text = talk(path, "GET / HTTP/1.1\n\n");
    cr_assert(strstr(body_of(text, "text/plain; charset=utf-8"), "hit %") != NULL, "%s", text);

    char *missing = talk(path, "GET /metric HTTP/1.1\r\n\r\n");
    cr_assert(strncmp(missing, "HTTP/1.1 404 ", 13) == 0, "%s", missing);
    char *post = talk(path, "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    cr_assert(strncmp(post, "HTTP/1.1 405 ", 13) == 0, "%s", post);
    char *bad = talk(path, "nonsense HTTP/1.1\r\n\r\n");
    cr_assert(strncmp(bad, "HTTP/1.1 400 ", 13) == 0, "%s", bad);
    free(bad);
    free(post);
    free(missing);
    free(text);
    free(json);
    free(page);
    free(other);
}

/* Fails when any bytes hang the thread, crash it, or are taken for a question they are not. */
SocketTest(any_bytes_are_answered_or_sent_away)
{
    static char flood[1 << 16];
    uint64_t random = 1;

    for (size_t i = 0; i < sizeof flood; i++)
        flood[i] = (char)random_next(&random);
    for (size_t length = 1; length <= sizeof flood; length *= 2) {
        int fd = talk_to(path);
        /* It may be answered, and closed, before all is said. */
        if (send(fd, flood, length, MSG_NOSIGNAL) < 0)
            MUST(length > 4000);
        shutdown(fd, SHUT_WR);
        char byte;
        while (read(fd, &byte, 1) > 0)
            continue;
        close(fd);
    }
    char *json = talk(path, "json\n");
    cr_assert(json_is_valid(json));
    free(json);
}

/* Fails when one client is served after the other. */
SocketTest(who_is_silent_does_not_hold_the_next)
{
    int slow = talk_to(path);
    talk_say(slow, "js");
    char *fast = talk(path, "json\n");
    cr_assert(json_is_valid(fast));
    talk_say(slow, "on\n");
    char *late = talk_hear(slow);
    cr_assert(json_is_valid(late));
    free(late);
    free(fast);
}

/* Fails when places are kept for the silent: then a hundred of them would lock everybody out. */
SocketTest(a_hundred_silent_clients_lock_nobody_out)
{
    int silent[100];

    for (int i = 0; i < 100; i++)
        silent[i] = talk_to(path);
    char *json = talk(path, "json\n");
    cr_assert(json_is_valid(json));
    /* Who came first had to go; who came last is still heard. */
    char byte;
    cr_assert(eq(long, read(silent[0], &byte, 1), 0));
    talk_say(silent[99], "text\n");
    char *text = talk_hear(silent[99]);
    cr_assert(strstr(text, "hit %") != NULL);
    for (int i = 0; i < 99; i++)
        close(silent[i]);
    free(text);
    free(json);
}

/* Fails when a document that nobody reads blocks the thread, or a pool's life. */
SocketTest(who_does_not_read_holds_neither_clients_nor_pools)
{
    bufpool_t *pools[80];
    bufpool_config_t config = still_config();

    config.tier_span = 8 * MIB;
    for (int i = 0; i < 80; i++)
        pools[i] = pool_from(&config);
    uint64_t before = monotonic_ms();
    int deaf = talk_to(path);
    int little = 4096;
    MUST(setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &little, sizeof little) == 0);
    talk_say(deaf, "prometheus\n");
    /* Its answer is begun, and more than the sockets hold: something can be read, and it does not end. */
    struct pollfd readable = {.fd = deaf, .events = POLLIN};
    MUST(poll(&readable, 1, -1) == 1);

    char *json = talk(path, "json\n");
    cr_assert(json_is_valid(json));
    for (int i = 0; i < 80; i++)
        bufpool_destroy(pools[i]);
    char *page = talk_hear(deaf);
    /* It is sent away after ten seconds, which a busy machine may need for all this: then only a part came.
     */
    if (monotonic_ms() - before < 10000) {
        MUST(strlen(page) > MIB); /* or it was never waited for */
        cr_assert(page[strlen(page) - 1] == '\n');
    }
    free(page);
    free(json);
}

/* Fails when the process dies of SIGPIPE, or the thread with its client. */
SocketTest(who_hangs_up_harms_nobody)
{
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 50; i++) {
        int fd = talk_to(path);
        talk_say(fd, "prometheus\n");
        close(fd);
    }
    char *json = talk(path, "json\n");
    cr_assert(json_is_valid(json));
    free(json);
}
