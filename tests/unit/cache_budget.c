/*
 * cache.h and max_cached_bytes: every cap and every magazine that counts as cached
 * has been granted, and everything granted comes back.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "inside.h"
#include "pools.h"
#include "worker.h"

enum { MANY = 400 };

static bufpool_t *pool;
static void *buffers[MANY];
static unsigned count;
static uint64_t state;

static void open_with(size_t max_cached_bytes)
{
    bufpool_config_t config = still_config();
    config.max_cached_bytes = max_cached_bytes;
    pool = pool_from(&config);
}

/* Granted is what is held, to the byte. */
static bool adds_up(void)
{
    uint64_t used = atomic_load(&pool->cached.used);
    return used == inside_cached_bytes(pool) && used <= pool->cached.limit;
}

static void traffic(void *arg)
{
    unsigned steps = *(unsigned *)arg;
    for (unsigned step = 0; step < steps; step++) {
        uint64_t number = random_next(&state) >> 32;
        if (count == 0 || (count < MANY && number % 100 < 50))
            buffers[count++] = bufpool_get(pool, random_size(&state, 64 * KIB));
        else
            bufpool_put(pool, buffers[--count]);
        if (number % 503 == 0)
            bufpool_collect(pool);
        else if (number % 211 == 0)
            bufpool_thread_idle(pool);
        else if (number % 811 == 0)
            bufpool_trim(pool);
        else if (number % 607 == 0)
            (void)!bufpool_reserve(pool, random_size(&state, 16 * KIB), number % 40);
        if (step % 16 == 0 && !adds_up())
            cr_fail("step %u: %zu granted, %zu held", step, (size_t)atomic_load(&pool->cached.used),
                    (size_t)inside_cached_bytes(pool));
    }
}

/* Fails when a flush, refill, collection or reserve forgets to take or to give back: the limit drifts. */
Test(unit_cache_budget, grants_are_exactly_what_is_held_whatever_happens)
{
    static const size_t limits[] = {0, 4096, 100000, MIB, 4 * MIB, (size_t)1 << 40};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        unsigned steps = 20000;
        open_with(limits[i]);
        state = 71 + i;
        count = 0;
        traffic(&steps);
        put_many(pool, buffers, count);
        cr_assert(adds_up());
        assert_accounts_with_reserved(pool);
        bufpool_trim(pool);
        cr_assert(eq(u64, atomic_load(&pool->cached.used), 0), "limit %zu", limits[i]);
        bufpool_destroy(pool);
    }
}

/* Fails when two threads' caches pass the limit together, or a thread that ends takes its grants along. */
Test(unit_cache_budget, threads_share_one_limit_and_give_back_as_they_end)
{
    static struct worker worker[3];
    unsigned steps = 1500;

    open_with(2 * MIB);
    state = 81;
    count = 0;
    for (int generation = 0; generation < 3; generation++) {
        for (unsigned i = 0; i < 3; i++)
            worker_start(&worker[i]);
        for (unsigned turn = 0; turn < 12; turn++) {
            worker_do(&worker[turn % 3], traffic, &steps);
            cr_assert(adds_up());
        }
        for (unsigned i = 0; i < 3; i++)
            worker_end(&worker[i]);
        cr_assert(adds_up());
    }
    put_many(pool, buffers, count);
    cr_assert(adds_up());
    assert_accounts_with_reserved(pool);
    bufpool_trim(pool);
    cr_assert(eq(u64, atomic_load(&pool->cached.used), 0));
    bufpool_destroy(pool);
}

/* Fails when a bin without a grant keeps a buffer, or one that has room refuses it. */
Test(unit_cache_budget, put_is_refused_exactly_beyond_the_limit)
{
    unsigned tier;
    open_with(5 * 4096 + 4095);
    tier = (unsigned)tier_of(pool, 4096);
    get_many(pool, 4096, buffers, 10);
    for (unsigned i = 0; i < 10; i++)
        cr_assert(eq(int, bufpool_put(pool, buffers[i]), i < 5), "put %u", i);
    cr_assert(eq(uint, inside_cap(pool, tier), 5));
    cr_assert(eq(uint, inside_count(pool, tier), 5));
    cr_assert(eq(u64, span_cold_count(&pool->span[tier]), 5));
    cr_assert(adds_up());
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a flush takes more to the depot than max_cached_bytes has room for. */
Test(unit_cache_budget, flush_moves_as_many_as_are_granted)
{
    bufpool_config_t config = still_config();
    config.min_size = config.max_size = 4096;
    config.max_thread_bytes = 64 * KIB; /* a bin of eight */
    config.max_cached_bytes = 10 * 4096;
    pool = pool_from(&config);
    get_many(pool, 4096, buffers, 12);
    for (unsigned i = 0; i < 12; i++)
        cr_assert(eq(int, bufpool_put(pool, buffers[i]), i < 10), "put %u", i);
    cr_assert(eq(u64, inside_depot(pool, 0, PLACE_SHARED), 2));
    cr_assert(eq(uint, inside_count(pool, 0), 8));
    cr_assert(adds_up());
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when "cache nothing" caches something, or a thread's block is opened for it. */
Test(unit_cache_budget, nothing_is_cached_where_the_limit_is_zero)
{
    open_with(0);
    for (int round = 0; round < 3; round++) {
        get_many(pool, 4096, buffers, 100);
        cr_assert(eq(sz, put_many(pool, buffers, 100), 0));
    }
    cr_assert(atomic_load(&inside_block(pool)->sealed));
    cr_assert(eq(u64, inside_caps_bytes(pool, inside_block(pool)), 0));
    cr_assert(eq(u64, inside_cached_bytes(pool), 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
