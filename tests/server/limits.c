/*
 * What is too large gets its status, and costs no memory beyond the limits: in bytes, however they come.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "process.h"
#include "rig.h"

TestSuite(server_limits, .timeout = 900);

#define PUT "PUT /k HTTP/1.1\r\nHost: x\r\n"

/* Say `begin`, then `more` again and again, far beyond what the server has had enough of; its answer. */
static unsigned endless(struct rig *rig, const char *begin, const char *more)
{
    struct talk talk = talk_open(rig);
    char block[4096];
    size_t length = 0;

    while (length + strlen(more) < sizeof block) {
        memcpy(block + length, more, strlen(more));
        length += strlen(more);
    }
    talk_line(&talk, begin);
    for (size_t said = 0; said < 16 * MIB; said += length)
        MUST(talk_say(&talk, block, length));
    unsigned status = talk_status(&talk);
    talk_finish(&talk);
    MUST(talk_is_ended(&talk)); /* and not reset: that could have taken the answer away */
    talk_close(&talk);
    return status;
}

/* Fails when something may grow without end: each of these goes on after it was refused. */
Test(server_limits, endless_requests_get_their_status_and_cost_no_memory)
{
    static const struct {
        unsigned status;
        const char *begin, *more;
    } cases[] = {
        {414, "GET /", "x"},
        {501, "", "X"},
        {431, "", "\r\n"},
        {431, "GET /k HTTP/1.1\r\n", "x"},
        {431, "GET /k HTTP/1.1\r\nName: ", "x"},
        {431, "GET /k HTTP/1.1\r\nName: ", "x\r\n "},
        {431, "GET /k HTTP/1.1\r\n", "Name: value\r\n"},
        {431, PUT "Transfer-Encoding: ", "chunked,"},
        {431, PUT "Transfer-Encoding: chunked\r\n\r\n5;", "x"},
        {431, PUT "Transfer-Encoding: chunked\r\n\r\n0\r\n", "Name: value\r\n"},
        {413, PUT "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
        {413, PUT "Transfer-Encoding: chunked\r\n\r\n", "0000005;x=y\r\nvalue\r\n"},
        {413, PUT "Content-Length: 1048577\r\n\r\n", "value"},
        {400, PUT "Content-Length: ", "1"},
    };
    struct rig rig;

    rig_start(&rig, "--max-body=1048576", "--linger-ms=60000", NULL);
    uint64_t before = rig_resident(&rig);
    for (int round = 0; round < 2; round++) {
        if (round == 1)
            before = rig_resident(&rig); /* what the first time costs is paid */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            cr_assert(eq(u32, endless(&rig, cases[i].begin, cases[i].more), cases[i].status), "case %zu", i);
    }
    rig_await_rest(&rig);
    /* One request's bytes, as often as an allocator may keep them. */
    uint64_t after = rig_resident(&rig);
    cr_assert(after < before + 4 * MIB || UNDER_SANITIZER, "%llu KiB, then %llu",
              (unsigned long long)before / 1024, (unsigned long long)after / 1024);
    assert_end(&rig);
}

static unsigned ask_sized(struct rig *rig, size_t target, size_t fields, size_t body)
{
    char *text = malloc(target + fields + body + 200);
    char *at = text;

    at += sprintf(at, "PUT /");
    memset(at, 'k', target - 1);
    at += target - 1;
    at += sprintf(at, " HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\nX: ", body);
    size_t head = (size_t)(at - text) + 4;
    if (fields > head) {
        memset(at, 'x', fields - head);
        at += fields - head;
    }
    at += sprintf(at, "\r\n\r\n");
    memset(at, 'v', body);
    at[body] = '\0';
    unsigned status = rig_ask(rig, text);
    free(text);
    return status;
}

/* Fails when a limit is off by one: at each all is well, and one byte above is not. */
Test(server_limits, each_limit_is_where_it_says)
{
    struct rig rig;

    rig_start_redis(&rig, "--max-head=1000", "--max-target=100", "--max-body=50", NULL);
    cr_assert(eq(u32, ask_sized(&rig, 100, 0, 0), 204));
    cr_assert(eq(u32, ask_sized(&rig, 101, 0, 0), 414));
    cr_assert(eq(u32, ask_sized(&rig, 10, 0, 50), 204));
    cr_assert(eq(u32, ask_sized(&rig, 10, 0, 51), 413));
    cr_assert(eq(u32, ask_sized(&rig, 10, 1000, 0), 204));
    cr_assert(eq(u32, ask_sized(&rig, 10, 1001, 0), 431));
    cr_assert(eq(u32,
                 rig_ask(&rig, PUT "Transfer-Encoding: chunked\r\n\r\n"
                                   "20\r\n0123456789abcdef0123456789abcdef\r\n12\r\n0123456789abcdef01\r\n"
                                   "0\r\n\r\n"),
                 204));
    cr_assert(eq(u32,
                 rig_ask(&rig, PUT "Transfer-Encoding: chunked\r\n\r\n"
                                   "20\r\n0123456789abcdef0123456789abcdef\r\n13\r\n"),
                 413));
    rig_await_rest(&rig);
    assert_end(&rig);
}

static void say_to_redis(struct rig *rig, const char *text)
{
    int redis = loopback_connect(rig->redis.port);
    char answer[64];

    MUST(redis >= 0);
    MUST(send(redis, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
    MUST(recv(redis, answer, sizeof answer, 0) > 0 && answer[0] != '-');
    close(redis);
}

/* Fails when what others have put into Redis brings more into memory than the limit, or is taken for bytes.
 */
Test(server_limits, values_that_are_too_large_or_no_bytes_are_502)
{
    struct rig rig;

    rig_start_redis(&rig, "--max-body=1000", NULL);
    say_to_redis(&rig, "SETRANGE large 1000 x\r\n");
    say_to_redis(&rig, "SETRANGE right 999 x\r\n");
    say_to_redis(&rig, "LPUSH list x\r\n");
    cr_assert(eq(u32, rig_ask(&rig, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"), 502));
    cr_assert(eq(u32, rig_ask(&rig, "GET /right HTTP/1.1\r\nHost: x\r\n\r\n"), 200));
    cr_assert(eq(u32, rig_ask(&rig, "GET /list HTTP/1.1\r\nHost: x\r\n\r\n"), 502));
    cr_assert(eq(u32, rig_ask(&rig, "DELETE /list HTTP/1.1\r\nHost: x\r\n\r\n"), 204));
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Clients that announce and do not send. */
enum { CLIENTS = 64 };

static void announce(struct rig *rig, struct talk *talks, const char *text)
{
    for (int i = 0; i < CLIENTS; i++) {
        talks[i] = talk_open(rig);
        talk_line(&talks[i], text);
    }
    for (int i = 0; i < CLIENTS; i++)
        talk_await_read(&talks[i]);
}

static void leave(struct talk *talks)
{
    for (int i = 0; i < CLIENTS; i++)
        talk_close(&talks[i]);
}

/* Fails when pages are touched for bytes that have not come. */
Test(server_limits, what_is_announced_and_not_sent_costs_no_pages)
{
    struct rig rig;
    struct talk talks[CLIENTS];

    rig_start(&rig, NULL);
    rig_await_rest(&rig);
    uint64_t before = rig_resident(&rig);
    announce(&rig, talks, PUT "Content-Length: 1000000\r\n\r\nx");
    uint64_t after = rig_resident(&rig);
    cr_assert(eq(u64, rig_metric(&rig, "server_requests"), CLIENTS));
    cr_assert(after < before + 4 * MIB || UNDER_SANITIZER, "%llu KiB, then %llu",
              (unsigned long long)before / 1024, (unsigned long long)after / 1024);
    leave(talks);
    rig_await_rest(&rig);
    assert_end(&rig);
}

static void all_requests_together_hold_no_more_than_they_may(const char *allocator)
{
    struct rig rig;
    struct talk talks[CLIENTS];
    unsigned refused = 0;

    rig_start(&rig, "--max-held=16777216", allocator, NULL);
    announce(&rig, talks, PUT "Content-Length: 1000000\r\n\r\n");
    uint64_t held = rig_metric(&rig, "server_held_bytes");
    cr_assert(held <= 16 * MIB && held >= 14 * MIB, "%llu bytes", (unsigned long long)held);
    uint64_t waiting = rig_metric(&rig, "server_requests");
    for (int i = 0; i < CLIENTS; i++)
        talk_finish(&talks[i]);
    for (int i = 0; i < CLIENTS; i++)
        refused += talk_status(&talks[i]) == 503;
    cr_assert(eq(u64, refused, CLIENTS - waiting));
    leave(talks);
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when many clients, each within its limits, hold more than all may; or one is left without an answer.
 */
Test(server_limits, all_requests_together_hold_no_more_than_they_may)
{
    all_requests_together_hold_no_more_than_they_may("--allocator=bufpool");
}

Test(server_limits, all_requests_together_hold_no_more_than_they_may_with_malloc)
{
    all_requests_together_hold_no_more_than_they_may("--allocator=malloc");
}

/* Fails when one client more than allowed is served, or is forgotten when there is room. */
Test(server_limits, more_clients_than_allowed_wait_for_one_to_leave)
{
    struct rig rig;

    rig_start(&rig, "--max-connections=2", NULL);
    struct talk first = talk_open(&rig), second = talk_open(&rig), third = talk_open(&rig);
    talk_line(&first, "POST /k HTTP/1.1\r\nHost: x\r\n\r\n");
    talk_line(&second, "POST /k HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(eq(u32, talk_status(&first), 405));
    cr_assert(eq(u32, talk_status(&second), 405));
    talk_line(&third, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    talk_line(&first, "POST /k HTTP/1.1\r\nHost: x\r\n\r\n"); /* a round of the loop later */
    cr_assert(eq(u32, talk_status(&first), 405));
    talk_close(&first);
    struct answer answer;
    cr_assert(talk_hear(&third, &answer));
    cr_assert(strstr(answer.body, "\nserver_connections 2\n") != NULL);
    cr_assert(strstr(answer.body, "\nserver_connections_total 3\n") != NULL);
    answer_free(&answer);
    talk_close(&second);
    talk_close(&third);
    assert_end(&rig);
}

/* Fails when a client that cannot be accepted keeps the server awake, or is forgotten: it has no other whose
 * end would remind it. */
Test(server_limits, without_a_descriptor_it_sleeps_until_there_is_one)
{
    enum { AGAIN_MS = 100, PATIENCE_MS = 600000 };
    struct rig rig;
    struct rlimit before, none;
    struct answer answer;

    rig_start(&rig, NULL);
    uint64_t begin = monotonic_ms();
    MUST(prlimit(rig.process, RLIMIT_NOFILE, NULL, &before) == 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    MUST(prlimit(rig.process, RLIMIT_NOFILE, &none, NULL) == 0);
    struct talk talk = talk_open(&rig); /* which wakes it: if it sleeps now, it has tried */
    talk_line(&talk, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    for (unsigned ms = 0; !rig_sleeps(&rig); ms++) {
        cr_assert(ms < PATIENCE_MS, "it never sleeps");
        usleep(1000);
    }
    MUST(prlimit(rig.process, RLIMIT_NOFILE, &before, NULL) == 0);
    cr_assert(talk_hear(&talk, &answer) && answer.status == 200);
    uint64_t tries = metric_of(&answer, "server_accepts_put_off_total");
    uint64_t most =
        (monotonic_ms() - begin) / (AGAIN_MS - 1) + 2; /* its clock and ours begin anywhere in a ms */
    cr_assert(tries >= 1 && tries <= most, "%llu, of %llu at most", (unsigned long long)tries,
              (unsigned long long)most);
    answer_free(&answer);
    talk_close(&talk);
    assert_end(&rig);
}
