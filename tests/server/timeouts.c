/*
 * Who is slow is not waited for: each wait has an end, which bytes do not put off.
 *
 * The limits are short here, and a test waits for what must come: it would wait for ever if it did not.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pools.h"
#include "rig.h"

TestSuite(server_timeouts, .timeout = 900);

#define SHORT "100"

static void expect_408(struct talk *talk)
{
    cr_assert(eq(u32, talk_status(talk), 408));
    cr_assert(talk_is_ended(talk));
    talk_close(talk);
}

/* Fails when half a head is waited for without end. */
Test(server_timeouts, half_a_head_is_408)
{
    struct rig rig;

    rig_start(&rig, "--head-ms=" SHORT, NULL);
    struct talk talk = talk_open(&rig);
    talk_line(&talk, "GET /k HTTP/1.1\r\nHo");
    expect_408(&talk);
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Slow loris: fails when each byte buys more time. */
Test(server_timeouts, a_head_of_few_bytes_at_a_time_is_408)
{
    struct rig rig;

    rig_start(&rig, "--head-ms=" SHORT, "--linger-ms=60000", NULL);
    struct talk talk = talk_open(&rig);
    talk_line(&talk, "GET /k HTTP/1.1\r\n");
    while (rig_metric(&rig, "server_requests") > 0) {
        talk_line(&talk, "A: b\r\n");
        usleep(10000);
    }
    talk_finish(&talk);
    expect_408(&talk);
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* The same for bodies, of known and of unknown length. */
Test(server_timeouts, a_body_of_few_bytes_at_a_time_is_408)
{
    static const char *const lengths[] = {"Content-Length: 100000", "Transfer-Encoding: chunked"};
    struct rig rig;

    rig_start(&rig, "--body-ms=" SHORT, "--linger-ms=60000", NULL);
    for (int i = 0; i < 2; i++) {
        struct talk talk = talk_open(&rig);
        talk_line(&talk, "PUT /k HTTP/1.1\r\nHost: x\r\n");
        talk_line(&talk, lengths[i]);
        talk_line(&talk, "\r\n\r\n");
        talk_await_read(&talk);
        while (rig_metric(&rig, "server_requests") > 0) {
            talk_line(&talk, "1\r\nx\r\n");
            usleep(10000);
        }
        talk_finish(&talk);
        expect_408(&talk);
    }
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when a connection without a request is kept for ever, or told something it did not ask for. */
Test(server_timeouts, an_idle_connection_ends_in_silence)
{
    struct rig rig;

    rig_start(&rig, "--idle-ms=" SHORT, NULL);
    struct talk fresh = talk_open(&rig), used = talk_open(&rig);
    talk_line(&used, "POST /k HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(eq(u32, talk_status(&used), 405));
    cr_assert(talk_is_ended(&fresh));
    cr_assert(talk_is_ended(&used));
    talk_close(&fresh);
    talk_close(&used);
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when an answer that nobody takes is held for ever. */
Test(server_timeouts, who_does_not_take_the_answer_is_cut)
{
    enum { SIZE = 4 << 20 };
    struct rig rig;
    unsigned char *value = calloc(1, SIZE);

    rig_start_redis(&rig, "--write-ms=" SHORT, NULL);
    rig_put(&rig, "key", value, SIZE);
    struct talk talk = talk_open(&rig);
    talk_line(&talk, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
    rig_await(&rig, "server_connections_cut_total", 1);
    rig_await_rest(&rig);
    talk_close(&talk);
    assert_end(&rig);
    free(value);
}

/* Fails when one that was refused is listened to for ever. */
Test(server_timeouts, who_was_refused_and_goes_on_is_cut)
{
    struct rig rig;

    rig_start(&rig, "--linger-ms=" SHORT, NULL);
    struct talk talk = talk_open(&rig);
    talk_line(&talk, "nonsense\r\n\r\n");
    cr_assert(eq(u32, talk_status(&talk), 501));
    while (talk_line(&talk, "more\r\n"))
        usleep(1000);
    talk_close(&talk);
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when a slow reader loses bytes, or keeps others from theirs. */
Test(server_timeouts, a_slow_reader_gets_every_byte_and_holds_up_nobody)
{
    enum { SIZE = 4 << 20, READERS = 8 };
    struct rig rig;
    struct talk readers[READERS];
    unsigned char *value = malloc(SIZE);

    rig_start_redis(&rig, NULL);
    fill(value, SIZE, 3);
    rig_put(&rig, "key", value, SIZE);
    rig_put(&rig, "small", "x", 1);
    for (int i = 0; i < READERS; i++) {
        readers[i] = talk_open(&rig);
        talk_line(&readers[i], "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    rig_await(&rig, "server_calls", 0);
    for (int i = 0; i < 100; i++)
        cr_assert(rig_has(&rig, "small", "x", 1));
    for (int i = 0; i < READERS; i++) {
        struct answer answer;
        cr_assert(talk_hear(&readers[i], &answer));
        cr_assert(answer.size == SIZE && is_filled(answer.body, SIZE, 3));
        answer_free(&answer);
        talk_close(&readers[i]);
    }
    rig_await_rest(&rig);
    assert_end(&rig);
    free(value);
}
