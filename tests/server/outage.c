/*
 * Redis killed and started again in the middle of traffic; and a Redis of our own that answers what it should
 * not.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "rig.h"

TestSuite(server_outage, .timeout = 900);

#define PUT "PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nvalue"
#define GET "GET /k HTTP/1.1\r\nHost: x\r\n\r\n"

/* Fails when an outage is anything but a clear 503 on a connection that stays, or does not end with it. */
Test(server_outage, without_redis_all_is_503_and_with_it_all_is_well_again)
{
    struct rig rig;
    struct answer answer;

    rig_start_redis(&rig, NULL);
    struct talk talk = talk_open(&rig);
    talk_line(&talk, PUT);
    cr_assert(eq(u32, talk_status(&talk), 204));
    for (int round = 0; round < 3; round++) {
        server_kill(&rig.redis);
        for (int i = 0; i < 50; i++) {
            talk_line(&talk, i % 2 ? GET : PUT);
            cr_assert(talk_hear(&talk, &answer));
            cr_assert(eq(u32, answer.status, 503));
            cr_assert(strstr(answer.head, "\r\nRetry-After: 1\r\n") != NULL);
            cr_assert(strstr(answer.head, "\r\nConnection: close\r\n") == NULL);
            answer_free(&answer);
        }
        server_restart(&rig.redis);
        unsigned status;
        do {
            talk_line(&talk, PUT);
            status = talk_status(&talk);
            cr_assert(status == 204 || status == 503);
        } while (status == 503);
        talk_line(&talk, GET);
        cr_assert(eq(u32, talk_status(&talk), 200));
    }
    talk_close(&talk);
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when a kill at any moment leaves a request without an answer, a connection lent out or a byte held.
 */
Test(server_outage, killed_in_the_middle_of_traffic_nothing_is_lost_or_left)
{
    enum { CLIENTS = 32, SIZE = 300000, ROUNDS = 10 };
    struct rig rig;
    struct talk talks[CLIENTS];
    unsigned char *value = malloc(SIZE);
    unsigned good = 0;

    rig_start_redis(&rig, NULL);
    fill(value, SIZE, 9);
    for (int i = 0; i < CLIENTS; i++)
        talks[i] = talk_open(&rig);
    for (int round = 0; round < ROUNDS; round++) {
        if (round == 0 || good > 0)
            rig_put(&rig, "k", value, SIZE);
        for (int i = 0; i < CLIENTS; i++)
            talk_line(&talks[i], i % 4 ? GET : PUT);
        if (round % 2 == 1)
            server_kill(&rig.redis);
        good = 0;
        for (int i = 0; i < CLIENTS; i++) {
            struct answer answer;
            cr_assert(talk_hear(&talks[i], &answer), "client %d was left alone", i);
            bool is_whole = answer.size == 5 || (answer.size == SIZE && is_filled(answer.body, SIZE, 9));
            cr_assert(answer.status == 204 || answer.status == 404 || answer.status == 503 ||
                          (answer.status == 200 && is_whole),
                      "client %d: %u, %zu bytes", i, answer.status, answer.size);
            good += answer.status == 204;
            answer_free(&answer);
        }
        if (round % 2 == 1) {
            server_restart(&rig.redis);
            while (rig_ask(&rig, PUT) != 204)
                ;
            good = 1;
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        talk_close(&talks[i]);
    rig_await_rest(&rig);
    assert_end(&rig);
    free(value);
}

/* ------------------------------------------------------------ a Redis that misbehaves */

static int fake_listen(char option[32])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    MUST(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
         listen(listener, 16) == 0 && getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(option, 32, "--redis=%u", ntohs(address.sin_port));
    return listener;
}

/* Answer the next command with `text`, whatever connection it comes on; NULL: close that. */
static void fake_answer(int listener, int *connection, const char *text)
{
    char command[4096];

    for (;;) {
        struct pollfd ready[] = {{listener, POLLIN, 0}, {*connection, POLLIN, 0}};
        MUST(poll(ready, 2, 60000) > 0);
        if (ready[0].revents != 0) {
            if (*connection >= 0)
                close(*connection);
            *connection = accept(listener, NULL, NULL);
            MUST(*connection >= 0);
        } else if (recv(*connection, command, sizeof command, 0) <= 0) {
            close(*connection);
            *connection = -1;
        } else {
            break;
        }
    }
    if (text != NULL)
        MUST(send(*connection, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
    else
        close(*connection);
    if (text == NULL)
        *connection = -1;
}

/* Fails when an answer that is none is believed, or its connection used again. */
Test(server_outage, whatever_redis_answers_has_its_status)
{
    static const struct {
        const char *request, *answers[2]; /* the second to a second try */
        unsigned status;
    } cases[] = {
        {GET, {"$5\r\nvalue\r\n"}, 200},
        {GET, {"$-1\r\n"}, 404},
        {GET, {"-ERR no\r\n"}, 502},
        {GET, {"-LOADING the dataset\r\n"}, 503},
        {GET, {"+OK\r\n"}, 502},
        {GET, {":1\r\n"}, 502},
        {GET, {"*1\r\n$1\r\nx\r\n"}, 502},
        {GET, {"$5\r\nvalue!!"}, 502},
        {GET, {"$5\r\nvalue\r\n$5\r\nextra\r\n"}, 502},
        {GET, {"$x\r\n"}, 502},
        {GET, {"$\r\n"}, 502},
        {GET, {"$5\nvalue\r\n"}, 502},
        {GET, {"$99999999999\r\n"}, 502},
        {GET, {"\r\n"}, 502},
        {GET, {NULL, "$5\r\nvalue\r\n"}, 200},
        {GET, {NULL, NULL}, 503},
        {PUT, {"+OK\r\n"}, 204},
        {PUT, {"-OOM command not allowed\r\n"}, 507},
        {PUT, {"$2\r\nOK\r\n"}, 502},
        {PUT, {":1\r\n"}, 502},
        {PUT, {NULL, "+OK\r\n"}, 204},
        {"DELETE /k HTTP/1.1\r\nHost: x\r\n\r\n", {":1\r\n"}, 204},
        {"DELETE /k HTTP/1.1\r\nHost: x\r\n\r\n", {":0\r\n"}, 404},
        {"DELETE /k HTTP/1.1\r\nHost: x\r\n\r\n", {"+OK\r\n"}, 502},
    };
    struct rig rig;
    char option[32];
    int listener = fake_listen(option), connection = -1;

    rig_start(&rig, option, NULL);
    struct talk talk = talk_open(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talk_line(&talk, cases[i].request);
        fake_answer(listener, &connection, cases[i].answers[0]);
        if (cases[i].answers[0] == NULL)
            fake_answer(listener, &connection, cases[i].answers[1]);
        cr_assert(eq(u32, talk_status(&talk), cases[i].status), "case %zu", i);
    }
    talk_close(&talk);
    rig_await_rest(&rig);
    assert_end(&rig);
    close(listener);
}

/* Fails when an error of connecting is taken for an answer: ENOENT, of a socket that is not there. */
Test(server_outage, a_redis_whose_socket_is_gone_is_503)
{
    struct rig rig;

    rig_start(&rig, "--redis=/nonexistent/redis", NULL);
    for (int i = 0; i < 3; i++) {
        cr_assert(eq(u32, rig_ask(&rig, GET), 503));
        cr_assert(eq(u32, rig_ask(&rig, PUT), 503));
    }
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when a Redis that is silent is waited for without end, or its connection used again. */
Test(server_outage, a_silent_redis_is_503)
{
    struct rig rig;
    char option[32];
    int listener = fake_listen(option);

    rig_start(&rig, option, "--redis-ms=50", NULL);
    cr_assert(eq(u32, rig_ask(&rig, GET), 503));
    cr_assert(eq(u32, rig_ask(&rig, PUT), 503));
    rig_await_rest(&rig);
    assert_end(&rig);
    close(listener);
}

/* Fails when a client that leaves takes its request's memory with it while Redis is asked. */
Test(server_outage, who_leaves_while_redis_is_asked_leaves_nothing)
{
    struct rig rig;
    char option[32];
    int listener = fake_listen(option), connection = -1;

    rig_start(&rig, option, NULL);
    for (int i = 0; i < 20; i++) {
        struct talk talk = talk_open(&rig);
        talk_line(&talk, i % 2 ? PUT : GET);
        rig_await(&rig, "server_calls", 1);
        talk_close(&talk);
        rig_await(&rig, "server_connections", 1);
        fake_answer(listener, &connection, i % 2 ? "+OK\r\n" : "$5\r\nvalue\r\n");
        rig_await(&rig, "server_calls", 0);
    }
    rig_await_rest(&rig);
    assert_end(&rig);
    close(listener);
}

/* Fails when more calls wait than may. */
Test(server_outage, calls_beyond_the_queue_are_503_at_once)
{
    enum { CLIENTS = 10 };
    struct rig rig;
    struct talk talks[CLIENTS];
    char option[32];
    int listener = fake_listen(option), connection = -1;
    unsigned refused = 0;

    rig_start(&rig, option, "--workers=1", "--queue=4", NULL);
    for (int i = 0; i < CLIENTS; i++) {
        talks[i] = talk_open(&rig);
        talk_line(&talks[i], GET);
        talk_await_read(&talks[i]);
    }
    rig_await(&rig, "server_calls", 5);
    for (int i = 0; i < 5; i++)
        fake_answer(listener, &connection, "$5\r\nvalue\r\n");
    for (int i = 0; i < CLIENTS; i++) {
        unsigned status = talk_status(&talks[i]);
        cr_assert(status == 200 || status == 503);
        refused += status == 503;
        talk_close(&talks[i]);
    }
    cr_assert(eq(u32, refused, CLIENTS - 5));
    rig_await_rest(&rig);
    assert_end(&rig);
    close(listener);
}
