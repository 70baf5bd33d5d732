/*
 * What the server does for whom: methods, keys, keep-alive; on real Redis, from bufpool and from malloc.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "rig.h"
#include "text.h"

TestSuite(server_methods, .timeout = 900);

static void a_value_lives_until_it_is_deleted(const char *allocator)
{
    struct rig rig;

    rig_start_redis(&rig, allocator, NULL);
    cr_assert(eq(u32, rig_ask(&rig, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n"), 404));
    rig_put(&rig, "key", "first", 5);
    cr_assert(rig_has(&rig, "key", "first", 5));
    rig_put(&rig, "key", "", 0);
    cr_assert(rig_has(&rig, "key", "", 0));
    cr_assert(eq(u32, rig_ask(&rig, "DELETE /key HTTP/1.1\r\nHost: x\r\n\r\n"), 204));
    cr_assert(eq(u32, rig_ask(&rig, "DELETE /key HTTP/1.1\r\nHost: x\r\n\r\n"), 404));
    cr_assert(eq(u32, rig_ask(&rig, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n"), 404));
    rig_await_rest(&rig);
    assert_end(&rig);
}

Test(server_methods, a_value_lives_until_it_is_deleted)
{
    a_value_lives_until_it_is_deleted("--allocator=bufpool");
}

Test(server_methods, a_value_lives_until_it_is_deleted_with_malloc)
{
    a_value_lives_until_it_is_deleted("--allocator=malloc");
}

/* Fails when a byte is lost, moved or left over where a buffer grows, a read ends, or a tier does. */
static void values_of_all_sizes_come_back(const char *allocator)
{
    static const size_t around[] = {1, 160, 512, 4096, 16384 - 170, 16384, 65536, 262144, 1048576, 3000000};
    struct rig rig;
    unsigned char *value = malloc(4 * MIB);

    rig_start_redis(&rig, allocator, NULL);
    for (size_t i = 0; i < sizeof around / sizeof *around; i++)
        for (size_t size = around[i] - 1; size <= around[i] + 1; size++) {
            fill(value, size, size);
            rig_put(&rig, "key", value, size);
            cr_assert(rig_has(&rig, "key", value, size), "%zu bytes", size);
        }
    rig_await_rest(&rig);
    assert_end(&rig);
    free(value);
}

Test(server_methods, values_of_all_sizes_come_back)
{
    values_of_all_sizes_come_back("--allocator=bufpool");
}

Test(server_methods, values_of_all_sizes_come_back_with_malloc)
{
    values_of_all_sizes_come_back("--allocator=malloc");
}

/* Fails when a key is cut at a 0, not decoded, or one key is taken for another. */
Test(server_methods, a_key_is_what_follows_the_slash_decoded)
{
    struct rig rig;

    rig_start_redis(&rig, NULL);
    rig_put(&rig, "a%2Fb%00c%20", "bytes", 5);
    cr_assert(rig_has(&rig, "a/b%00c%20", "bytes", 5));
    cr_assert(rig_has(&rig, "%61/b%00%63%20", "bytes", 5));
    cr_assert(eq(u32, rig_ask(&rig, "GET /a/b HTTP/1.1\r\nHost: x\r\n\r\n"), 404));
    cr_assert(eq(u32, rig_ask(&rig, "GET http://x/a/b%00c%20 HTTP/1.1\r\nHost: x\r\n\r\n"), 200));
    cr_assert(eq(u32, rig_ask(&rig, "GET /%6detrics HTTP/1.1\r\nHost: x\r\n\r\n"), 404));
    assert_end(&rig);
}

/* The head without its date, which may be of the next second. */
static void cut_date(char *head)
{
    char *date = strstr(head, "\r\nDate: ");

    cr_assert(date != NULL);
    const char *end = strstr(date + 2, "\r\n");
    memmove(date, end, strlen(end) + 1);
}

/* Fails when HEAD says other than GET, or its answer has a body: that would be the next answer's begin. */
Test(server_methods, head_is_answered_like_get_without_a_body)
{
    static const struct {
        const char *target;
        unsigned status;
    } cases[] = {{"/value", 200}, {"/empty", 200}, {"/large", 200},
                 {"/none", 404},  {"/", 404},      {"/a?b", 400}};
    struct rig rig;
    struct answer head, get;
    char text[128];
    char *large = calloc(1, MIB);

    rig_start_redis(&rig, NULL);
    rig_put(&rig, "value", "value", 5);
    rig_put(&rig, "empty", "", 0);
    rig_put(&rig, "large", large, MIB);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct talk talk = talk_open(&rig);
        snprintf(text, sizeof text, "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].target);
        talk_line(&talk, text);
        cr_assert(talk_hear_head(&talk, &head), "%s", cases[i].target);
        if (cases[i].status == 400) { /* which ends the connection */
            cr_assert(talk_is_ended(&talk));
            talk_close(&talk);
            talk = talk_open(&rig);
        }
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].target);
        talk_line(&talk, text);
        cr_assert(talk_hear(&talk, &get), "%s", cases[i].target);
        cr_assert(eq(u32, get.status, cases[i].status), "%s", cases[i].target);
        cut_date(head.head);
        cut_date(get.head);
        cr_assert(eq(str, head.head, get.head), "%s", cases[i].target);
        answer_free(&get);
        talk_close(&talk);
    }
    struct talk talk = talk_open(&rig);
    talk_line(&talk, "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert(talk_hear_head(&talk, &head));
    cr_assert(head.status == 200 && head.size > 0);
    cr_assert(talk_is_ended(&talk));
    talk_close(&talk);
    rig_await_rest(&rig);
    assert_end(&rig);
    free(large);
}

