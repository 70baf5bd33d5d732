/*
 * request.c of bench/server alone, with bytes where no client could have them put.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "request.h"

TestSuite(server_request, .timeout = 900);

/* A tier whose buffers touch, and how much one holds. */
#define FULL (HEADROOM_FROM_SIZE + HEADROOM_BYTES)

/* Two buffers, the second right behind the first. */
static void neighbours(bufpool_t *pool, char **first, char **second)
{
    enum { MANY = 256 };
    char *buffers[MANY];

    *first = *second = NULL;
    for (int i = 0; i < MANY; i++) {
        buffers[i] = bufpool_get(pool, FULL);
        MUST(buffers[i] != NULL);
    }
    for (int i = 0; i < MANY && *first == NULL; i++)
        for (int j = 0; j < MANY && *first == NULL; j++)
            if (buffers[j] == buffers[i] + FULL) {
                *first = buffers[i];
                *second = buffers[j];
            }
    MUST(*first != NULL);
    for (int i = 0; i < MANY; i++)
        if (buffers[i] != *first && buffers[i] != *second)
            bufpool_put(pool, buffers[i]);
}

static void read_bytes(struct request *request, const char *bytes, size_t length)
{
    size_t used;

    cr_assert(request_read(request, bytes, length, &used) == REQUEST_MORE);
    cr_assert(eq(sz, used, length));
}

static void read_text(struct request *request, const char *text)
{
    read_bytes(request, text, strlen(text));
}

/* Fails when a chunk is counted as bytes that were read into the body, because they lie where it ends. */
Test(server_request, a_chunk_right_behind_a_full_body_is_another_buffer_s)
{
    static const char rest[] = "value\r\n0\r\n\r\n";
    struct settings settings = {.max_target = 100, .max_body = MIB};
    struct request *request = malloc(sizeof *request);
    struct bytes bytes;
    char line[32], *value = malloc(FULL), *place, *input;
    size_t used;

    request_limit_head(1000);
    cr_assert(bytes_open(&bytes, true, UINT64_MAX) == 0);
    neighbours(bytes.buffers, &place, &input);
    request_begin(request, &settings, &bytes);
    read_text(request, "PUT /k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    snprintf(line, sizeof line, "%zx\r\n", FULL);
    read_text(request, line);
    fill(value, FULL, 1);
    read_bytes(request, value, FULL);
    read_text(request, "\r\n5\r\n");

    /* The body is full to its last byte; it moves to where the next input begins behind it. */
    bytebuf_t *body = request->call.body;
    cr_assert(eq(sz, body->length, FULL));
    cr_assert(eq(sz, body->capacity, FULL));
    memcpy(place, value, FULL);
    bufpool_put(bytes.buffers, body->data);
    body->data = place;
    memcpy(input, rest, sizeof rest);

    cr_assert(request_read(request, input, sizeof rest - 1, &used) == REQUEST_DONE);
    cr_assert(eq(sz, used, sizeof rest - 1));
    cr_assert(eq(sz, body->length, FULL + 5));
    cr_assert(body->length <= body->capacity, "%zu bytes in %zu", body->length, body->capacity);
    cr_assert(memcmp(body->data, value, FULL) == 0 && memcmp(body->data + FULL, rest, 5) == 0);
    request_end(request);
    bufpool_put(bytes.buffers, input);
    cr_assert(eq(u64, bytes_held(&bytes), 0));
    bytes_close(&bytes);
    free(request);
    free(value);
}
