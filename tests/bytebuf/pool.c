/*
 * What a pool of bytebufs learns and keeps.
 */
#include <bufpool/bytebuf.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "pools.h"

static bytebuf_pool_config_t config_on(bufpool_t *buffers)
{
    bytebuf_pool_config_t config = BYTEBUF_POOL_CONFIG_INIT;
    config.buffers = buffers;
    config.collect_interval_ms = 0;
    return config;
}

static bytebuf_pool_t *pool_from_bytes_config(const bytebuf_pool_config_t *config)
{
    bytebuf_pool_t *pool = NULL;
    MUST(bytebuf_pool_create(&pool, config) == 0);
    return pool;
}

static bytebuf_stats_t stats_of_bytes(bytebuf_pool_t *pool)
{
    bytebuf_stats_t stats = BYTEBUF_STATS_INIT;
    MUST(bytebuf_stats(pool, &stats) == 0);
    return stats;
}

/* Get one, use so many bytes, put it. What its capacity was before. */
static size_t use(bytebuf_pool_t *pool, size_t bytes)
{
    bytebuf_t *one = bytebuf_get(pool);
    MUST(one != NULL && one->length == 0);
    size_t capacity = one->capacity;
    MUST(bytebuf_reserve(one, bytes) != NULL);
    memset(one->data, 1, bytes);
    bytebuf_added(one, bytes);
    bytebuf_put(one);
    return capacity;
}

static void end(bytebuf_pool_t *pool, bufpool_t *buffers)
{
    bytebuf_pool_destroy(pool);
    cr_assert(eq(u64, stats_of(buffers).in_use_bytes, 0));
    bufpool_destroy(buffers);
}

/* Fails when create takes what its contract refuses. */
Test(bytebuf_pool, create_refuses_a_struct_it_does_not_know)
{
    bytebuf_pool_t *pool = NULL;
    bytebuf_pool_config_t config = BYTEBUF_POOL_CONFIG_INIT;

    config.struct_size--;
    cr_assert(eq(int, bytebuf_pool_create(&pool, &config), -EINVAL));
    cr_assert(eq(int, bytebuf_pool_create(NULL, NULL), -EINVAL));
    cr_assert(pool == NULL);
    bytebuf_pool_destroy(NULL);
    bytebuf_put(NULL);
}

/* Fails when a pooled bytebuf comes back without its buffer, or with bytes. */
Test(bytebuf_pool, TestByteBufferGetPut_a_pooled_bytebuf_keeps_its_buffer)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_config_t config = config_on(buffers);
    bytebuf_pool_t *pool = pool_from_bytes_config(&config);

    use(pool, 3000);
    cr_assert(ge(sz, use(pool, 3000), 3000));
    uint64_t gets = stats_of(buffers).gets;
    for (int i = 0; i < 1000; i++)
        use(pool, 3000);
    cr_assert(eq(u64, stats_of(buffers).gets, gets), "nothing grows any more");
    end(pool, buffers);
}

/* Fails when the default is another than what most need, or the largest kept than the 95th percentile. */
Test(bytebuf_pool, TestPoolCalibrate_a_window_of_returns_sets_both_sizes)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_config_t config = config_on(buffers);
    bytebuf_pool_t *pool = pool_from_bytes_config(&config);

    for (unsigned i = 0; i < BYTEBUF_WINDOW; i++) {
        unsigned of_100 = i % 100;
        use(pool, of_100 < 60 ? 900 : of_100 < 96 ? 12000 : 300000);
    }
    bytebuf_stats_t stats = stats_of_bytes(pool);
    cr_assert(eq(u64, stats.windows, 1));
    cr_assert(eq(u64, stats.returns, BYTEBUF_WINDOW));
    cr_assert(eq(sz, stats.default_size, 1024));
    cr_assert(eq(sz, stats.largest_kept, 16384));

    /* 40 of 100 use so much now: it is what most of the next window need, and kept. */
    for (unsigned i = 0; i < BYTEBUF_WINDOW + 2000; i++)
        use(pool, i % 100 < 30 ? 900 : i % 100 < 60 ? 12000 : 300000);
    stats = stats_of_bytes(pool);
    cr_assert(eq(u64, stats.windows, 2));
    cr_assert(eq(sz, stats.default_size, 524288));
    cr_assert(eq(sz, stats.largest_kept, 524288));
    end(pool, buffers);
}

/* Fails when a size class begins or ends one byte off: the window then learns twice, or half, of what is
 * needed. */
Test(bytebuf_pool, TestIndex_a_class_ends_at_its_power_of_two)
{
    static const struct {
        size_t used, learned;
    } cases[] = {{2047, 2048}, {2048, 2048}, {2049, 4096}, {65536, 65536}, {65537, 131072}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bufpool_t *buffers = still_pool();
        bytebuf_pool_config_t config = config_on(buffers);
        bytebuf_pool_t *pool = pool_from_bytes_config(&config);

        for (unsigned j = 0; j < BYTEBUF_WINDOW; j++)
            use(pool, cases[i].used);
        cr_assert(eq(sz, stats_of_bytes(pool).default_size, cases[i].learned));
        end(pool, buffers);
    }
}