/* Fails when a method is taken for another, or a refusal does not say what is allowed. */
Test(server_methods, other_methods_are_405_and_unknown_ones_501)
{
    static const char *const others[] = {"POST", "OPTIONS", "TRACE", "PATCH", "PROPFIND"};
    struct rig rig;
    struct answer answer;
    char text[128];

    rig_start(&rig, NULL);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct talk talk = talk_open(&rig);
        snprintf(text, sizeof text, "%s /key HTTP/1.1\r\nHost: x\r\n\r\n", others[i]);
        talk_line(&talk, text);
        cr_assert(talk_hear(&talk, &answer));
        cr_assert(eq(u32, answer.status, 405), "%s", others[i]);
        cr_assert(strstr(answer.head, "\r\nAllow: GET, HEAD, PUT, DELETE\r\n") != NULL);
        answer_free(&answer);
        talk_close(&talk);
    }
    cr_assert(eq(u32, rig_ask(&rig, "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"), 405));
    cr_assert(eq(u32, rig_ask(&rig, "BREW /key HTTP/1.1\r\nHost: x\r\n\r\n"), 501));
    cr_assert(eq(u32, rig_ask(&rig, "PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 405));
    cr_assert(eq(u32, rig_ask(&rig, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 404));
    cr_assert(eq(u32, rig_ask(&rig, "GET /key?x HTTP/1.1\r\nHost: x\r\n\r\n"), 400));
    assert_end(&rig);
}

/* Fails when a connection outlives what its client or version wants, or ends without need. */
Test(server_methods, a_connection_stays_as_long_as_both_want)
{
    struct rig rig;

    rig_start_redis(&rig, NULL);
    struct talk talk = talk_open(&rig);
    for (int i = 0; i < 3; i++) { /* a refusal that leaves no doubt where the request ends ends nothing */
        talk_line(&talk, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(eq(u32, talk_status(&talk), 404));
        talk_line(&talk, "POST /key HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(eq(u32, talk_status(&talk), 405));
    }
    talk_line(&talk, "GET /key HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert(eq(u32, talk_status(&talk), 404));
    cr_assert(talk_is_ended(&talk));
    talk_close(&talk);

    talk = talk_open(&rig);
    talk_line(&talk, "GET /key HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    cr_assert(eq(u32, talk_status(&talk), 404));
    talk_line(&talk, "GET /key HTTP/1.0\r\n\r\n");
    cr_assert(eq(u32, talk_status(&talk), 404));
    cr_assert(talk_is_ended(&talk));
    talk_close(&talk);

    /* Who has ended his side still gets his answer. */
    talk = talk_open(&rig);
    talk_line(&talk, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
    talk_finish(&talk);
    cr_assert(eq(u32, talk_status(&talk), 404));
    cr_assert(talk_is_ended(&talk));
    talk_close(&talk);
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when two of the pools describe one metric, or the page is no Prometheus text. */
Test(server_methods, metrics_are_one_page_of_prometheus_text)
{
    struct rig rig;
    struct answer answer;

    rig_start_redis(&rig, NULL);
    rig_put(&rig, "key", "value", 5);
    struct talk talk = talk_open(&rig);
    talk_line(&talk, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(talk_hear(&talk, &answer));
    const char *fault = prometheus_fault(answer.body);
    cr_assert(fault == NULL, "%s\n%s", fault, answer.body);
    cr_assert(strstr(answer.body, "\nserver_answers_total{status=\"204\"} 1\n") != NULL);
    cr_assert(strstr(answer.body, "\nserver_requests 0\n") != NULL);
    cr_assert(strstr(answer.body, "pool=\"server-values\"") != NULL);
    cr_assert(strstr(answer.body, "pool=\"redis\"") != NULL);
    cr_assert(strstr(answer.body, "pool=\"redis-calls\"") != NULL);
    answer_free(&answer);
    talk_close(&talk);
    assert_end(&rig);
}
