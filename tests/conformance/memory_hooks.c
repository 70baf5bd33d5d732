/*
 * The same subject as memory_out.c with injected failures, so that it runs under
 * sanitizers too and one call at a time can fail. Links the build of the library
 * that has hooks.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "hook.h"
#include "pools.h"
#include "process.h"
#include "text.h"

enum { PER_TIER = 300, TIERS = 12 };

static void *stock[TIERS][PER_TIER];

static void get_stock(bufpool_t *pool)
{
    for (size_t tier = 0; tier < TIERS; tier++)
        get_many(pool, (size_t)512 << tier, stock[tier], PER_TIER);
}

static size_t put_stock(bufpool_t *pool)
{
    size_t kept = 0;
    for (size_t tier = 0; tier < TIERS; tier++)
        kept += put_many(pool, stock[tier], PER_TIER);
    return kept;
}

static bool all_memory_fails(enum hook_call call)
{
    return call == HOOK_RESERVE || call == HOOK_MAP || call == HOOK_COMMIT;
}

/* Fails when a put allocates its books. */
Test(conformance_memory_hooks, line_13_put_never_needs_memory)
{
    bufpool_t *pool = still_pool();

    get_stock(pool);
    hook_on_call(all_memory_fails);
    size_t kept = put_stock(pool);
    hook_on_call(NULL);
    cr_assert(eq(sz, kept, TIERS * PER_TIER));
    bufpool_stats_t idle = stats_of(pool);
    cr_assert(eq(u64, idle.in_use_bytes, 0));
    assert_accounts(pool);
    get_stock(pool);
    bufpool_stats_t again = stats_of(pool);
    cr_assert(eq(u64, again.carves, idle.carves));
    put_stock(pool);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static unsigned calls, failing_call;

static bool one_call_fails(enum hook_call call)
{
    return call != HOOK_MEMBARRIER && calls++ == failing_call;
}

/* Create with call number 0, 1, ... failing, until create makes no more calls than that. */
static void fail_each_call_of_create(void)
{
    bufpool_config_t config = still_config();
    bool was_reached = true;

    for (failing_call = 0; was_reached; failing_call++) {
        bufpool_t *pool = (bufpool_t *)0x5a5a;
        calls = 0;
        hook_on_call(one_call_fails);
        int result = bufpool_create(&pool, &config);
        hook_on_call(NULL);
        was_reached = calls > failing_call;
        if (result == 0) {
            cr_assert(bufpool_put(pool, bufpool_get(pool, 4096)));
            assert_accounts(pool);
            bufpool_destroy(pool);
        } else {
            cr_assert(eq(int, result, -ENOMEM), "call number %u", failing_call);
            cr_assert(eq(ptr, pool, (bufpool_t *)0x5a5a));
        }
    }
    /* The hooks are in the way of something. */
    cr_assert(gt(uint, failing_call, 2));
}

/* Fails when an error path of create forgets what it had made. */
Test(conformance_memory_hooks, create_undoes_everything_whichever_call_fails)
{
    fail_each_call_of_create();
    size_t size_before = status_bytes("VmSize");
    for (int round = 0; round < 100; round++)
        fail_each_call_of_create();
    /* One page a round would be 400 KiB; malloc may have grown once. */
    if (!UNDER_SANITIZER)
        cr_assert(le(sz, status_bytes("VmSize"), size_before + 256 * KIB));
}

static bool big_reservations_fail(enum hook_call call)
{
    return call == HOOK_RESERVE && calls++ < 3;
}

/* Fails when only ENOMEM, or only the first size, is tried. */
Test(conformance_memory_hooks, create_steps_down_to_a_smaller_reservation)
{
    bufpool_t *usual = still_pool();
    bufpool_stats_t usual_stats = stats_of(usual);
    bufpool_config_t config = still_config();

    hook_on_call(big_reservations_fail);
    bufpool_t *pool = pool_from(&config);
    hook_on_call(NULL);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(lt(u64, stats.reserved_bytes, usual_stats.reserved_bytes));
    get_stock(pool);
    put_stock(pool);
    assert_accounts(pool);
    bufpool_destroy(pool);
    bufpool_destroy(usual);
}

static bool commit_fails(enum hook_call call)
{
    return call == HOOK_COMMIT;
}

/* Fails when a tier that could not grow once is given up. */
Test(conformance_memory_hooks, get_whose_commit_fails_is_enomem_and_works_later)
{
    bufpool_t *pool = still_pool();

    hook_on_call(commit_fails);
    errno = 0;
    void *in_tier = bufpool_get(pool, 4096);
    cr_assert(eq(ptr, in_tier, NULL));
    cr_assert(eq(int, errno, ENOMEM));
    void *oversized = bufpool_get(pool, 4 * MIB);
    cr_assert(eq(ptr, oversized, NULL));
    cr_assert(eq(int, bufpool_reserve(pool, 4096, 10), -ENOMEM));
    hook_on_call(NULL);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.failures, 2));
    cr_assert(eq(u64, stats.committed_bytes, 0));
    assert_accounts(pool);
    get_stock(pool);
    put_stock(pool);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static bool map_fails(enum hook_call call)
{
    return call == HOOK_MAP;
}

