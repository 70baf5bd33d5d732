/*
 * The accounts. CONFORMANCE.md line 46; the equations themselves are in
 * ../support/accounts.c, which nearly every other test asks too.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "accounts.h"
#include "misuse.h"
#include "pools.h"
#include "worker.h"

enum { SLOTS = 128, BATCH = 48 };

/* What the pool must have counted, kept by the test: the equations alone would hold if both sides were wrong.
 */
struct ledger {
    uint64_t gets, failures, puts, in_use_bytes;
};

struct traffic {
    bufpool_t *pool;
    void *held[SLOTS];
    uint64_t seed;
    struct ledger *ledger;
};

static void *ledger_get(struct traffic *traffic, void *buffer)
{
    traffic->ledger->gets++;
    if (buffer == NULL)
        traffic->ledger->failures++;
    else
        traffic->ledger->in_use_bytes += bufpool_capacity(traffic->pool, buffer);
    return buffer;
}

/* To be asked before the put. */
static void *ledger_put(struct traffic *traffic, void *buffer)
{
    if (buffer != NULL) {
        traffic->ledger->puts++;
        traffic->ledger->in_use_bytes -= bufpool_capacity(traffic->pool, buffer);
    }
    return buffer;
}

static void batch_step(struct traffic *traffic, size_t size)
{
    void *batch[BATCH];
    size_t got = bufpool_get_batch(traffic->pool, size, batch, BATCH);

    traffic->ledger->gets += BATCH;
    traffic->ledger->failures += BATCH - got;
    traffic->ledger->puts += got;
    bufpool_put_batch(traffic->pool, batch, got);
}

static void resize_step(struct traffic *traffic, void **slot, size_t size)
{
    size_t capacity = *slot != NULL ? bufpool_capacity(traffic->pool, *slot) : 0;
    void *moved = bufpool_resize(traffic->pool, *slot, size);

    if (moved != NULL && moved == *slot)
        return;
    ledger_get(traffic, moved);
    if (moved == NULL)
        return;
    if (*slot != NULL) {
        traffic->ledger->puts++;
        traffic->ledger->in_use_bytes -= capacity;
    }
    *slot = moved;
}

static void step(struct traffic *traffic)
{
    void **slot = &traffic->held[random_next(&traffic->seed) % SLOTS];
    size_t size = random_size(&traffic->seed, 3 * MIB);

    switch (random_next(&traffic->seed) % 8) {
    case 0:
        batch_step(traffic, size);
        break;
    case 1:
        resize_step(traffic, slot, size);
        break;
    case 2:
        ledger_get(traffic, bufpool_get(traffic->pool, SIZE_MAX));
        break;
    default:
        bufpool_put(traffic->pool, ledger_put(traffic, *slot));
        *slot = ledger_get(traffic, bufpool_get(traffic->pool, size));
    }
}

static void assert_ledger(bufpool_t *pool, const struct ledger *ledger)
{
    bufpool_stats_t stats = stats_of(pool);

    cr_assert(eq(u64, stats.gets, ledger->gets));
    cr_assert(eq(u64, stats.failures, ledger->failures));
    cr_assert(eq(u64, stats.puts, ledger->puts));
    cr_assert(eq(u64, stats.in_use_bytes, ledger->in_use_bytes));
}

static void rare_step(struct traffic *traffic, bool reserves)
{
    switch (random_next(&traffic->seed) % 6) {
    case 0:
        bufpool_trim(traffic->pool);
        break;
    case 1:
        bufpool_thread_idle(traffic->pool);
        break;
    case 2:
        if (reserves)
            bufpool_reserve(traffic->pool, random_size(&traffic->seed, 64 * KIB), 50);
        break;
    case 3:
        bufpool_put(traffic->pool, &traffic); /* misuse */
        break;
    default:
        bufpool_collect(traffic->pool);
    }
}

