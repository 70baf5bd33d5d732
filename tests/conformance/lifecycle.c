/*
 * Pools come and go. CONFORMANCE.md lines 38-40 and 49; 35-37 are in
 * ../concurrency.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "accounts.h"
#include "misuse.h"
#include "pools.h"
#include "process.h"
#include "worker.h"

static int destroy_with_buffers_out(void *arg)
{
    bufpool_config_t config = still_config();
    (void)arg;
    config.name = "leaky";
    bufpool_t *pool = pool_from(&config);
    for (int i = 0; i < 3; i++)
        MUST(bufpool_get(pool, 4096) != NULL);
    for (int i = 0; i < 5; i++)
        MUST(bufpool_get(pool, 65536) != NULL);
    bufpool_put(pool, bufpool_get(pool, 512));
    bufpool_destroy(pool);
    return 0;
}

static const char *line_with(const char *text, const char *word)
{
    static char line[256];
    const char *at = strstr(text, word);
    if (at == NULL)
        return "";
    while (at > text && at[-1] != '\n')
        at--;
    size_t length = strcspn(at, "\n");
    snprintf(line, sizeof line, "%.*s", (int)length, at);
    return line;
}

/* Fails when a leak goes unsaid, or tiers without one are listed. */
Test(conformance_lifecycle, line_38_destroy_says_how_many_buffers_are_out_per_tier)
{
    struct child_end end = child_run(destroy_with_buffers_out, NULL);

    cr_assert(child_exited(&end, 0), "%s", end.errors);
    cr_assert(eq(uint, count_lines(end.errors), 2), "%s", end.errors);
    const char *line = line_with(end.errors, "tier 4096");
    cr_assert(strstr(line, "'leaky'") != NULL && strstr(line, " 3 ") != NULL, "%s", end.errors);
    line = line_with(end.errors, "tier 65536");
    cr_assert(strstr(line, "'leaky'") != NULL && strstr(line, " 5 ") != NULL, "%s", end.errors);
}

static int destroy_nothing(void *arg)
{
    (void)arg;
    bufpool_destroy(NULL);
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 4096);
    bufpool_put(pool, buffer);
    bufpool_destroy(pool);
    return 0;
}

/* Fails when NULL crashes, or a pool whose buffers all came back is scolded. */
Test(conformance_lifecycle, line_38_destroy_of_null_does_nothing_and_clean_destroy_is_silent)
{
    struct child_end end = child_run(destroy_nothing, NULL);
    cr_assert(child_exited(&end, 0));
    cr_assert(eq(uint, count_lines(end.errors), 0), "%s", end.errors);
}

struct traffic {
    bufpool_t *pool;
    atomic_bool must_stop;
    atomic_uint rounds;
    unsigned faults;
};

static void *run_traffic(void *arg)
{
    struct traffic *traffic = arg;
    void *held[32] = {NULL};
    size_t asked[32] = {0};
    uint64_t seed = 39;

    while (!atomic_load(&traffic->must_stop)) {
        size_t slot = random_next(&seed) % 32;
        if (held[slot] != NULL && !is_filled(held[slot], asked[slot], slot))
            traffic->faults++;
        bufpool_put(traffic->pool, held[slot]);
        asked[slot] = random_size(&seed, 8192);
        held[slot] = bufpool_get(traffic->pool, asked[slot]);
        fill(held[slot], asked[slot], slot);
        atomic_fetch_add(&traffic->rounds, 1);
    }
    bufpool_put_batch(traffic->pool, held, 32);
    return NULL;
}

static void use_and_destroy(bufpool_t *pool)
{
    for (size_t size = 512; size <= MIB; size *= 2) {
        unsigned char *buffer = bufpool_get(pool, size);
        buffer[0] = buffer[size - 1] = 1;
        cr_assert(bufpool_put(pool, buffer));
    }
    bufpool_collect(pool);
    bufpool_destroy(pool);
}

