/*
 * What a pool of bytebufs tells of itself: its counts, and the three formats.
 */
#include <bufpool/bytebuf.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "text.h"

static bufpool_t *buffers;

static bytebuf_pool_t *pool_named(const char *name)
{
    bytebuf_pool_config_t config = BYTEBUF_POOL_CONFIG_INIT;
    bytebuf_pool_t *pool = NULL;

    buffers = still_pool();
    config.name = name;
    config.buffers = buffers;
    config.default_size = 512;
    config.largest_kept = 20000;
    config.max_idle = 2;
    config.collect_interval_ms = 0;
    MUST(bytebuf_pool_create(&pool, &config) == 0);
    return pool;
}

static void end(bytebuf_pool_t *pool)
{
    bytebuf_pool_destroy(pool);
    cr_assert(eq(u64, stats_of(buffers).in_use_bytes, 0));
    bufpool_destroy(buffers);
}

static void use(bytebuf_pool_t *pool, size_t bytes)
{
    bytebuf_t *one = bytebuf_get(pool);
    MUST(one != NULL && bytebuf_reserve(one, bytes) != NULL);
    memset(one->data, 1, bytes);
    bytebuf_added(one, bytes);
    bytebuf_put(one);
}

/*
 * Of eleven gets three were of fresh ones. Ten came back: one was over max_idle, one had grown too large, one
 * was used little for too long.
 */
static bytebuf_pool_t *lived_pool(bytebuf_t **out)
{
    bytebuf_pool_t *pool = pool_named("a \"quoted\" \\ name");
    bytebuf_t *three[3];

    use(pool, 30000); /* fresh; its buffer is let go */
    use(pool, 10000);
    for (int i = 0; i < 5; i++)
        use(pool, 10); /* the fifth lets its buffer go */
    for (int i = 0; i < 3; i++)
        MUST((three[i] = bytebuf_get(pool)) != NULL); /* the first is the one of before */
    for (int i = 0; i < 3; i++)
        bytebuf_put(three[i]); /* the last is over max_idle */
    MUST((*out = bytebuf_get(pool)) != NULL);
    return pool;
}

static char *dump(bytebuf_pool_t *pool, enum bufpool_format format)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    MUST(stream != NULL && bytebuf_dump(pool, stream, format) == 0 && fclose(stream) == 0);
    return text;
}

/* Fails when an event is counted twice, not at all, or as another one, or a document is none of its format.
 */
Test(bytebuf_told, each_event_is_counted_once_and_told_in_every_format)
{
    bytebuf_t *out;
    bytebuf_pool_t *pool = lived_pool(&out);
    char *text = dump(pool, BUFPOOL_JSON);
    const char *const object =
        "{\"bytebuf\":\"a \\\"quoted\\\" \\\\ name\",\"in_use\":1,\"idle\":1,\"default_size\":512,"
        "\"largest_kept\":0,\"gets\":11,\"hits\":8,\"failures\":0,\"returns\":10,\"refusals\":1,"
        "\"let_go_large\":1,\"let_go_unused\":1,\"windows\":0,\"misuses\":0}\n";

    cr_assert(json_is_valid(text), "%s", text);
    cr_assert(strcmp(text, object) == 0, "%s", text);
    free(text);
    text = dump(pool, BUFPOOL_PROMETHEUS);
    cr_assert(prometheus_fault(text) == NULL, "%s in\n%s", prometheus_fault(text), text);
    cr_assert(strstr(text,
                     "# TYPE bytebuf_let_go_total counter\n"
                     "bytebuf_let_go_total{pool=\"a \\\"quoted\\\" \\\\ name\",reason=\"large\"} 1\n"
                     "bytebuf_let_go_total{pool=\"a \\\"quoted\\\" \\\\ name\",reason=\"unused\"} 1\n") !=
                  NULL,
              "%s", text);
    free(text);
    text = dump(pool, BUFPOOL_TEXT);
    cr_assert(strstr(text, "bytebuf 'a \"quoted\" \\ name'\n              in_use            1\n") == text,
              "%s", text);
    cr_assert(strstr(text, "\n             returns           10\n") != NULL, "%s", text);
    free(text);
    bytebuf_put(out);
    end(pool);
}

/* Fails when what is learned is not told, or is told before there is anything. */
Test(bytebuf_told, what_is_learned_is_told_when_a_window_has_ended)
{
    bytebuf_pool_t *pool = pool_named(NULL);
    bytebuf_stats_t stats = BYTEBUF_STATS_INIT;

    for (unsigned i = 0; i < BYTEBUF_WINDOW - 1; i++)
        use(pool, 900);
    cr_assert(eq(int, bytebuf_stats(pool, &stats), 0));
    cr_assert(eq(u64, stats.windows, 0));
    cr_assert(eq(u64, stats.default_size, 512));
    cr_assert(eq(u64, stats.largest_kept, 0));
    use(pool, 900);
    cr_assert(eq(int, bytebuf_stats(pool, &stats), 0));
    cr_assert(eq(u64, stats.windows, 1));
    cr_assert(eq(u64, stats.default_size, 1024));
    cr_assert(eq(u64, stats.largest_kept, 1024));
    char *text = dump(pool, BUFPOOL_TEXT);
    cr_assert(strstr(text, "bytebuf 'bytebuf'\n") == text, "%s", text);
    free(text);
    end(pool);
}

/* Fails when what cannot be written is told as written, a struct of an unknown size is written to, or a later
 * one is not filled. */
Test(bytebuf_told, what_cannot_be_written_is_told)
{
    bytebuf_pool_t *pool = pool_named("small");
    bytebuf_stats_t small = BYTEBUF_STATS_INIT;
    struct {
        bytebuf_stats_t known;
        uint64_t added;
    } later = {.known = {.struct_size = sizeof later}, .added = 7};
    FILE *full = fopen("/dev/full", "w");

    MUST(full != NULL);
    cr_assert(eq(int, bytebuf_dump(pool, full, BUFPOOL_JSON), -EIO));
    fclose(full);
    cr_assert(eq(int, bytebuf_dump(pool, NULL, BUFPOOL_JSON), -EINVAL));
    cr_assert(eq(int, bytebuf_dump(pool, stderr, (enum bufpool_format)3), -EINVAL));
    cr_assert(eq(int, bytebuf_stats(pool, NULL), -EINVAL));
    small.struct_size--;
    small.gets = 7;
    cr_assert(eq(int, bytebuf_stats(pool, &small), -EINVAL));
    cr_assert(eq(u64, small.gets, 7));
    use(pool, 10);
    cr_assert(eq(int, bytebuf_stats(pool, &later.known), 0));
    cr_assert(eq(sz, later.known.struct_size, sizeof later));
    cr_assert(eq(u64, later.known.returns, 1));
    cr_assert(eq(u64, later.added, 0), "a count that this version does not have");
    end(pool);
}