static void run_traffic(void *arg)
{
    struct traffic *traffic = arg;
    for (int i = 0; i < 100; i++)
        step(traffic);
}

static void assert_accounts_in_traffic(const bufpool_config_t *config, bool reserves)
{
    const char *(*fault_of)(bufpool_t *) = reserves ? accounts_fault : accounts_and_pages_fault;
    static struct traffic mine, theirs;
    struct misuse_record misuse;
    struct worker worker;
    struct ledger ledger = {0};

    mine = (struct traffic){.pool = pool_from(config), .seed = 46, .ledger = &ledger};
    theirs = (struct traffic){.pool = mine.pool, .seed = 64, .ledger = &ledger};
    misuse_record(&misuse);
    worker_start(&worker);
    for (int round = 0; round < 200; round++) {
        run_traffic(&mine);
        worker_do(&worker, run_traffic, &theirs);
        assert_no_fault(fault_of(mine.pool));
        rare_step(&mine, reserves);
        assert_no_fault(fault_of(mine.pool));
        assert_ledger(mine.pool, &ledger);
        /* What one has got, the other gives back. */
        void *swap = mine.held[0];
        mine.held[0] = theirs.held[0];
        theirs.held[0] = swap;
    }
    bufpool_put_batch(mine.pool, mine.held, SLOTS);
    bufpool_put_batch(mine.pool, theirs.held, SLOTS);
    worker_end(&worker);
    bufpool_stats_t stats = stats_of(mine.pool);
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    cr_assert(eq(u64, stats.misuses, misuse.calls));
    assert_no_fault(fault_of(mine.pool));
    bufpool_trim(mine.pool);
    stats = stats_of(mine.pool);
    cr_assert(eq(u64, stats.gets - stats.failures, stats.puts));
    cr_assert(eq(u64, stats.committed_bytes, 0));
    assert_no_fault(fault_of(mine.pool));
    bufpool_destroy(mine.pool);
}

/* Fails when any path counts twice, not at all, or in the wrong tier. */
Test(conformance_accounts, line_46_equations_hold_per_tier_and_in_all)
{
    bufpool_config_t config = still_config();
    assert_accounts_in_traffic(&config, false);
    assert_accounts_in_traffic(&config, true);
}

/* Fails when a refusal or a failure leaves its half of the books undone. */
Test(conformance_accounts, line_46_equations_hold_at_the_limits)
{
    bufpool_config_t config = still_config();
    config.max_bytes = 24 * MIB;
    config.max_cached_bytes = 4 * MIB;
    config.min_cached_bytes = MIB;
    assert_accounts_in_traffic(&config, true);
}

/* Fails when the cooperative hand-over loses count. */
Test(conformance_accounts, line_46_equations_hold_in_cooperative_mode)
{
    bufpool_config_t config = still_config();
    config.flags = BUFPOOL_COOPERATIVE;
    config.tier_steps = 2;
    assert_accounts_in_traffic(&config, true);
}

/* Fails when idle memory is reported as used: netty 12067. */
Test(conformance_accounts, line_46_cached_is_never_counted_as_used)
{
    enum { BUFFERS = 1000 };
    static void *buffers[BUFFERS];
    bufpool_t *pool = still_pool();

    get_many(pool, 4096, buffers, BUFFERS);
    bufpool_stats_t out = stats_of(pool);
    cr_assert(eq(u64, out.in_use_bytes, BUFFERS * 4096));
    cr_assert(eq(u64, idle_bytes(&out), 0));
    for (size_t i = 0; i < BUFFERS; i++) {
        bufpool_put(pool, buffers[i]);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.in_use_bytes, (BUFFERS - 1 - i) * 4096));
        cr_assert(eq(u64, idle_bytes(&stats), (i + 1) * 4096));
        cr_assert(eq(u64, stats.committed_bytes, BUFFERS * 4096));
    }
    bufpool_collect(pool);
    bufpool_stats_t aged = stats_of(pool);
    cr_assert(eq(u64, aged.victim_bytes, BUFFERS * 4096));
    cr_assert(eq(u64, aged.collections, 1));
    bufpool_destroy(pool);
}