/* Fails when a pool leaves a map, a table or its spans behind, or disturbs a neighbour. */
Test(conformance_lifecycle, line_39_thousand_pools_leave_no_memory_and_no_address_space_behind)
{
    enum { NEIGHBOURS = 2, POOLS = 1000 };
    struct traffic traffic[NEIGHBOURS] = {{.pool = NULL}};
    pthread_t thread[NEIGHBOURS];

    for (int i = 0; i < NEIGHBOURS; i++) {
        traffic[i].pool = still_pool();
        MUST(pthread_create(&thread[i], NULL, run_traffic, &traffic[i]) == 0);
    }
    /* The neighbours have what they need before the first look. */
    for (int i = 0; i < NEIGHBOURS; i++) {
        while (atomic_load(&traffic[i].rounds) < 10000)
            ;
    }
    for (int i = 0; i < 10; i++)
        use_and_destroy(still_pool());
    size_t size_before = status_bytes("VmSize");
    size_t maps_before = map_count();
    for (int i = 0; i < POOLS; i++)
        use_and_destroy(still_pool());
    size_t size_after = status_bytes("VmSize");
    size_t maps_after = map_count();
    for (int i = 0; i < NEIGHBOURS; i++) {
        atomic_store(&traffic[i].must_stop, true);
        pthread_join(thread[i], NULL);
        cr_assert(eq(uint, traffic[i].faults, 0));
        assert_accounts(traffic[i].pool);
        bufpool_destroy(traffic[i].pool);
    }
    /* A page of books a pool would be 4 MiB; the slack is for the neighbours' growth. */
    if (!UNDER_SANITIZER)
        cr_assert(le(sz, size_after, size_before + 3 * MIB));
    cr_assert(le(sz, maps_after, maps_before + 32));
}

/* Fails when a table of pools is too small, or address space is reserved beyond what was asked. */
Test(conformance_lifecycle, line_39_three_hundred_pools_alive_at_once_work)
{
    enum { POOLS = 300 };
    static bufpool_t *pools[POOLS];
    static void *buffers[POOLS];
    bufpool_config_t config = still_config();
    config.tier_span = 8 * MIB;

    for (size_t i = 0; i < POOLS; i++) {
        pools[i] = pool_from(&config);
        buffers[i] = bufpool_get(pools[i], 4096);
        cr_assert(buffers[i] != NULL);
        fill(buffers[i], 4096, i);
    }
    for (size_t i = 0; i < POOLS; i++) {
        cr_assert(is_filled(buffers[i], 4096, i));
        cr_assert(bufpool_put(pools[i], buffers[i]));
        assert_accounts(pools[i]);
    }
    for (size_t i = 0; i < POOLS; i++)
        use_and_destroy(pools[i]);
}

enum { EACH = 50, TIERS = 12 };

struct stock {
    bufpool_t *pool;
    void *buffers[TIERS][EACH];
};

static void take_stock(void *arg)
{
    struct stock *stock = arg;
    for (size_t tier = 0; tier < TIERS; tier++) {
        get_many(stock->pool, (size_t)512 << tier, stock->buffers[tier], EACH);
        for (size_t i = 0; i < EACH; i++)
            fill(stock->buffers[tier][i], (size_t)512 << tier, i);
    }
}

static void put_stock(void *arg)
{
    struct stock *stock = arg;
    for (size_t tier = 0; tier < TIERS; tier++)
        put_many(stock->pool, stock->buffers[tier], EACH);
}

static void assert_trimmed(bufpool_t *pool, const struct stock *stock)
{
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, idle_bytes(&stats), 0));
    cr_assert(eq(u64, stats.committed_bytes, stats.in_use_bytes));
    for (size_t tier = 0; tier < TIERS; tier++) {
        for (size_t i = 0; i < EACH; i++)
            cr_assert(eq(sz, present_bytes(stock->buffers[tier][i], (size_t)512 << tier), 0));
    }
    assert_accounts(pool);
}

/* Fails when trim leaves a generation, a bin or the floor of min_cached_bytes. */
Test(conformance_lifecycle, line_40_trim_releases_everything_idle_at_once)
{
    static struct stock stock;
    bufpool_config_t config = still_config();
    config.min_cached_bytes = 64 * MIB;
    stock.pool = pool_from(&config);

    for (int collections = 0; collections < 3; collections++) {
        take_stock(&stock);
        put_stock(&stock);
        size_t released = 0;
        for (int i = 0; i < collections; i++)
            released += bufpool_collect(stock.pool); /* what is beyond the floor */
        released += bufpool_trim(stock.pool);
        cr_assert(ge(sz, released, EACH * (2 * MIB - 512)));
        assert_trimmed(stock.pool, &stock);
    }
    cr_assert(eq(sz, bufpool_trim(stock.pool), 0));
    bufpool_destroy(stock.pool);
}

