/*
 * How it begins and ends.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"
#include "process.h"
#include "rig.h"

TestSuite(server_life, .timeout = 900);

/* Fails when SIGTERM cuts a request that has begun, or waits for one that has not. */
Test(server_life, sigterm_ends_after_the_requests_that_have_begun)
{
    struct rig rig;
    struct answer answer;

    rig_start_redis(&rig, "--drain-ms=60000", NULL);
    struct talk idle = talk_open(&rig), head = talk_open(&rig), body = talk_open(&rig);
    talk_line(&idle, "POST /k HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(eq(u32, talk_status(&idle), 405));
    talk_line(&head, "GET /k HTTP/1.1\r\nHo");
    talk_line(&body, "PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nva");
    rig_await(&rig, "server_requests", 2);
    kill(rig.process, SIGTERM);
    cr_assert(talk_is_ended(&idle));
    talk_line(&head, "st: x\r\n\r\n");
    cr_assert(talk_hear(&head, &answer));
    cr_assert(eq(u32, answer.status, 404));
    cr_assert(strstr(answer.head, "\r\nConnection: close\r\n") != NULL);
    answer_free(&answer);
    talk_line(&body, "lue");
    cr_assert(eq(u32, talk_status(&body), 204));
    talk_close(&idle);
    talk_close(&head);
    talk_close(&body);
    const char *fault = rig_wait_end(&rig);
    cr_assert(fault == NULL, "%s", fault);
}

/* Fails when one client can keep it from ending. */
Test(server_life, sigterm_waits_for_nobody_longer_than_told)
{
    struct rig rig;
    char *value = calloc(1, 4 * MIB);

    rig_start_redis(&rig, "--drain-ms=100", NULL);
    rig_put(&rig, "large", value, 4 * MIB);
    struct talk head = talk_open(&rig), slow = talk_open(&rig);
    talk_line(&head, "GET /k HTTP/1.1\r\nHo");
    talk_line(&slow, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    rig_await(&rig, "server_requests", 2);
    assert_end(&rig);
    talk_close(&head);
    talk_close(&slow);
    free(value);
}

/* Fails when a second signal does not mean now. */
Test(server_life, a_second_sigterm_ends_at_once)
{
    struct rig rig;

    rig_start(&rig, "--drain-ms=86400000", NULL);
    struct talk talk = talk_open(&rig), idle = talk_open(&rig);
    talk_line(&talk, "GET /k HTTP/1.1\r\nHo");
    talk_line(&idle, "POST /k HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(eq(u32, talk_status(&idle), 405));
    talk_await_read(&talk);
    kill(rig.process, SIGTERM);
    cr_assert(talk_is_ended(&idle)); /* the first was heard */
    assert_end(&rig);
    talk_close(&talk);
    talk_close(&idle);
}

/* Fails when a socket left behind keeps the next server from starting, or a live one is robbed of its own. */
Test(server_life, a_dead_server_s_socket_is_replaced_and_a_live_one_s_never)
{
    struct rig rig, other;
    char listen[80];

    rig_start(&rig, NULL);
    snprintf(listen, sizeof listen, "--listen=%s", rig.path);
    pid_t second = fork();
    if (second == 0) {
        execl(SERVER, SERVER, listen, (char *)NULL);
        _exit(127);
    }
    int status;
    MUST(waitpid(second, &status, 0) == second);
    bool is_refused = WIFEXITED(status) && WEXITSTATUS(status) == 1;
    cr_assert(is_refused);
    cr_assert(eq(u32, rig_ask(&rig, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 404));

    kill(rig.process, SIGKILL);
    MUST(waitpid(rig.process, &status, 0) == rig.process);
    rig_start(&other, listen, NULL);
    other.path[0] = '\0';
    rmdir(other.directory);
    strcpy(other.path, rig.path);
    strcpy(other.directory, rig.directory);
    cr_assert(eq(u32, rig_ask(&other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 404));
    assert_end(&other);
}

static int run_with(void *option)
{
    return execl(SERVER, SERVER, (char *)option, (char *)NULL);
}

/* Fails when a word that it does not know, or a number out of its range, is passed over. */
Test(server_life, options_it_does_not_understand_are_named)
{
    static const char *const wrong[] = {"--no-such=1",       "--workers",        "--workers=",
                                        "--workers=0",       "--workers=12x",    "--max-head=-1",
                                        "--allocator=other", "--listen=",        "--workers=99999",
                                        "listen=8080",       "--max-target=4096"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct child_end end = child_run(run_with, (void *)(uintptr_t)wrong[i]);
        cr_assert(child_exited(&end, 2), "%s", wrong[i]);
        cr_assert(strstr(end.errors, i == 6 ? "other" : wrong[i]) != NULL, "%s", end.errors);
    }
}

/* Fails when it starts all the same, and says 503 to everybody: ".." is in no host's name, which needs no
 * name server to tell. */
Test(server_life, an_address_that_is_none_ends_it_with_its_name)
{
    static const char *const wrong[] = {"--listen=nowhere:x",       "--listen=a..b:8080",
                                        "--listen=127.0.0.1:65536", "--redis=nowhere:x",
                                        "--redis=a..b:6379",        "--redis=127.0.0.1:-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct child_end end = child_run(run_with, (void *)(uintptr_t)wrong[i]);
        cr_assert(child_exited(&end, 1), "%s", wrong[i]);
        cr_assert(strstr(end.errors, strchr(wrong[i], '=') + 1) != NULL, "%s", end.errors);
    }
}

/* Fails when a host must be given as numbers. */
Test(server_life, a_host_may_be_given_by_its_name)
{
    struct rig rig;
    struct server redis;
    char option[64];

    server_start(&redis, SERVER_REDIS, NULL, NULL);
    snprintf(option, sizeof option, "--redis=localhost:%u", redis.port);
    rig_start(&rig, option, "--listen=localhost:0", NULL);
    cr_assert(strncmp(rig.name, "127.0.0.1:", 10) == 0, "%s", rig.name);
    rig_put(&rig, "key", "value", 5);
    cr_assert(rig_has(&rig, "key", "value", 5));
    assert_end(&rig);
    server_stop(&redis);
}