/* Fails when a gauge counts nominal sizes: the pool would look smaller than it is. */
Test(conformance_accounts, gauges_are_bytes_of_capacity)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 100000);
    bufpool_stats_t out = stats_of(pool);
    cr_assert(eq(u64, out.in_use_bytes, 131072 + HEADROOM_BYTES));
    bufpool_put(pool, buffer);
    bufpool_stats_t back = stats_of(pool);
    cr_assert(eq(u64, idle_bytes(&back), 131072 + HEADROOM_BYTES));
    bufpool_destroy(pool);
}

/* Fails when the facts are guesses. */
Test(conformance_accounts, facts_are_told)
{
    bufpool_config_t config = still_config();
    config.tier_span = 8 * MIB;
    bufpool_t *pool = pool_from(&config);
    struct worker worker;
    struct ledger ledger = {0};
    struct traffic traffic = {.pool = pool, .seed = 1, .ledger = &ledger};

    bufpool_stats_t unused = stats_of(pool);
    cr_assert(eq(u64, unused.threads, 0));
    cr_assert(eq(u64, unused.tiers, 12));
    cr_assert(ge(u64, unused.reserved_bytes, 12 * 8 * MIB));
    cr_assert(eq(u64, unused.committed_bytes, 0));
    worker_start(&worker);
    worker_do(&worker, run_traffic, &traffic);
    bufpool_stats_t one = stats_of(pool);
    cr_assert(eq(u64, one.threads, 1));
    bufpool_put_batch(pool, traffic.held, SLOTS);
    bufpool_stats_t two = stats_of(pool);
    cr_assert(eq(u64, two.threads, 2));
    worker_end(&worker);
    bufpool_stats_t left = stats_of(pool);
    cr_assert(eq(u64, left.threads, 1));
    bufpool_destroy(pool);

    config.flags = BUFPOOL_COOPERATIVE;
    pool = pool_from(&config);
    bufpool_stats_t cooperative = stats_of(pool);
    cr_assert(eq(u64, cooperative.remote_reclaim, 0));
    bufpool_destroy(pool);
}

/* Fails when a bad argument is written through. */
Test(conformance_accounts, stats_of_bad_arguments_are_einval)
{
    bufpool_t *pool = still_pool();
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;

    cr_assert(eq(int, bufpool_stats(pool, NULL), -EINVAL));
    cr_assert(eq(int, bufpool_tier_stats(pool, 0, NULL), -EINVAL));
    cr_assert(eq(int, bufpool_tier_stats(pool, 12, &stats), -EINVAL));
    cr_assert(eq(int, bufpool_tier_stats(pool, SIZE_MAX, &stats), -EINVAL));
    cr_assert(eq(int, bufpool_tier_stats(pool, 11, &stats), 0));
    stats.struct_size = 0;
    cr_assert(eq(int, bufpool_stats(pool, &stats), -EINVAL));
    stats.struct_size = sizeof(size_t);
    cr_assert(eq(int, bufpool_stats(pool, &stats), -EINVAL));
    bufpool_destroy(pool);
}

/* Fails when a count below the number of tiers overruns the array. */
Test(conformance_accounts, tiers_fills_no_more_than_it_was_given)
{
    bufpool_t *pool = still_pool();
    size_t sizes[4] = {1, 2, 3, 4};

    cr_assert(eq(sz, bufpool_tiers(pool, NULL, 0), 12));
    cr_assert(eq(sz, bufpool_tiers(pool, sizes, 2), 12));
    cr_assert(eq(sz, sizes[0], 512));
    cr_assert(eq(sz, sizes[1], 1024));
    cr_assert(eq(sz, sizes[2], 3));
    bufpool_destroy(pool);
}