/* Fails when a sleeping thread's private cache outlives a trim. */
Test(conformance_lifecycle, line_40_trim_reaches_the_caches_of_sleeping_threads)
{
    static struct stock stock;
    struct worker sleeper;

    stock.pool = still_pool();
    bufpool_stats_t stats = stats_of(stock.pool);
    if (stats.remote_reclaim == 0)
        cr_skip_test("no membarrier here: trim does not reach other threads");
    worker_start(&sleeper);
    worker_do(&sleeper, take_stock, &stock);
    worker_do(&sleeper, put_stock, &stock);
    bufpool_trim(stock.pool);
    assert_trimmed(stock.pool, &stock);
    /* The thread finds a working cache when it wakes. */
    worker_do(&sleeper, take_stock, &stock);
    worker_do(&sleeper, put_stock, &stock);
    assert_accounts(stock.pool);
    worker_end(&sleeper);
    assert_accounts(stock.pool);
    bufpool_destroy(stock.pool);
}

struct reuse {
    bufpool_t *pool;
    size_t size;
    bool good;
};

static void use_from_thread(void *arg)
{
    struct reuse *reuse = arg;
    void *a = bufpool_get(reuse->pool, reuse->size);
    void *b = bufpool_get(reuse->pool, reuse->size);

    reuse->good = a != NULL && b != NULL && a != b && bufpool_capacity(reuse->pool, a) >= reuse->size &&
                  bufpool_capacity(reuse->pool, b) >= reuse->size;
    fill(a, reuse->size, 1);
    fill(b, reuse->size, 2);
    reuse->good = reuse->good && bufpool_put(reuse->pool, a) && bufpool_put(reuse->pool, b);
}

/* Fails when a thread goes on with the record it had in the pool that was here before. */
Test(conformance_lifecycle, line_49_thread_of_a_destroyed_pool_uses_its_successor)
{
    struct misuse_record misuse;
    struct worker worker;
    struct reuse reuse = {.size = 4096};

    misuse_record(&misuse);
    worker_start(&worker);
    for (int round = 0; round < 100; round++) {
        bufpool_config_t config = still_config();
        /* Other tiers each time: an old record's bins would not even have the right shape. */
        config.min_size = (size_t)64 << round % 5;
        config.max_size = (size_t)4096 << round % 3;
        reuse.pool = pool_from(&config);
        worker_do(&worker, use_from_thread, &reuse);
        cr_assert(reuse.good);
        bufpool_stats_t stats = stats_of(reuse.pool);
        cr_assert(eq(u64, stats.gets, 2));
        cr_assert(eq(u64, stats.carves, 2));
        cr_assert(eq(u64, stats.puts, 2));
        cr_assert(eq(u64, stats.threads, 1));
        assert_accounts(reuse.pool);
        bufpool_destroy(reuse.pool);
    }
    cr_assert(eq(uint, misuse.calls, 0), "%s", misuse.line);
    worker_end(&worker);
}

/* Fails when a thread's exit hands buffers to a pool that is gone, or to its successor. */
Test(conformance_lifecycle, line_49_thread_may_exit_after_its_pool)
{
    for (int round = 0; round < 20; round++) {
        struct worker worker;
        struct reuse reuse = {.pool = still_pool(), .size = 4096};

        worker_start(&worker);
        worker_do(&worker, use_from_thread, &reuse);
        bufpool_destroy(reuse.pool);
        bufpool_t *successor = still_pool();
        worker_end(&worker);
        bufpool_stats_t stats = stats_of(successor);
        cr_assert(eq(u64, idle_bytes(&stats), 0));
        cr_assert(eq(u64, stats.threads, 0));
        assert_accounts(successor);
        bufpool_destroy(successor);
    }
}
