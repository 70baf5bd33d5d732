/*
 * A corpus of requests that must be refused, each with its status; the connection ends, so that nothing that
 * follows is taken for a request. Most are from the literature on request smuggling: two parties that see
 * different ends of one request.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "rig.h"

TestSuite(server_malformed, .timeout = 900);

#define PUT "PUT /k HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED PUT "Transfer-Encoding: chunked\r\n\r\n"
/* What is smuggled: it must never be answered. */
#define SMUGGLED "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
#define CASE(status, text)                                                                                   \
    {                                                                                                        \
        status, text, sizeof text - 1                                                                        \
    }

static const struct {
    unsigned status;
    const char *text;
    size_t length;
} corpus[] = {
    /* Both lengths, in either order; two lengths; lengths that are none. */
    CASE(400, PUT "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Content-Length: 5\r\nContent-Length: 6\r\n\r\nvalue" SMUGGLED),
    CASE(400, PUT "Content-Length: 5\r\nContent-Length: 5\r\n\r\nvalue" SMUGGLED),
    CASE(400, PUT "Content-Length: 5, 5\r\n\r\nvalue" SMUGGLED),
    CASE(400, PUT "Content-Length: -1\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Content-Length: +5\r\n\r\nvalue" SMUGGLED),
    CASE(400, PUT "Content-Length: 0x5\r\n\r\nvalue" SMUGGLED),
    CASE(400, PUT "Content-Length: 5 5\r\n\r\nvalue" SMUGGLED),
    CASE(400, PUT "Content-Length: \r\n\r\n" SMUGGLED),
    CASE(400, PUT "Content-Length: 99999999999999999999999\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Content-Length: 18446744073709551615\r\n\r\n" SMUGGLED),
    CASE(413, PUT "Content-Length: 9223372036854775807\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Content-Length : 5\r\n\r\nvalue" SMUGGLED),
    CASE(411, PUT "\r\n" SMUGGLED),
    /* Codings: of another kind, not last, twice, disguised, in the wrong version. */
    CASE(400, PUT "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(501, PUT "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, PUT "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, "PUT /k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    /* Chunks. */
    CASE(400, CHUNKED "5x\r\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "-5\r\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "+5\r\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "0x5\r\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "\r\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED ";5\r\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "ffffffffffffffffff\r\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(413, CHUNKED "7fffffffffffffff\r\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "5\r\nvalue0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "5\r\nvalue!\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "5\r\nvalue\rx0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "5\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "5;\nvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "5\r\nvalue\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "5\rxvalue\r\n0\r\n\r\n" SMUGGLED),
    CASE(400, CHUNKED "5\r\nvalue\r\n0\r\n\rx" SMUGGLED),
    CASE(400, CHUNKED "5\r\nvaluexx0\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\n\rx" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\nHost: x\n\n" SMUGGLED),
    CASE(400, CHUNKED "5\r\nvalue\r\n0\r\nbad trailer\r\n\r\n" SMUGGLED),
    /* Bodies where there is none. */
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nvalue" SMUGGLED),
    CASE(400, "DELETE /k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    CASE(405, "POST /k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nvalue" SMUGGLED),
    /* Hosts. */
    CASE(400, "GET /k HTTP/1.1\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" SMUGGLED),
    /* Fields. */
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\r\n Host: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\nA: b\rc: d\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\nA(): b\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1\r\nHost: x\r\nA\xff: b\r\n\r\n" SMUGGLED),
    /* Request lines. */
    CASE(400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" SMUGGLED),
    CASE(400, "\0" SMUGGLED),
    CASE(400, "G\0T /k HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, " GET /k HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET k HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k\x7f\x01 HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k\ty HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k\x80 HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k y HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.1 \r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTX/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HXTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/1.11\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k HTTP/x.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(501, "GETS /k HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(501, "get /k HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(501, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SMUGGLED),
    CASE(505, "GET /k HTTP/2.0\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(505, "GET /k HTTP/0.9\r\nHost: x\r\n\r\n" SMUGGLED),
    CASE(400, "GET /k\r\n\r\n" SMUGGLED),
};

enum { CASES = sizeof corpus / sizeof *corpus };

static void expect_refusal(struct talk *talk, size_t i)
{
    cr_assert(eq(u32, talk_status(talk), corpus[i].status), "case %zu: %s", i, corpus[i].text);
    cr_assert(talk_is_ended(talk), "case %zu goes on: %s", i, corpus[i].text);
}

/* Fails when one is taken for another request, or for two. */
Test(server_malformed, each_gets_its_status_and_nothing_behind_it_is_served)
{
    struct rig rig;

    rig_start(&rig, NULL);
    for (size_t i = 0; i < CASES; i++) {
        struct talk talk = talk_open(&rig);
        talk_say(&talk, corpus[i].text, corpus[i].length);
        expect_refusal(&talk, i);
        talk_close(&talk);
    }
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* Fails when a refusal depends on what else one read brought. */
Test(server_malformed, each_gets_it_byte_by_byte_too)
{
    struct rig rig;

    rig_start(&rig, NULL);
    for (size_t i = 0; i < CASES; i++) {
        struct talk talk = talk_open(&rig);
        for (size_t at = 0; at < corpus[i].length; at++) {
            if (!talk_say(&talk, corpus[i].text + at, 1))
                break; /* refused before that */
            talk_await_read(&talk);
        }
        expect_refusal(&talk, i);
        talk_close(&talk);
    }
    rig_await_rest(&rig);
    assert_end(&rig);
}

/* What a client leaves unfinished is a bad request to one that has ended its side. */
Test(server_malformed, half_a_request_is_400_or_nothing)
{
    static const char whole[] = PUT "Content-Length: 5\r\n\r\nvalu";
    struct rig rig;

    rig_start(&rig, NULL);
    for (size_t length = 0; length < sizeof whole; length++) {
        struct talk talk = talk_open(&rig);
        talk_say(&talk, whole, length);
        talk_finish(&talk);
        cr_assert(eq(u32, talk_status(&talk), length == 0 ? 0 : 400), "%zu bytes", length);
        talk_close(&talk);
    }
    rig_await_rest(&rig);
    assert_end(&rig);
}
