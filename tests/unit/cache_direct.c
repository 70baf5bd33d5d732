/*
 * cache.h: one buffer out of the depot or into it, for a thread that has no cache: it ends,
 * is in a signal handler, or there was no memory for one.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "inside.h"
#include "pools.h"
#include "worker.h"

enum { COUNT = 6 };

static bufpool_t *pool;
static void *buffers[COUNT];

static void open_with(size_t max_cached_bytes)
{
    bufpool_config_t config = still_config();
    config.min_size = config.max_size = 4096;
    config.max_cached_bytes = max_cached_bytes;
    config.min_cached_bytes = max_cached_bytes / 2; /* what is cold stays, in magazines */
    config.debug =
        "off"; /* the armour, which every pool of an AddressSanitizer build has, is passed by here */
    pool = pool_from(&config);
}

/* All buffers are in one magazine of this CPU's shard. */
static void share(void)
{
    get_many(pool, 4096, buffers, COUNT);
    put_many(pool, buffers, COUNT);
    bufpool_thread_idle(pool);
    cr_assert(eq(u64, inside_depot(pool, 0, PLACE_SHARED), COUNT));
}

/* Nothing but the depot's generations is granted now. */
static void assert_granted(unsigned cached)
{
    cr_assert(eq(u64, atomic_load(&pool->cached.used), cached * (uint64_t)4096));
    cr_assert(eq(u64, inside_cached_bytes(pool), cached * (uint64_t)4096));
}

/* Fails when a get is counted for another generation, or its grant stays with the rest of the magazine. */
Test(unit_cache_direct, a_get_counts_where_it_found_its_buffer)
{
    run_on_cpu(0);
    open_with(MIB);
    share();
    void *shared = cache_get_direct(pool, 0);
    assert_granted(COUNT - 1);
    bufpool_collect(pool);
    void *victim = cache_get_direct(pool, 0);
    assert_granted(COUNT - 2);
    bufpool_collect(pool);
    void *cold = cache_get_direct(pool, 0);
    assert_granted(0);

    bufpool_stats_t stats = stats_of(pool);
    cr_assert(shared != NULL && victim != NULL && cold != NULL);
    cr_assert(eq(u64, stats.hits_shared, 1));
    cr_assert(eq(u64, stats.hits_victim, 1));
    cr_assert(eq(u64, stats.hits_cold, 1));
    cr_assert(eq(u64, stats.in_use_bytes, 3 * 4096));
    cr_assert(bufpool_put(pool, shared) && bufpool_put(pool, victim) && bufpool_put(pool, cold));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when what another CPU left is passed over, or counted as one's own. */
Test(unit_cache_direct, a_get_from_another_s_shard_is_a_steal)
{
    if (!run_on_cpu(1))
        cr_skip_test("one CPU: no other shard");
    open_with(MIB);
    share();
    run_on_cpu(0);
    void *stolen = cache_get_direct(pool, 0);
    cr_assert(stolen != NULL);
    cr_assert(eq(u64, stats_of(pool).hits_stolen, 1));
    cr_assert(bufpool_put(pool, stolen));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a thread without a cache passes max_cached_bytes, or counts a put that it refuses. */
Test(unit_cache_direct, a_put_beyond_the_limit_is_refused)
{
    open_with(2 * 4096);
    get_many(pool, 4096, buffers, 3);
    uint64_t puts = stats_of(pool).puts;
    cr_assert(eq(int, cache_put_direct(pool, 0, buffers[0]), FILED));
    cr_assert(eq(int, cache_put_direct(pool, 0, buffers[1]), FILED));
    cr_assert(eq(int, cache_put_direct(pool, 0, buffers[2]), FILED_REFUSED));
    assert_granted(2);
    cr_assert(eq(u64, stats_of(pool).puts - puts, 2));
    cr_assert(not(bufpool_put(pool, buffers[2])));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
