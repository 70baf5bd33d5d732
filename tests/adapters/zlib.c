/*
 * zlib's streams on a pool: made, used and ended in a loop, as a server does that compresses each response.
 */
#include <bufpool/zlib.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "rig.h"
#include "worker.h"

#define TEXT_BYTES (100 * KIB)
#define ROUNDS 250u
#define WARM_UP 10u

static char text[TEXT_BYTES], packed[2 * TEXT_BYTES], unpacked[TEXT_BYTES];

/* Deflate all of text into packed; the bytes it came to, 0 where anything failed. */
static size_t pack(bufpool_t *pool, int level, int memory_level)
{
    z_stream stream;
    size_t bytes = 0;

    memset(&stream, 0, sizeof stream);
    bufpool_zlib_use(&stream, pool);
    if (deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    stream.next_in = (Bytef *)text;
    stream.avail_in = TEXT_BYTES;
    stream.next_out = (Bytef *)packed;
    stream.avail_out = sizeof packed;
    if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
        bytes = stream.total_out;
    return deflateEnd(&stream) == Z_OK ? bytes : 0;
}

/* Inflate it again, in pieces, and compare. */
static bool unpack(bufpool_t *pool, size_t bytes)
{
    z_stream stream;
    int end = Z_OK;

    memset(&stream, 0, sizeof stream);
    bufpool_zlib_use(&stream, pool);
    if (inflateInit(&stream) != Z_OK)
        return false;
    memset(unpacked, 0, sizeof unpacked);
    stream.next_in = (Bytef *)packed;
    stream.avail_in = (uInt)bytes;
    stream.next_out = (Bytef *)unpacked;
    while (end == Z_OK) {
        size_t room = sizeof unpacked - stream.total_out;

        /* Small pieces: what stands in the window is needed again. */
        stream.avail_out = (uInt)(room < 4000 ? room : 4000);
        end = inflate(&stream, Z_NO_FLUSH);
    }
    bool is_whole = end == Z_STREAM_END && stream.total_out == TEXT_BYTES;
    return inflateEnd(&stream) == Z_OK && is_whole && memcmp(text, unpacked, TEXT_BYTES) == 0;
}

static bool round_trip(bufpool_t *pool, uint64_t seed, int level, int memory_level)
{
    text_make(text, TEXT_BYTES, seed);
    size_t bytes = pack(pool, level, memory_level);
    REQUIRE(bytes > 0 && bytes < TEXT_BYTES / 2);
    REQUIRE(unpack(pool, bytes));
    return true;
}

/* Would fail where a buffer came from elsewhere, or where the pool had none idle for a stream like the last.
 */
static bool every_buffer_of_a_stream_is_an_idle_one_of_the_pool(void)
{
    bufpool_t *pool = still_pool();
    bufpool_stats_t warm = BUFPOOL_STATS_INIT;

    meter_begin(pool, 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        if (i == WARM_UP)
            warm = stats_of(pool);
        REQUIRE(round_trip(pool, i, 1 + (int)(i % 9), 8));
    }
    meter_print("zlib");
    struct meter asked = meter_read();
    bufpool_stats_t stats = stats_of(pool);
    REQUIRE(asked.buffers == ROUNDS * (5 + 2));
    REQUIRE(asked.pool_buffers == asked.buffers && stats.gets == asked.buffers && stats.oversized_gets == 0);
    REQUIRE(hit_rate_since("zlib", pool, &warm) > 0.99);
    REQUIRE(stats.in_use_bytes == 0);
    REQUIRE(accounts_fault(pool) == NULL);
    bufpool_destroy(pool);
    return true;
}

/* memLevel 9 has the largest buffer that zlib ever asks for. */
static bool so_are_those_of_every_memory_level(void)
{
    bufpool_t *pool = still_pool();

    meter_begin(pool, 0);
    for (int memory_level = 1; memory_level <= MAX_MEM_LEVEL; memory_level++)
        REQUIRE(round_trip(pool, (uint64_t)memory_level, Z_DEFAULT_COMPRESSION, memory_level));
    meter_print("zlib, memLevel 1 to 9");
    REQUIRE(meter_read().pool_buffers == meter_read().buffers);
    REQUIRE(stats_of(pool).in_use_bytes == 0 && stats_of(pool).oversized_gets == 0);
    bufpool_destroy(pool);
    return true;
}

static void end_stream(void *stream)
{
    (void)deflateEnd(stream);
}

/* A copy is made by the library, from the fields of the original. */
static bool a_copy_may_outlive_its_stream_and_end_on_another_thread(void)
{
    bufpool_t *pool = still_pool();
    z_stream stream;
    z_stream copy;
    struct worker worker;

    text_make(text, TEXT_BYTES, 7);
    memset(&stream, 0, sizeof stream);
    bufpool_zlib_use(&stream, pool);
    REQUIRE(deflateInit(&stream, 6) == Z_OK);
    stream.next_in = (Bytef *)text;
    stream.avail_in = TEXT_BYTES / 2;
    stream.next_out = (Bytef *)packed;
    stream.avail_out = sizeof packed;
    REQUIRE(deflate(&stream, Z_NO_FLUSH) == Z_OK);
    uint64_t one = stats_of(pool).in_use_bytes;
    REQUIRE(deflateCopy(&copy, &stream) == Z_OK);
    REQUIRE(one >= 256 * KIB && stats_of(pool).in_use_bytes == 2 * one);
    REQUIRE(deflateEnd(&stream) == Z_DATA_ERROR); /* in the middle, as it says */
    REQUIRE(stats_of(pool).in_use_bytes == one);

    copy.next_in = (Bytef *)text + TEXT_BYTES / 2;
    copy.avail_in = TEXT_BYTES / 2;
    REQUIRE(deflate(&copy, Z_FINISH) == Z_STREAM_END);
    REQUIRE(unpack(pool, copy.total_out));
    worker_start(&worker);
    worker_do(&worker, end_stream, &copy);
    worker_end(&worker);
    REQUIRE(stats_of(pool).in_use_bytes == 0);
    bufpool_destroy(pool);
    return true;
}

/* Would leak, or crash, where a stream that is half made were not taken back. */
static bool a_stream_that_finds_no_memory_says_so_and_keeps_none(void)
{
    unsigned refused = 0;

    for (size_t limit = 0; limit <= 512 * KIB; limit += 16 * KIB) {
        bufpool_config_t config = still_config();
        config.max_bytes = limit;
        bufpool_t *pool = pool_from(&config);
        z_stream stream;

        memset(&stream, 0, sizeof stream);
        bufpool_zlib_use(&stream, pool);
        int end = deflateInit(&stream, 6);
        REQUIRE(end == Z_OK || end == Z_MEM_ERROR);
        refused += end == Z_MEM_ERROR;
        if (end == Z_OK)
            REQUIRE(deflateEnd(&stream) == Z_OK);
        REQUIRE(stats_of(pool).in_use_bytes == 0);
        bufpool_destroy(pool);
    }
    REQUIRE(refused >= 16 && refused <= 24); /* a stream takes some 272 KiB */
    return true;
}

static bool no_pool_is_the_default_pool(void)
{
    uint64_t gets = stats_of(NULL).gets;

    REQUIRE(round_trip(NULL, 9, 6, 8));
    REQUIRE(stats_of(NULL).gets == gets + 5 + 2);
    REQUIRE(stats_of(NULL).in_use_bytes == 0);
    return true;
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(every_buffer_of_a_stream_is_an_idle_one_of_the_pool),
        PROPERTY(so_are_those_of_every_memory_level),
        PROPERTY(a_copy_may_outlive_its_stream_and_end_on_another_thread),
        PROPERTY(a_stream_that_finds_no_memory_says_so_and_keeps_none),
        PROPERTY(no_pool_is_the_default_pool),
    };

    return rig_run(properties, sizeof properties / sizeof properties[0]);
}