/* Fails when a rare large message pins its buffer, or when a common one does not keep its own. */
Test(bytebuf_pool, what_is_larger_than_the_95th_percentile_is_let_go_on_return)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_config_t config = config_on(buffers);
    bytebuf_pool_t *pool = pool_from_bytes_config(&config);

    for (unsigned i = 0; i < BYTEBUF_WINDOW; i++)
        use(pool, 10000);
    use(pool, 200000);
    cr_assert(eq(u64, stats_of_bytes(pool).let_go_large, 1));
    cr_assert(eq(sz, use(pool, 10000), 0), "the buffer is gone, the bytebuf is not");
    cr_assert(ge(sz, use(pool, 10000), 10000));
    /* By bytes used: growth's slack does not count. */
    use(pool, 16384);
    use(pool, 16384);
    cr_assert(eq(u64, stats_of_bytes(pool).let_go_large, 1));
    end(pool, buffers);
}

/* Fails when a small buffer is let go: below 4 KiB that saves nothing. */
Test(bytebuf_pool, up_to_4_kib_is_kept_always)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_config_t config = config_on(buffers);
    config.largest_kept = 100;
    bytebuf_pool_t *pool = pool_from_bytes_config(&config);

    for (unsigned i = 0; i < BYTEBUF_WINDOW + 100; i++)
        use(pool, 10);
    use(pool, 4096);
    for (int i = 0; i < 20; i++)
        cr_assert(eq(sz, use(pool, 10), 4096));
    cr_assert(eq(u64, stats_of_bytes(pool).let_go_unused, 0));
    end(pool, buffers);
}

/* golang/go 27735. Fails when four such returns are enough, five are not, or one use in between does not
 * count. */
Test(bytebuf_pool, a_buffer_used_below_a_quarter_five_times_running_is_let_go)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_config_t config = config_on(buffers);
    bytebuf_pool_t *pool = pool_from_bytes_config(&config);

    use(pool, 100000);
    for (int i = 0; i < 4; i++)
        use(pool, 100);
    use(pool, 50000);
    for (int i = 0; i < 4; i++)
        use(pool, 100);
    cr_assert(eq(u64, stats_of_bytes(pool).let_go_unused, 0));
    use(pool, 100);
    cr_assert(eq(u64, stats_of_bytes(pool).let_go_unused, 1));
    cr_assert(eq(sz, use(pool, 100), 0));
    end(pool, buffers);
}

/* bpool's TestBufferPool and TestSizedBufferPool. Fails when more are kept than N, or larger ones than said.
 */
Test(bytebuf_pool, TestSizedBufferPool_a_bounded_pool_keeps_at_most_n_of_at_most_a_size)
{
    enum { COUNT = 50, KEPT = 10 };
    bufpool_t *buffers = still_pool();
    bytebuf_pool_config_t config = config_on(buffers);
    config.max_idle = KEPT;
    config.largest_kept = 20000;
    config.default_size = 8192;
    bytebuf_pool_t *pool = pool_from_bytes_config(&config);
    bytebuf_t *out[COUNT];

    for (int i = 0; i < COUNT; i++) {
        MUST((out[i] = bytebuf_get(pool)) != NULL);
        MUST(bytebuf_append(out[i], "x", 1) == 0);
        cr_assert(eq(sz, out[i]->capacity, 8192), "the default size");
    }
    for (int i = 0; i < COUNT; i++)
        bytebuf_put(out[i]);
    cr_assert(eq(u64, stats_of_bytes(pool).idle, KEPT));
    cr_assert(eq(u64, stats_of(buffers).in_use_bytes, KEPT * 8192), "who is not kept gives its buffer back");
    use(pool, 50000);
    cr_assert(eq(u64, stats_of_bytes(pool).let_go_large, 1));
    end(pool, buffers);
}

/* Fails when idle bytebufs hold their buffers for ever. */
Test(bytebuf_pool, two_collections_give_the_buffers_of_idle_bytebufs_back)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_config_t config = config_on(buffers);
    bytebuf_pool_t *pool = pool_from_bytes_config(&config);

    use(pool, 100000);
    cr_assert(gt(u64, stats_of(buffers).in_use_bytes, 0));
    bufpool_collect(bytebuf_items(pool));
    bufpool_collect(bytebuf_items(pool));
    cr_assert(eq(u64, stats_of(buffers).in_use_bytes, 0));
    end(pool, buffers);
}

/* ------------------------------------------------------------ threads */

enum { THREADS = 4, ROUNDS = 20000 };

static void *use_many(void *arg)
{
    bytebuf_pool_t *pool = arg;
    uint64_t random = (uint64_t)(uintptr_t)&random;

    for (int i = 0; i < ROUNDS; i++) {
        bytebuf_t *bytes = bytebuf_get(pool);
        size_t length = random_size(&random, 20000);
        MUST(bytes != NULL && bytes->length == 0 && bytebuf_reserve(bytes, length) != NULL);
        fill(bytes->data, length, random);
        bytebuf_added(bytes, length);
        MUST(is_filled(bytes->data, length, random));
        bytebuf_put(bytes);
    }
    return NULL;
}

/* Fails when two threads hold one bytebuf, or a return is not counted in any window. */
Test(bytebuf_pool, TestPoolVariousSizesConcurrent_returns_are_counted_once_on_any_thread)
{
    bufpool_t *buffers = still_pool();
    bytebuf_pool_config_t config = config_on(buffers);
    bytebuf_pool_t *pool = pool_from_bytes_config(&config);
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++)
        MUST(pthread_create(&thread[i], NULL, use_many, pool) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    bytebuf_stats_t stats = stats_of_bytes(pool);
    cr_assert(eq(u64, stats.returns, THREADS * ROUNDS));
    cr_assert(eq(u64, stats.windows, THREADS * ROUNDS / BYTEBUF_WINDOW));
    cr_assert(eq(u64, stats.in_use, 0));
    end(pool, buffers);
}