/* Fails when a thread that cannot have a private cache cannot use the pool. */
Test(conformance_memory_hooks, traffic_without_books_works_or_fails_with_enomem)
{
    bufpool_t *pool = still_pool();
    void *buffers[200];
    size_t got = 0;

    hook_on_call(map_fails);
    for (int round = 0; round < 3; round++) {
        for (got = 0; got < 200 && (buffers[got] = bufpool_get(pool, 4096)) != NULL; got++)
            fill(buffers[got], 4096, got);
        cr_assert(got == 200 || errno == ENOMEM);
        for (size_t i = 0; i < got; i++)
            cr_assert(is_filled(buffers[i], 4096, i));
        cr_assert(eq(sz, put_many(pool, buffers, got), got));
        bufpool_collect(pool);
    }
    hook_on_call(NULL);
    assert_accounts(pool);
    get_stock(pool);
    put_stock(pool);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static bool purge_fails(enum hook_call call)
{
    return call == HOOK_PURGE;
}

/* Fails when buffers whose pages did not go are counted as gone, or are lost. */
Test(conformance_memory_hooks, purge_that_fails_loses_nothing)
{
    bufpool_t *pool = still_pool();

    get_stock(pool);
    put_stock(pool);
    hook_on_call(purge_fails);
    for (int cycle = 0; cycle < 4; cycle++) {
        bufpool_collect(pool);
        assert_accounts(pool);
    }
    hook_on_call(NULL);
    get_stock(pool);
    assert_accounts(pool);
    cr_assert(eq(sz, put_stock(pool), TIERS * PER_TIER));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static bool membarrier_fails(enum hook_call call)
{
    return call == HOOK_MEMBARRIER;
}

/* Fails when a system without membarrier has no pool, or one that says it reaches others. */
Test(conformance_memory_hooks, pool_without_membarrier_is_cooperative_and_works)
{
    hook_on_call(membarrier_fails);
    bufpool_t *pool = still_pool();
    hook_on_call(NULL);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.remote_reclaim, 0));
    get_stock(pool);
    put_stock(pool);
    bufpool_collect(pool);
    bufpool_collect(pool);
    stats = stats_of(pool);
    /* The caller's own cache is handed over. */
    cr_assert(eq(u64, idle_bytes(&stats), 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static bool thread_fails(enum hook_call call)
{
    return call == HOOK_THREAD;
}

/* Fails when a process that may have no more threads has no pool. */
Test(conformance_memory_hooks, pool_without_a_collector_thread_works)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;

    hook_on_call(thread_fails);
    bufpool_t *pool = pool_from(&config);
    get_stock(pool);
    cr_assert(eq(sz, put_stock(pool), TIERS * PER_TIER));
    bufpool_trim(pool);
    hook_on_call(NULL);
    bufpool_destroy(pool);
}

/* Fails when a call dereferences the pool that is not there, or hides why. */
Test(conformance_memory_hooks, where_there_is_no_default_pool_every_call_says_so)
{
    void *batch[2] = {NULL, NULL};
    size_t sizes[64];
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;

    hook_on_call(all_memory_fails);
    errno = 0;
    cr_assert(bufpool_default() == NULL && errno == ENOMEM);
    errno = 0;
    cr_assert(bufpool_get(NULL, 100) == NULL && errno == ENOMEM);
    errno = 0;
    cr_assert(bufpool_get_zeroed(NULL, 100) == NULL && errno == ENOMEM);
    errno = 0;
    cr_assert(bufpool_resize(NULL, NULL, 100) == NULL && errno == ENOMEM);
    errno = 0;
    cr_assert(bufpool_get_batch(NULL, 100, batch, 2) == 0 && errno == ENOMEM);
    cr_assert(not(bufpool_put(NULL, sizes)));
    cr_assert(eq(sz, bufpool_capacity(NULL, sizes), 0));
    cr_assert(eq(int, bufpool_reserve(NULL, 100, 1), -ENOMEM));
    cr_assert(eq(sz, bufpool_collect(NULL), 0));
    cr_assert(eq(sz, bufpool_trim(NULL), 0));
    bufpool_thread_idle(NULL);
    cr_assert(eq(sz, bufpool_tiers(NULL, sizes, 64), 0));
    cr_assert(eq(int, bufpool_stats(NULL, &stats), -ENOMEM));
    cr_assert(eq(int, bufpool_tier_stats(NULL, 0, &stats), -ENOMEM));
    cr_assert(eq(int, bufpool_dump(NULL, stderr, BUFPOOL_TEXT), -ENOMEM));
    hook_on_call(NULL);
    void *buffer = bufpool_get(NULL, 100);
    cr_assert(buffer != NULL && bufpool_put(NULL, buffer), "and it is tried again");
}

/* Fails when a get is refused because the memory of its backtrace was. */
Test(conformance_memory_hooks, a_get_without_memory_for_its_backtrace_is_served_and_not_told)
{
    bufpool_config_t config = still_config();
    config.debug = "off,leak=2";
    bufpool_t *pool = pool_from(&config);
    void *first = bufpool_get(pool, 100); /* not sampled */
    bufpool_put(pool, first);

    hook_on_call(all_memory_fails);
    void *sampled = bufpool_get(pool, 100);
    hook_on_call(NULL);
    cr_assert(sampled != NULL);
    char *text = dump_text(pool, BUFPOOL_TEXT);
    cr_assert(strstr(text, "leak:") == NULL, "%s", text);
    free(text);
    cr_assert(bufpool_put(pool, sampled));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
