/*
 * zstd's contexts on a pool: one for each message, one for each stream, and one that works on threads of its
 * own.
 */
#include <bufpool/zstd.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "rig.h"

#define TEXT_BYTES MIB
#define BLOCK (64 * KIB)

static char text[TEXT_BYTES], packed[2 * TEXT_BYTES], unpacked[TEXT_BYTES];

static bufpool_t *pool_up_to(size_t max_size)
{
    bufpool_config_t config = still_config();

    config.max_size = max_size;
    return pool_from(&config);
}

static ZSTD_CCtx *packer(bufpool_t *pool, int level)
{
    ZSTD_CCtx *context = ZSTD_createCCtx_advanced(bufpool_zstd_mem(pool));

    if (context != NULL)
        (void)ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    return context;
}

/* A message: its length is known, and a context lives as long as it takes. */
static bool one_message(bufpool_t *pool, int level, size_t bytes)
{
    ZSTD_CCtx *in = packer(pool, level);
    ZSTD_DCtx *out = ZSTD_createDCtx_advanced(bufpool_zstd_mem(pool));
    REQUIRE(in != NULL && out != NULL);

    size_t length = ZSTD_compress2(in, packed, sizeof packed, text, bytes);
    REQUIRE(!ZSTD_isError(length) && length < bytes / 2);
    memset(unpacked, 0, bytes);
    REQUIRE(ZSTD_decompressDCtx(out, unpacked, sizeof unpacked, packed, length) == bytes);
    REQUIRE(memcmp(text, unpacked, bytes) == 0);
    ZSTD_freeCCtx(in);
    ZSTD_freeDCtx(out);
    return true;
}

/* A stream: nobody knows its length, so a context keeps a window. Text comes and goes in pieces. */
static bool one_stream(bufpool_t *pool, int level, int workers)
{
    ZSTD_CCtx *in = packer(pool, level);
    ZSTD_DCtx *out = ZSTD_createDCtx_advanced(bufpool_zstd_mem(pool));
    ZSTD_outBuffer to = {packed, sizeof packed, 0};
    REQUIRE(in != NULL && out != NULL);
    REQUIRE(!ZSTD_isError(ZSTD_CCtx_setParameter(in, ZSTD_c_nbWorkers, workers)));

    for (size_t at = 0; at < TEXT_BYTES; at += 16 * KIB) {
        ZSTD_inBuffer piece = {text + at, 16 * KIB, 0};
        while (piece.pos < piece.size)
            REQUIRE(!ZSTD_isError(ZSTD_compressStream2(in, &to, &piece, ZSTD_e_continue)));
    }
    ZSTD_inBuffer nothing = {NULL, 0, 0};
    size_t left = 1;
    while (left != 0) {
        left = ZSTD_compressStream2(in, &to, &nothing, ZSTD_e_end);
        REQUIRE(!ZSTD_isError(left));
    }

    ZSTD_inBuffer from = {packed, to.pos, 0};
    size_t written = 0;
    memset(unpacked, 0, sizeof unpacked);
    while (from.pos < from.size) {
        size_t room = sizeof unpacked - written;
        ZSTD_outBuffer piece = {unpacked + written, room < BLOCK ? room : BLOCK, 0};
        REQUIRE(!ZSTD_isError(ZSTD_decompressStream(out, &piece, &from)));
        written += piece.pos;
    }
    REQUIRE(written == TEXT_BYTES && memcmp(text, unpacked, TEXT_BYTES) == 0);
    ZSTD_freeCCtx(in);
    ZSTD_freeDCtx(out);
    return true;
}

/* Would fail where a buffer came from elsewhere, or where the pool had none idle for a context like the last.
 */
static bool every_buffer_of_a_message_is_an_idle_one_of_a_default_pool(void)
{
    bufpool_t *pool = still_pool();
    bufpool_stats_t warm = BUFPOOL_STATS_INIT;

    meter_begin(pool, 0);
    for (uint64_t i = 0; i < 1010; i++) {
        if (i == 10)
            warm = stats_of(pool);
        text_make(text, BLOCK, i);
        REQUIRE(one_message(pool, 1 + (int)(i % 3), BLOCK));
    }
    meter_print("zstd, messages of 64 KiB, levels 1 to 3");
    bufpool_stats_t stats = stats_of(pool);
    REQUIRE(meter_read().pool_buffers == meter_read().buffers);
    REQUIRE(stats.gets == meter_read().buffers && stats.oversized_gets == 0);
    REQUIRE(hit_rate_since("zstd, messages", pool, &warm) > 0.99);
    REQUIRE(stats.in_use_bytes == 0);
    REQUIRE(accounts_fault(pool) == NULL);
    bufpool_destroy(pool);
    return true;
}

