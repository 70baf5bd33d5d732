/*
 * nghttp2 on the default pool: a client and a server over a socketpair, request bodies that come back as
 * response bodies, many streams at once, and sessions made and ended in a loop.
 */
#include <bufpool/nghttp2.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accounts.h"
#include "pools.h"
#include "rig.h"

#define BODY_MAX (64 * KIB)
#define STREAMS 8u
#define SESSIONS 220u
#define WARM_UP 20u

/* One request: sent and expected back by the client; received and sent back by the server. */
struct exchange {
    char sent[BODY_MAX], at_server[BODY_MAX], back[BODY_MAX];
    size_t bytes, sent_at, server_at, answered_at, back_at;
    int status;
    bool is_closed;
};

static struct exchange exchanges[STREAMS];

/* Streams of a client have the numbers 1, 3, 5 and so on. */
static struct exchange *of_stream(int32_t stream)
{
    MUST(stream > 0 && (size_t)(stream / 2) < STREAMS);
    return &exchanges[stream / 2];
}

static ssize_t read_part(const char *from, size_t bytes, size_t *at, uint8_t *to, size_t room,
                         uint32_t *flags)
{
    size_t part = bytes - *at < room ? bytes - *at : room;

    memcpy(to, from + *at, part);
    *at += part;
    if (*at == bytes)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)part;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct exchange *exchange = of_stream(stream);

    (void)session, (void)source, (void)arg;
    return read_part(exchange->sent, exchange->bytes, &exchange->sent_at, to, room, flags);
}

static ssize_t read_answer(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct exchange *exchange = of_stream(stream);

    (void)session, (void)source, (void)arg;
    return read_part(exchange->at_server, exchange->server_at, &exchange->answered_at, to, room, flags);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t count, void *arg)
{
    struct exchange *exchange = of_stream(stream);
    bool is_server = *(const bool *)arg;
    size_t *at = is_server ? &exchange->server_at : &exchange->back_at;

    (void)session, (void)flags;
    if (count > BODY_MAX - *at)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    memcpy((is_server ? exchange->at_server : exchange->back) + *at, bytes, count);
    *at += count;
    return 0;
}

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

/* A request is whole: answer it. */
static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    bool is_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!*(const bool *)arg || !is_request || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return 0;
    const nghttp2_nv headers[] = {header(":status", "200"), header("server", "bufpool's test")};
    nghttp2_data_provider body = {.read_callback = read_answer};
    return nghttp2_submit_response(session, frame->hd.stream_id, headers, 2, &body);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags, void *arg)
{
    (void)session, (void)flags;
    if (!*(const bool *)arg && name_bytes == 7 && memcmp(name, ":status", 7) == 0 && value_bytes == 3)
        of_stream(frame->hd.stream_id)->status = atoi((const char *)value);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *arg)
{
    (void)session;
    if (!*(const bool *)arg)
        of_stream(stream)->is_closed = error == NGHTTP2_NO_ERROR;
    return 0;
}

/* What a session has to send, into its socket; what has come, into the session. False where either fails. */
static bool pump(nghttp2_session *session, int connection)
{
    const uint8_t *bytes;
    uint8_t come[4096];
    ssize_t count;

    while ((count = nghttp2_session_mem_send(session, &bytes)) > 0)
        for (ssize_t at = 0, sent; at < count; at += sent)
            if ((sent = send(connection, bytes + at, (size_t)(count - at), 0)) <= 0)
                return false;
    if (count < 0)
        return false;
    while ((count = recv(connection, come, sizeof come, MSG_DONTWAIT)) > 0)
        if (nghttp2_session_mem_recv(session, come, (size_t)count) != count)
            return false;
    return true;
}

