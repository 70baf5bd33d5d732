/*
 * resp.c of bench/server alone, against a Redis of one answer.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "resp.h"

TestSuite(server_resp, .timeout = 900);

/* Up to this a bytebuf keeps its buffer, however little of it was used. */
#define KEPT_ALWAYS (4 * KIB)

/* Fails when a small value takes a buffer that its bytebuf lets go of again, since so little of it is used:
 * then each such request, or each fifth, asks the pool for another, and all of them lie in caches. */
Test(server_resp, a_small_value_takes_no_more_than_a_bytebuf_always_keeps)
{
    enum { ROOM = 160 };
    static const char answer[] = "$5\r\nvalue\r\n";
    struct resp_value value;
    struct bytes bytes;
    int ends[2];

    cr_assert(bytes_open(&bytes, true, UINT64_MAX) == 0);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    MUST(send(ends[1], answer, sizeof answer - 1, 0) == sizeof answer - 1);
    bytebuf_t *into = bytes_get(&bytes, BYTES_VALUE);
    cr_assert(resp_get(ends[0], "k", 1, &bytes, into, ROOM, MIB, &value) == 0);
    cr_assert(value.size == 5 && memcmp(into->data + value.at, "value", 5) == 0);
    cr_assert(value.at >= ROOM);
    cr_assert(into->capacity <= KEPT_ALWAYS, "%zu bytes", into->capacity);
    bytes_put(&bytes, into);
    bytes_close(&bytes);
    close(ends[0]);
    close(ends[1]);
}
