/*
 * libcurl on the default pool: transfers over loopback, there and back, one at a time and many at once.
 */
#include <bufpool/curl.h>
#include <stdlib.h>

#include "accounts.h"
#include "http.h"
#include "pools.h"
#include "rig.h"

#define AT_ONCE 8u
#define ROUNDS 600u
#define WARM_UP 60u

static struct http server;

/* One transfer: what must come, what has come, and how far what is sent has gone. */
struct transfer {
    CURL *handle;
    struct curl_slist *headers;
    char *expected, *received;
    size_t bytes, sent, come;
};

static struct transfer transfers[AT_ONCE];

static size_t receive(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;

    if (size * count > HTTP_BODY_MAX - transfer->come)
        return 0;
    memcpy(transfer->received + transfer->come, bytes, size * count);
    transfer->come += size * count;
    return size * count;
}

static size_t give(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t left = transfer->bytes - transfer->sent;
    size_t part = left < size * count ? left : size * count;

    memcpy(bytes, transfer->expected + transfer->sent, part);
    transfer->sent += part;
    return part;
}

/* A handle of its own, as programs do that fetch once in a while; every third sends. */
static bool prepare(struct transfer *transfer, uint64_t number)
{
    char url[128];

    transfer->bytes = (size_t)(number * 7919 % (256 * KIB));
    transfer->sent = transfer->come = 0;
    text_make(transfer->expected, transfer->bytes, number);
    memset(transfer->received, 0, transfer->bytes);
    transfer->handle = curl_easy_init();
    REQUIRE(transfer->handle != NULL);
    transfer->headers = curl_slist_append(NULL, "X-Number: of bufpool's test");
    REQUIRE(transfer->headers != NULL);
    curl_easy_setopt(transfer->handle, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(transfer->handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(transfer->handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(transfer->handle, CURLOPT_WRITEDATA, transfer);
    if (number % 3 == 0) {
        snprintf(url, sizeof url, "http://127.0.0.1:%u/", server.port);
        curl_easy_setopt(transfer->handle, CURLOPT_POST, 1L);
        curl_easy_setopt(transfer->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->bytes);
        curl_easy_setopt(transfer->handle, CURLOPT_READFUNCTION, give);
        curl_easy_setopt(transfer->handle, CURLOPT_READDATA, transfer);
    } else {
        snprintf(url, sizeof url, "http://127.0.0.1:%u/%zu/%llu", server.port, transfer->bytes,
                 (unsigned long long)number);
    }
    return curl_easy_setopt(transfer->handle, CURLOPT_URL, url) == CURLE_OK;
}

static bool finish(struct transfer *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(transfer->handle);
    curl_slist_free_all(transfer->headers);
    REQUIRE(status == 200 && transfer->come == transfer->bytes);
    REQUIRE(memcmp(transfer->expected, transfer->received, transfer->bytes) == 0);
    return true;
}

static bool one_at_a_time(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        REQUIRE(prepare(&transfers[0], i));
        REQUIRE(curl_easy_perform(transfers[0].handle) == CURLE_OK);
        REQUIRE(finish(&transfers[0]));
    }
    return true;
}

static bool many_at_once(uint64_t from, uint64_t to)
{
    CURLM *multi = curl_multi_init();

    REQUIRE(multi != NULL);
    for (uint64_t i = from; i < to; i += AT_ONCE) {
        int running = 1;
        for (unsigned j = 0; j < AT_ONCE; j++) {
            REQUIRE(prepare(&transfers[j], i + j));
            REQUIRE(curl_multi_add_handle(multi, transfers[j].handle) == CURLM_OK);
        }
        while (running > 0) {
            REQUIRE(curl_multi_perform(multi, &running) == CURLM_OK);
            REQUIRE(running == 0 || curl_multi_poll(multi, NULL, 0, 1000, NULL) == CURLM_OK);
        }
        for (unsigned j = 0; j < AT_ONCE; j++) {
            REQUIRE(curl_multi_remove_handle(multi, transfers[j].handle) == CURLM_OK);
            REQUIRE(finish(&transfers[j]));
        }
    }
    return curl_multi_cleanup(multi) == CURLM_OK;
}

/* Would fail where a request went past the face, or where the pool had no idle buffer for it. */
static bool transfers_find_their_buffers_idle(void)
{
    bufpool_stats_t warm;
    bufpool_stats_t before = stats_of(NULL);

    meter_begin_default();
    REQUIRE(one_at_a_time(0, WARM_UP));
    warm = stats_of(NULL);
    REQUIRE(one_at_a_time(WARM_UP, ROUNDS));
    meter_print("curl, one at a time");
    REQUIRE(hit_rate_since("curl, one at a time", NULL, &warm) > 0.99);
    bufpool_stats_t stats = stats_of(NULL);
    REQUIRE(stats.gets - before.gets == meter_read().pool_buffers && stats.oversized_gets == 0);
    REQUIRE(meter_read().pool_buffers > ROUNDS);
    return true;
}

static bool so_do_many_at_once(void)
{
    bufpool_stats_t warm;

    meter_begin_default();
    REQUIRE(many_at_once(0, 10 * AT_ONCE));
    warm = stats_of(NULL);
    REQUIRE(many_at_once(10 * AT_ONCE, 60 * AT_ONCE));
    meter_print("curl, eight at once");
    REQUIRE(hit_rate_since("curl, eight at once", NULL, &warm) > 0.99);
    return true;
}

/* Its own clean-up is all it takes. */
static bool after_curl_global_cleanup_nothing_is_in_use(void)
{
    curl_global_cleanup();
    REQUIRE(stats_of(NULL).in_use_bytes == 0);
    REQUIRE(accounts_fault(NULL) == NULL);
    return true;
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(transfers_find_their_buffers_idle),
        PROPERTY(so_do_many_at_once),
        PROPERTY(after_curl_global_cleanup_nothing_is_in_use),
    };

    rig_default_pool();
    MUST(bufpool_curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    MUST(http_begin(&server));
    for (unsigned i = 0; i < AT_ONCE; i++) {
        transfers[i].expected = malloc(HTTP_BODY_MAX);
        transfers[i].received = malloc(HTTP_BODY_MAX);
        MUST(transfers[i].expected != NULL && transfers[i].received != NULL);
    }
    int end = rig_run(properties, sizeof properties / sizeof properties[0]);
    http_end(&server);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        free(transfers[i].expected);
        free(transfers[i].received);
    }
    return end;
}
