/*
 * The system has no memory. CONFORMANCE.md line 13, and the contract of get and
 * create. Real limits (RLIMIT_AS, RLIMIT_DATA), so none of it runs under a
 * sanitizer; memory_hooks.c tells the same story with injected failures.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <sys/resource.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"
#include "worker.h"

#define NOT_UNDER_SANITIZER()                                                                                \
    do {                                                                                                     \
        if (UNDER_SANITIZER)                                                                                 \
            cr_skip_test("a sanitizer maps memory for itself");                                              \
    } while (0)

enum { PER_TIER = 1000, TIERS = 12 };

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

/* Fails when a put allocates a magazine, a bin or a record: then it refuses, aborts or loses the buffer. */
Test(conformance_memory_out, line_13_put_never_needs_memory)
{
    NOT_UNDER_SANITIZER();
    bufpool_t *pool = still_pool();

    get_stock(pool);
    memory_forbid();
    size_t kept = put_stock(pool);
    memory_allow();

    cr_assert(eq(sz, kept, TIERS * PER_TIER));
    bufpool_stats_t idle = stats_of(pool);
    cr_assert(eq(u64, idle.in_use_bytes, 0));
    cr_assert(eq(u64, idle.carves, TIERS * PER_TIER));
    assert_accounts(pool);

    get_stock(pool);
    bufpool_stats_t again = stats_of(pool);
    cr_assert(eq(u64, again.carves, idle.carves));
    put_stock(pool);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

struct first_call {
    bufpool_t *pool;
    size_t kept;
};

static void first_puts(void *arg)
{
    struct first_call *call = arg;
    memory_forbid();
    call->kept = put_stock(call->pool);
    memory_allow();
}

/* Fails when a thread that cannot have a record cannot put either. */
Test(conformance_memory_out, line_13_first_call_of_a_thread_may_be_a_put_without_memory)
{
    NOT_UNDER_SANITIZER();
    struct worker worker;
    struct first_call call = {.pool = still_pool()};

    worker_start(&worker);
    get_stock(call.pool);
    worker_do(&worker, first_puts, &call);
    cr_assert(eq(sz, call.kept, TIERS * PER_TIER));
    bufpool_stats_t stats = stats_of(call.pool);
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    assert_accounts(call.pool);
    worker_end(&worker);
    assert_accounts(call.pool);
    bufpool_destroy(call.pool);
}

/* Fails when collections need memory for themselves, just when they are needed most. */
Test(conformance_memory_out, collections_work_without_memory)
{
    NOT_UNDER_SANITIZER();
    bufpool_t *pool = still_pool();

    get_stock(pool);
    put_stock(pool);
    memory_forbid();
    for (int i = 0; i < 3; i++)
        bufpool_collect(pool);
    bufpool_trim(pool);
    memory_allow();
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    cr_assert(eq(u64, stats.shared_bytes + stats.victim_bytes + stats.cold_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a get that cannot grow its tier crashes, or leaves the pool half-grown. */
Test(conformance_memory_out, get_without_memory_is_enomem_and_the_pool_is_usable_afterwards)
{
    NOT_UNDER_SANITIZER();
    enum { MOST = 100000 };
    static void *buffers[MOST];
    bufpool_t *pool = still_pool();
    size_t got = 0;
    int error = 0;

    bufpool_put(pool, bufpool_get(pool, 4096));
    memory_forbid();
    /* What was committed ahead may still be had. */
    while (got < MOST && (buffers[got] = bufpool_get(pool, 4096)) != NULL)
        got++;
    error = errno;
    void *oversized = bufpool_get(pool, 16 * MIB);
    memory_allow();

    cr_assert(lt(sz, got, MOST));
    cr_assert(eq(int, error, ENOMEM));
    cr_assert(eq(ptr, oversized, NULL));
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.failures, 2));
    cr_assert(eq(u64, stats.in_use_bytes, got * 4096));
    assert_accounts(pool);

    for (size_t i = 0; i < got; i++)
        fill(buffers[i], 4096, i);
    buffers[got] = bufpool_get(pool, 4096);
    cr_assert(buffers[got] != NULL);
    put_many(pool, buffers, got + 1);
    oversized = bufpool_get(pool, 16 * MIB);
    cr_assert(oversized != NULL);
    bufpool_put(pool, oversized);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* The kernel's own count decides, not all or nothing: 32 MiB more than there are now. */
static void limit_data_to_32_mib_more(void)
{
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_DATA, &limit) == 0);
    limit.rlim_cur = status_bytes("VmData") + 32 * MIB;
    MUST(setrlimit(RLIMIT_DATA, &limit) == 0);
}

/* Fails when a failed growth step is not tried smaller, or idle memory is not given back before NULL. */
Test(conformance_memory_out, get_uses_what_the_limit_leaves_and_fails_then)
{
    NOT_UNDER_SANITIZER();
    enum { MOST = 1000 };
    static void *buffers[MOST];
    bufpool_t *pool = still_pool();
    size_t got = 0;

    limit_data_to_32_mib_more();
    for (errno = 4711; got < MOST && (buffers[got] = bufpool_get(pool, 256 * KIB)) != NULL; got++)
        cr_assert(eq(int, errno, 4711)); /* also where the first, larger growth step failed */
    int error = errno;
    cr_assert(eq(int, error, ENOMEM));
    cr_assert(lt(sz, got, 32 * MIB / (256 * KIB) + 1));
    cr_assert(ge(sz, got, 16 * MIB / (256 * KIB)));
    for (int round = 0; round < 3; round++) {
        put_many(pool, buffers, got);
        get_many(pool, 256 * KIB, buffers, got);
    }
    put_many(pool, buffers, got);
    memory_allow();
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static int use_pool_in_256_mib(void *arg)
{
    enum { BUFFERS = 12 };
    struct rlimit limit = {256 * MIB, RLIM_INFINITY};
    void *buffers[BUFFERS];
    bufpool_t *pool = NULL;

    (void)arg;
    if (getrlimit(RLIMIT_AS, &limit) != 0)
        return 1;
    limit.rlim_cur = 256 * MIB;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    bufpool_config_t config = still_config();
    if (bufpool_create(&pool, &config) != 0)
        return 3;
    bufpool_stats_t stats = stats_of(pool);
    if (stats.reserved_bytes >= 256 * MIB || stats.reserved_bytes < 12 * 8 * MIB)
        return 4;
    for (size_t i = 0; i < BUFFERS; i++) {
        buffers[i] = bufpool_get(pool, (size_t)512 << i);
        if (buffers[i] == NULL)
            return 5;
        fill(buffers[i], (size_t)512 << i, i);
    }
    for (size_t i = 0; i < BUFFERS; i++) {
        if (!is_filled(buffers[i], (size_t)512 << i, i) || !bufpool_put(pool, buffers[i]))
            return 6;
    }
    if (accounts_and_pages_fault(pool) != NULL)
        return 7;
    bufpool_destroy(pool);
    return 0;
}

/* Fails when the default reservation is all or nothing. */
Test(conformance_memory_out, rlimit_as_of_256_mib_gives_a_smaller_reservation_that_works)
{
    NOT_UNDER_SANITIZER();
    struct child_end end = child_run(use_pool_in_256_mib, NULL);
    cr_assert(child_exited(&end, 0), "status %#x %s", (unsigned)end.status, end.errors);
}

static int exhaust_address_space(void *arg)
{
    enum { MOST = 2000 };
    static void *buffers[MOST];
    struct rlimit limit;
    bufpool_t *pool = NULL;
    size_t got = 0;

    (void)arg;
    if (getrlimit(RLIMIT_AS, &limit) != 0)
        return 1;
    limit.rlim_cur = 256 * MIB;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    bufpool_config_t config = still_config();
    if (bufpool_create(&pool, &config) != 0)
        return 3;
    /* The 1 MiB tier's span first, then oversized, then nothing. */
    while (got < MOST && (buffers[got] = bufpool_get(pool, MIB)) != NULL)
        got++;
    if (got == MOST || got < 4 || errno != ENOMEM)
        return 4;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < got; i++)
            bufpool_put(pool, buffers[i]);
        for (size_t i = 0; i < got; i++) {
            buffers[i] = bufpool_get(pool, MIB);
            if (buffers[i] == NULL)
                return 5;
        }
    }
    for (size_t i = 0; i < got; i++)
        bufpool_put(pool, buffers[i]);
    return accounts_and_pages_fault(pool) == NULL ? 0 : 6;
}

/* Fails when running out of address space crashes, or leaks the space of oversized buffers. */
Test(conformance_memory_out, address_space_used_up_is_enomem_and_comes_back_with_the_puts)
{
    NOT_UNDER_SANITIZER();
    struct child_end end = child_run(exhaust_address_space, NULL);
    cr_assert(child_exited(&end, 0), "status %#x %s", (unsigned)end.status, end.errors);
}

/* Fails when create without any address space crashes or touches its result. */
Test(conformance_memory_out, create_without_address_space_is_enomem)
{
    NOT_UNDER_SANITIZER();
    bufpool_t *pool = (bufpool_t *)0x5a5a;
    bufpool_config_t config = still_config();

    memory_forbid();
    int result = bufpool_create(&pool, &config);
    memory_allow();
    cr_assert(eq(int, result, -ENOMEM));
    cr_assert(eq(ptr, pool, (bufpool_t *)0x5a5a));
}
