/*
 * Where a request ends: whatever pieces its bytes come in, and whatever is sent behind it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "rig.h"

TestSuite(server_framing, .timeout = 900);

/* Each kind of request once, in one breath; a field is folded, a chunk has an extension, a trailer follows.
 */
static const char pipeline[] = "\r\nPUT /one HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nvalue"
                               "GET /one HTTP/1.1\r\nhost:x\r\n\r\n"
                               "PUT /two HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\tChunked \r\n\r\n"
                               "3;a=\"b\"\r\nabc\r\n00B\r\n0123456789\n\r\n0\r\nTrailer: y\r\n\r\n"
                               "GET /two HTTP/1.1\r\nX-Long: a\r\n b\r\nHost: x\r\n\r\n"
                               "DELETE /two HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/* Answers in the order of the requests; then the end. */
static void expect_answers(struct talk *talk, const char *what)
{
    static const struct {
        unsigned status;
        const char *body;
    } wanted[] = {{204, ""}, {200, "value"}, {204, ""}, {200, "abc0123456789\n"}, {204, ""}, {404, NULL}};
    struct answer answer;

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        cr_assert(talk_hear(talk, &answer), "%s: no answer %zu", what, i);
        cr_assert(eq(u32, answer.status, wanted[i].status), "%s: answer %zu", what, i);
        cr_assert(wanted[i].body == NULL || strcmp(answer.body, wanted[i].body) == 0, "%s: \"%s\"", what,
                  answer.body);
        answer_free(&answer);
    }
    cr_assert(talk_is_ended(talk), "%s: it goes on", what);
}

/* Fails when the state of a request between two reads is not all that it depends on. */
Test(server_framing, a_pipeline_split_anywhere_is_answered_alike)
{
    struct rig rig;
    char what[32];

    rig_start_redis(&rig, NULL);
    for (size_t split = 0; split < sizeof pipeline; split++) {
        struct talk talk = talk_open(&rig);
        snprintf(what, sizeof what, "split at %zu", split);
        talk_say(&talk, pipeline, split);
        talk_await_read(&talk);
        talk_say(&talk, pipeline + split, sizeof pipeline - 1 - split);
        expect_answers(&talk, what);
        talk_close(&talk);
    }
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when something is looked for in one read only. */
Test(server_framing, a_pipeline_byte_by_byte_is_answered_alike)
{
    struct rig rig;

    rig_start_redis(&rig, NULL);
    struct talk talk = talk_open(&rig);
    for (size_t i = 0; i < sizeof pipeline - 1; i++) {
        talk_say(&talk, pipeline + i, 1);
        talk_await_read(&talk);
    }
    expect_answers(&talk, "byte by byte");
    talk_close(&talk);
    assert_end(&rig);
}

/* Fails when answers are mixed up, or what is read ahead is lost or grows without bound. */
Test(server_framing, many_requests_ahead_of_their_answers_wait_their_turn)
{
    enum { REQUESTS = 3000 };
    struct rig rig;
    struct answer answer;
    char text[160];

    rig_start_redis(&rig, NULL);
    struct talk talk = talk_open(&rig);
    struct talk *to = &talk;
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "value-%d", i);
        rig_put(&rig, text + 6, text, strlen(text));
    }
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(text, sizeof text, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i % 10);
        talk_line(to, text);
        if (i % 100 == 99) /* now and then some are taken: neither side may wait for the other for ever */
            for (int j = i - 99; j <= i; j++) {
                snprintf(text, sizeof text, "value-%d", j % 10);
                cr_assert(talk_hear(to, &answer) && answer.status == 200);
                cr_assert(eq(str, answer.body, text));
                answer_free(&answer);
            }
    }
    talk_close(to);
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when a large body's pieces are put together wrongly, by either way of reading them. */
Test(server_framing, a_large_body_in_pieces_of_any_size_is_whole)
{
    enum { SIZE = 2000000 };
    struct rig rig;
    unsigned char *value = malloc(SIZE);
    uint64_t random = 5;
    char text[64];

    rig_start_redis(&rig, NULL);
    for (int chunked = 0; chunked < 2; chunked++) {
        struct talk talk = talk_open(&rig);
        fill(value, SIZE, (uint64_t)chunked + 1);
        snprintf(text, sizeof text, "Content-Length: %d", SIZE);
        talk_line(&talk, "PUT /key HTTP/1.1\r\nHost: x\r\n");
        talk_line(&talk, chunked ? "Transfer-Encoding: chunked" : text);
        talk_line(&talk, "\r\n\r\n");
        for (size_t at = 0; at < SIZE;) {
            size_t piece = random_size(&random, 100000);
            piece = piece < SIZE - at ? piece : SIZE - at;
            snprintf(text, sizeof text, "%zx\r\n", piece);
            if (chunked)
                talk_line(&talk, text);
            talk_say(&talk, value + at, piece);
            if (chunked)
                talk_line(&talk, "\r\n");
            at += piece;
        }
        if (chunked)
            talk_line(&talk, "0\r\n\r\n");
        talk_line(&talk, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"); /* and what follows it */
        cr_assert(eq(u32, talk_status(&talk), 204));
        cr_assert(eq(u32, talk_status(&talk), 404));
        talk_close(&talk);
        cr_assert(rig_has(&rig, "key", value, SIZE));
    }
    rig_await_rest(&rig);
    assert_end(&rig);
    free(value);
}

/* Fails when a client that waits to be told to go on is not told, or is told in spite of a refusal. */
Test(server_framing, a_body_announced_with_expect_is_asked_for)
{
    struct rig rig;

    rig_start_redis(&rig, "--max-body=10", NULL);
    struct talk talk = talk_open(&rig);
    talk_line(&talk, "PUT /key HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
    cr_assert(eq(u32, talk_status(&talk), 100));
    talk_line(&talk, "value");
    cr_assert(eq(u32, talk_status(&talk), 204));
    talk_line(&talk, "PUT /key HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
    cr_assert(eq(u32, talk_status(&talk), 413));
    cr_assert(talk_is_ended(&talk));
    talk_close(&talk);
    cr_assert(eq(u32, rig_ask(&rig, "GET /key HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n"), 417));
    cr_assert(rig_has(&rig, "key", "value", 5));
    assert_end(&rig);
}