static bool submit(nghttp2_session *client, uint64_t seed)
{
    char path[64];
    char length[32];

    memset(exchanges, 0, sizeof exchanges);
    for (unsigned i = 0; i < STREAMS; i++) {
        struct exchange *exchange = &exchanges[i];
        exchange->bytes = (size_t)((seed * STREAMS + i) * 7919 % BODY_MAX);
        text_make(exchange->sent, exchange->bytes, seed * STREAMS + i);
        snprintf(path, sizeof path, "/echo/%u/%u", (unsigned)seed, i);
        snprintf(length, sizeof length, "%zu", exchange->bytes);
        const nghttp2_nv headers[] = {header(":method", "POST"), header(":scheme", "http"),
                                      header(":authority", "server"), header(":path", path),
                                      header("content-length", length)};
        nghttp2_data_provider body = {.read_callback = read_request};
        REQUIRE(nghttp2_submit_request(client, NULL, headers, 5, &body, NULL) == (int32_t)(2 * i + 1));
    }
    return true;
}

static unsigned closed_streams(void)
{
    unsigned closed = 0;

    for (unsigned i = 0; i < STREAMS; i++)
        closed += exchanges[i].is_closed;
    return closed;
}

/* Two sessions, eight requests at once, all answered. */
static bool one_connection(uint64_t seed)
{
    bool is_server[2] = {false, true};
    nghttp2_session *client;
    nghttp2_session *server;
    nghttp2_session_callbacks *callbacks;
    int ends[2];
    int room = 1 << 20;

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    for (int i = 0; i < 2; i++)
        REQUIRE(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
    REQUIRE(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    REQUIRE(nghttp2_session_client_new3(&client, callbacks, &is_server[0], NULL, bufpool_nghttp2_mem()) == 0);
    REQUIRE(nghttp2_session_server_new3(&server, callbacks, &is_server[1], NULL, bufpool_nghttp2_mem()) == 0);
    nghttp2_session_callbacks_del(callbacks);
    REQUIRE(nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, NULL, 0) == 0);
    REQUIRE(nghttp2_submit_settings(server, NGHTTP2_FLAG_NONE, NULL, 0) == 0);

    REQUIRE(submit(client, seed));
    while (closed_streams() < STREAMS)
        REQUIRE(pump(client, ends[0]) && pump(server, ends[1]));
    for (unsigned i = 0; i < STREAMS; i++) {
        REQUIRE(exchanges[i].status == 200 && exchanges[i].back_at == exchanges[i].bytes);
        REQUIRE(memcmp(exchanges[i].sent, exchanges[i].back, exchanges[i].bytes) == 0);
    }
    nghttp2_session_del(client);
    nghttp2_session_del(server);
    close(ends[0]);
    close(ends[1]);
    return true;
}

/* Would fail where a request went past the face, or where the pool had no idle buffer for it. */
static bool sessions_find_their_buffers_idle(void)
{
    bufpool_stats_t warm = BUFPOOL_STATS_INIT;
    bufpool_stats_t before = stats_of(NULL);

    meter_begin_default();
    for (uint64_t i = 0; i < SESSIONS; i++) {
        if (i == WARM_UP)
            warm = stats_of(NULL);
        REQUIRE(one_connection(i));
    }
    meter_print("nghttp2");
    bufpool_stats_t stats = stats_of(NULL);
    REQUIRE(hit_rate_since("nghttp2", NULL, &warm) > 0.99);
    REQUIRE(stats.gets - before.gets == meter_read().pool_buffers && stats.oversized_gets == 0);
    REQUIRE(meter_read().pool_buffers >= 2 * SESSIONS);
    return true;
}

/* The header says so of a pool whose smallest tier has 64 bytes. */
static bool nearly_all_is_the_pool_s(void)
{
    struct meter asked = meter_read();

    REQUIRE(asked.pool_buffers * 100 > asked.buffers * 96);
    REQUIRE(asked.pool_bytes * 1000 > asked.bytes * 995);
    return true;
}

static bool after_the_last_session_nothing_is_in_use(void)
{
    REQUIRE(stats_of(NULL).in_use_bytes == 0);
    REQUIRE(accounts_fault(NULL) == NULL);
    return true;
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(sessions_find_their_buffers_idle),
        PROPERTY(after_the_last_session_nothing_is_in_use),
        PROPERTY(nearly_all_is_the_pool_s),
    };
    size_t count = sizeof properties / sizeof properties[0];

    rig_default_pool();
    return rig_run(properties, rig_has_tier(64) ? count : count - 1);
}
