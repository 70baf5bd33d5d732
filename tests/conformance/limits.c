/*
 * max_cached_bytes and max_bytes. CONFORMANCE.md line 14, and the emergency trim
 * that comes before a get fails.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>

#include "accounts.h"
#include "pools.h"

static uint64_t cached_bytes(const bufpool_stats_t *stats)
{
    return stats->private_bytes + stats->shared_bytes + stats->victim_bytes;
}

static void assert_bound_held(bufpool_t *pool, size_t bound, size_t puts, size_t kept)
{
    bufpool_stats_t stats = stats_of(pool);

    cr_assert(le(u64, cached_bytes(&stats), bound));
    cr_assert(eq(u64, stats.refused_limit, puts - kept));
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    /* A bound that keeps nothing would pass the lines above. */
    cr_assert(gt(sz, kept, 0));
    assert_accounts(pool);

    bufpool_collect(pool);
    stats = stats_of(pool);
    cr_assert(eq(u64, stats.cold_bytes, 0));
    cr_assert(le(u64, cached_bytes(&stats), bound));
    assert_accounts(pool);
}

/* Fails when the bound is looked at when a magazine moves, but not for what the thread itself holds. */
Test(conformance_limits, line_14_one_thread_keeps_no_more_than_max_cached_bytes)
{
    enum { BUFFERS = 512 };
    void *buffers[BUFFERS];
    bufpool_config_t config = still_config();
    config.max_cached_bytes = BUFFERS / 2 * 4096;
    bufpool_t *pool = pool_from(&config);

    get_many(pool, 4096, buffers, BUFFERS);
    size_t kept = put_many(pool, buffers, BUFFERS);
    cr_assert(le(sz, kept, BUFFERS / 2));
    assert_bound_held(pool, config.max_cached_bytes, BUFFERS, kept);
    bufpool_destroy(pool);
}

/* Fails when each tier has the bound for itself. */
Test(conformance_limits, line_14_bound_is_one_for_all_tiers)
{
    enum { BUFFERS = 600 };
    void *buffers[BUFFERS];
    bufpool_config_t config = still_config();
    config.max_size = 64 * KIB;
    config.flags = BUFPOOL_PAGE_ALIGNED;
    size_t taken = 0;

    config.max_cached_bytes = 2 * MIB;
    bufpool_t *pool = pool_from(&config);
    for (size_t i = 0; i < BUFFERS; i++) {
        buffers[i] = bufpool_get(pool, (size_t)4096 << i % 5);
        taken += bufpool_capacity(pool, buffers[i]);
    }
    cr_assert(ge(sz, taken, 2 * config.max_cached_bytes));
    size_t kept = put_many(pool, buffers, BUFFERS);
    assert_bound_held(pool, config.max_cached_bytes, BUFFERS, kept);
    bufpool_destroy(pool);
}

enum { THREADS = 128, EACH = 16 };

struct crowd {
    bufpool_t *pool;
    pthread_barrier_t gate;
    struct crowd_member {
        struct crowd *crowd;
        pthread_t thread;
        size_t kept;
    } member[THREADS];
};

static void *crowd_return(void *arg)
{
    struct crowd_member *member = arg;
    void *buffers[EACH];

    get_many(member->crowd->pool, 4096, buffers, EACH);
    pthread_barrier_wait(&member->crowd->gate);
    member->kept = put_many(member->crowd->pool, buffers, EACH);
    pthread_barrier_wait(&member->crowd->gate);
    /* Alive, with its private cache, until the books are read. */
    pthread_barrier_wait(&member->crowd->gate);
    return NULL;
}