static bool so_are_those_of_a_stream_where_the_largest_tier_is_4_mib(void)
{
    bufpool_t *pool = pool_up_to(4 * MIB);
    bufpool_stats_t warm = BUFPOOL_STATS_INIT;

    meter_begin(pool, 0);
    for (uint64_t i = 0; i < 55; i++) {
        if (i == 5)
            warm = stats_of(pool);
        text_make(text, TEXT_BYTES, i);
        REQUIRE(one_stream(pool, ZSTD_CLEVEL_DEFAULT, 0));
    }
    meter_print("zstd, streams, level 3, max_size 4 MiB");
    REQUIRE(meter_read().pool_buffers == meter_read().buffers && stats_of(pool).oversized_gets == 0);
    REQUIRE(hit_rate_since("zstd, streams", pool, &warm) > 0.99);
    REQUIRE(stats_of(pool).in_use_bytes == 0);
    bufpool_destroy(pool);
    return true;
}

/* The header says which max_size a level needs: with it nothing is oversized, with half of it something is.
 */
static bool the_header_s_sizes_are_the_least_that_do(void)
{
    static const struct {
        int first, last;
        size_t message, stream;
    } rows[] = {{1, 2, 512 * KIB, 2 * MIB},
                {3, 3, MIB, 4 * MIB},
                {4, 6, 2 * MIB, 8 * MIB},
                {7, 8, 2 * MIB, 16 * MIB},
                {9, 9, 2 * MIB, 32 * MIB}};

    text_make(text, TEXT_BYTES, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int level = rows[i].first; level <= rows[i].last; level++)
            for (int half = 0; half <= 1; half++) {
                bufpool_t *pool = pool_up_to(rows[i].message >> half);
                REQUIRE(one_message(pool, level, BLOCK));
                if ((stats_of(pool).oversized_gets > 0) != half)
                    return broken("message, level %d, max_size %zu", level, rows[i].message >> half);
                bufpool_destroy(pool);
                pool = pool_up_to(rows[i].stream >> half);
                REQUIRE(one_stream(pool, level, 0));
                if ((stats_of(pool).oversized_gets > 0) != half)
                    return broken("stream, level %d, max_size %zu", level, rows[i].stream >> half);
                bufpool_destroy(pool);
            }
    return true;
}

/* What a default pool holds of a stream it is too small for: told, not promised. */
static bool what_is_oversized_is_served_and_goes_home(void)
{
    bufpool_t *pool = still_pool();

    meter_begin(pool, 0);
    text_make(text, TEXT_BYTES, 2);
    for (int i = 0; i < 20; i++)
        REQUIRE(one_stream(pool, ZSTD_CLEVEL_DEFAULT, 0));
    meter_print("zstd, streams, level 3, default pool");
    bufpool_stats_t stats = stats_of(pool);
    REQUIRE(stats.oversized_gets == meter_read().buffers - meter_read().pool_buffers);
    REQUIRE(stats.oversized_gets > 0 && stats.refused_oversized == stats.oversized_gets);
    REQUIRE(stats.in_use_bytes == 0);
    bufpool_destroy(pool);
    return true;
}

/* zstd's own threads get and put; what they leave in their caches reaches the next stream's. */
static bool zstd_s_worker_threads_share_the_pool(void)
{
    bufpool_t *pool = pool_up_to(64 * MIB);

    for (uint64_t i = 0; i < 10; i++) {
        text_make(text, TEXT_BYTES, i);
        REQUIRE(one_stream(pool, ZSTD_CLEVEL_DEFAULT, 2));
    }
    bufpool_stats_t stats = stats_of(pool);
    REQUIRE(stats.in_use_bytes == 0 && stats.oversized_gets == 0);
    REQUIRE(accounts_fault(pool) == NULL);
    bufpool_destroy(pool);
    return true;
}

/* Would crash, or leak, where a context that is half made were not taken back. */
static bool a_context_that_finds_no_memory_says_so_and_keeps_none(void)
{
    bufpool_config_t config = still_config();
    config.max_bytes = 64 * KIB;
    bufpool_t *pool = pool_from(&config);
    ZSTD_CCtx *context = packer(pool, 3);

    REQUIRE(context != NULL); /* the context fits, its tables do not */
    size_t end = ZSTD_compress2(context, packed, sizeof packed, text, BLOCK);
    REQUIRE(ZSTD_isError(end) && strstr(ZSTD_getErrorName(end), "Allocation") != NULL);
    ZSTD_freeCCtx(context);
    REQUIRE(stats_of(pool).in_use_bytes == 0);
    bufpool_destroy(pool);

    config.max_bytes = 0;
    pool = pool_from(&config);
    REQUIRE(packer(pool, 3) == NULL);
    bufpool_destroy(pool);
    return true;
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(every_buffer_of_a_message_is_an_idle_one_of_a_default_pool),
        PROPERTY(so_are_those_of_a_stream_where_the_largest_tier_is_4_mib),
        PROPERTY(the_header_s_sizes_are_the_least_that_do),
        PROPERTY(what_is_oversized_is_served_and_goes_home),
        PROPERTY(zstd_s_worker_threads_share_the_pool),
        PROPERTY(a_context_that_finds_no_memory_says_so_and_keeps_none),
    };

    return rig_run(properties, sizeof properties / sizeof properties[0]);
}