/* Fails when 128 threads each see room at the same moment and all take it. */
Test(conformance_limits, line_14_128_threads_keep_no_more_than_max_cached_bytes_together)
{
    static struct crowd crowd;
    bufpool_config_t config = still_config();
    size_t kept = 0;

    config.max_cached_bytes = (size_t)THREADS * EACH / 2 * 4096;
    crowd.pool = pool_from(&config);
    pthread_barrier_init(&crowd.gate, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        crowd.member[i].crowd = &crowd;
        MUST(pthread_create(&crowd.member[i].thread, NULL, crowd_return, &crowd.member[i]) == 0);
    }
    pthread_barrier_wait(&crowd.gate);
    pthread_barrier_wait(&crowd.gate);
    for (int i = 0; i < THREADS; i++)
        kept += crowd.member[i].kept;
    assert_bound_held(crowd.pool, config.max_cached_bytes, (size_t)THREADS * EACH, kept);
    pthread_barrier_wait(&crowd.gate);
    for (int i = 0; i < THREADS; i++)
        pthread_join(crowd.member[i].thread, NULL);
    assert_accounts(crowd.pool);
    bufpool_destroy(crowd.pool);
}

/* Fails when a bin has a least size that no budget was taken for. */
Test(conformance_limits, line_14_bound_of_zero_caches_nothing_at_any_moment)
{
    bufpool_config_t config = still_config();
    config.max_cached_bytes = 0;
    bufpool_t *pool = pool_from(&config);

    for (uint64_t i = 1; i <= 3000; i++) {
        void *buffer = bufpool_get(pool, 4096);
        cr_assert(buffer != NULL);
        cr_assert(not(bufpool_put(pool, buffer)));
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, cached_bytes(&stats), 0));
        cr_assert(eq(u64, stats.refused_limit, i));
        cr_assert(eq(u64, stats.hits_private + stats.hits_shared + stats.hits_victim, 0));
    }
    bufpool_collect(pool);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.cold_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when growth steps are charged instead of buffers, or a charge is not given back. */
Test(conformance_limits, max_bytes_bounds_what_has_pages_and_not_one_buffer_less)
{
    enum { FITS = 256 };
    void *buffers[FITS];
    bufpool_config_t config = still_config();
    config.max_bytes = FITS * 4096;
    bufpool_t *pool = pool_from(&config);

    for (int round = 1; round <= 3; round++) {
        get_many(pool, 4096, buffers, FITS);
        errno = 0;
        cr_assert(bufpool_get(pool, 4096) == NULL);
        cr_assert(eq(int, errno, ENOMEM));
        cr_assert(bufpool_get(pool, 2 * MIB) == NULL);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.failures, 2 * round));
        cr_assert(eq(u64, stats.committed_bytes, config.max_bytes));

        bufpool_put(pool, buffers[0]);
        buffers[0] = bufpool_get(pool, 4096);
        cr_assert(buffers[0] != NULL);
        put_many(pool, buffers, FITS);
        assert_accounts(pool);
    }
    bufpool_destroy(pool);
}

/* Fails when oversized buffers are not charged, or stay charged after put. */
Test(conformance_limits, max_bytes_bounds_oversized_buffers_too)
{
    bufpool_config_t config = still_config();
    config.max_bytes = 8 * MIB;
    bufpool_t *pool = pool_from(&config);

    for (int round = 0; round < 10; round++) {
        void *first = bufpool_get(pool, 5 * MIB);
        cr_assert(first != NULL);
        errno = 0;
        cr_assert(bufpool_get(pool, 5 * MIB) == NULL);
        cr_assert(eq(int, errno, ENOMEM));
        void *small = bufpool_get(pool, 64 * KIB);
        cr_assert(small != NULL);
        bufpool_put(pool, first);
        bufpool_put(pool, small);
    }
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static void assert_idle_makes_room_for(size_t size, size_t min_cached_bytes)
{
    enum { FITS = 1024 };
    static void *buffers[FITS];
    bufpool_config_t config = still_config();
    config.max_bytes = FITS * 4096;
    config.min_cached_bytes = min_cached_bytes;
    bufpool_t *pool = pool_from(&config);

    get_many(pool, 4096, buffers, FITS);
    put_many(pool, buffers, FITS);
    bufpool_stats_t before = stats_of(pool);
    cr_assert(eq(u64, idle_bytes(&before), config.max_bytes));

    void *buffer = bufpool_get(pool, size);
    cr_assert(buffer != NULL, "get(%zu) failed although everything is idle", size);
    fill(buffer, size, 1);
    bufpool_stats_t after = stats_of(pool);
    cr_assert(eq(u64, after.failures, 0));
    cr_assert(le(u64, after.committed_bytes + after.oversized_bytes, config.max_bytes));
    assert_accounts(pool);

    /* And the tier that had to give can take again. */
    bufpool_put(pool, buffer);
    get_many(pool, 4096, buffers, FITS - 16);
    put_many(pool, buffers, FITS - 16);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a full budget of idle buffers of one tier starves another. */
Test(conformance_limits, idle_buffers_of_one_tier_make_room_for_another)
{
    assert_idle_makes_room_for(64 * KIB, 0);
    assert_idle_makes_room_for(MIB, 0);
    assert_idle_makes_room_for(512, 0);
}

/* Fails when oversized gets do not trim first. */
Test(conformance_limits, idle_buffers_make_room_for_an_oversized_one)
{
    assert_idle_makes_room_for(3 * MIB, 0);
}

/* Fails when min_cached_bytes, which collections respect, makes a get fail. */
Test(conformance_limits, min_cached_bytes_do_not_make_a_get_fail)
{
    assert_idle_makes_room_for(MIB, 4 * MIB);
}

/* Fails when max_bytes of nothing still gives, or crashes. */
Test(conformance_limits, max_bytes_of_zero_gives_nothing)
{
    bufpool_config_t config = still_config();
    config.max_bytes = 0;
    bufpool_t *pool = pool_from(&config);

    cr_assert(bufpool_get(pool, 1) == NULL);
    cr_assert(bufpool_get(pool, 2 * MIB) == NULL);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.failures, 2));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a used-up span is an error: the tier then serves as oversized. */
Test(conformance_limits, tier_whose_address_space_is_used_up_serves_as_oversized)
{
    enum { BUFFERS = 40 };
    void *buffers[BUFFERS];
    bufpool_config_t config = still_config();
    config.min_size = 512 * KIB;
    config.tier_span = 8 * MIB;
    bufpool_t *pool = pool_from(&config);
    size_t tier = tier_of(pool, 512 * KIB);

    get_many(pool, 512 * KIB, buffers, BUFFERS);
    for (size_t i = 0; i < BUFFERS; i++)
        fill(buffers[i], 512 * KIB, i);
    bufpool_stats_t out = tier_stats_of(pool, tier);
    cr_assert(gt(u64, out.oversized_gets, 0));
    cr_assert(eq(u64, out.oversized_gets + out.carves, BUFFERS));
    cr_assert(eq(u64, out.failures, 0));
    assert_accounts(pool);
    for (size_t i = 0; i < BUFFERS; i++)
        cr_assert(is_filled(buffers[i], 512 * KIB, i));

    size_t kept = put_many(pool, buffers, BUFFERS);
    cr_assert(eq(sz, kept, BUFFERS - out.oversized_gets));
    bufpool_stats_t back = stats_of(pool);
    cr_assert(eq(u64, back.refused_oversized, out.oversized_gets));
    cr_assert(eq(u64, back.in_use_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a get that wants for address space sends all that is idle home, each time: that makes memory, no
 * room. */
Test(conformance_limits, used_up_address_space_is_not_trimmed_for)
{
    enum { IDLE = 64, BUFFERS = 200 };
    void *idle[IDLE], *buffers[BUFFERS];
    bufpool_config_t config = still_config();
    config.tier_span = 8 * MIB;
    bufpool_t *pool = pool_from(&config);
    size_t count = 0;

    get_many(pool, 4096, idle, IDLE);
    put_many(pool, idle, IDLE);
    bufpool_stats_t before = stats_of(pool);
    while (count < BUFFERS && (buffers[count] = bufpool_get(pool, 2 * MIB)) != NULL)
        count++;
    cr_assert(lt(sz, count, BUFFERS));
    cr_assert(bufpool_get(pool, 2 * MIB) == NULL);
    bufpool_stats_t after = stats_of(pool);
    cr_assert(eq(u64, after.failures, 2));
    cr_assert(eq(u64, after.collections, 0));
    cr_assert(eq(u64, idle_bytes(&after), idle_bytes(&before)));
    put_many(pool, buffers, count);
    assert_accounts(pool);
    bufpool_destroy(pool);
}
