/*
 * A caller's bug is named, and nothing is filed. CONFORMANCE.md line 41, with a
 * handler; misuse_default.c is without one.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "misuse.h"
#include "pools.h"
#include "worker.h"

static bufpool_t *named_pool(const char *name)
{
    bufpool_config_t config = still_config();
    config.name = name;
    return pool_from(&config);
}

/*
 * put(address) must be refused and reported once, on this thread, with errno as
 * it was; the accounts must not move.
 */
static void assert_put_is_misuse(bufpool_t *pool, void *address, const char *rule, size_t tier_size)
{
    struct misuse_record misuse;
    bufpool_stats_t before = stats_of(pool);

    misuse_record(&misuse);
    errno = 4711;
    bool kept = bufpool_put(pool, address);
    int error = errno;
    bufpool_stats_t after = stats_of(pool);

    cr_assert(not(kept), "%s", rule);
    cr_assert(eq(int, error, 4711));
    cr_assert(eq(uint, misuse.calls, 1), "%s", rule);
    cr_assert(pthread_equal(misuse.thread, pthread_self()) != 0);
    cr_assert(misuse_names(&misuse, "victim-pool", rule, address, tier_size), "%s", misuse.line);
    cr_assert(eq(u64, after.misuses, before.misuses + 1));
    cr_assert(eq(u64, after.puts, before.puts));
    cr_assert(eq(u64, idle_bytes(&after), idle_bytes(&before)));
    cr_assert(eq(u64, after.in_use_bytes, before.in_use_bytes));
    assert_accounts(pool);
}

/* Fails when the top of the private cache is not compared: two threads would own one buffer. */
Test(conformance_misuse, line_41_immediate_double_put_is_named)
{
    bufpool_t *pool = named_pool("victim-pool");
    for (size_t size = 512; size <= MIB; size *= 2) {
        void *buffer = bufpool_get(pool, size);
        bufpool_put(pool, buffer);
        assert_put_is_misuse(pool, buffer, "double put", size);
        void *first = bufpool_get(pool, size);
        void *second = bufpool_get(pool, size);
        cr_assert(first != second);
        bufpool_put(pool, first);
        bufpool_put(pool, second);
    }
    bufpool_destroy(pool);
}

/* Fails when the comparison is forgotten where a bin is full and half of it has just gone to the depot. */
Test(conformance_misuse, line_41_immediate_double_put_is_named_at_every_fill_of_the_cache)
{
    enum { BUFFERS = 2000 };
    static void *buffers[BUFFERS];
    bufpool_t *pool = named_pool("victim-pool");

    get_many(pool, 4096, buffers, BUFFERS);
    for (size_t i = 0; i < BUFFERS; i++) {
        cr_assert(bufpool_put(pool, buffers[i]));
        assert_put_is_misuse(pool, buffers[i], "double put", 4096);
    }
    bufpool_destroy(pool);
}

static void collect(void *arg)
{
    bufpool_collect(arg);
}

/* Fails when a cooperative thread hands its cache over to a collection first, and compares then. */
Test(conformance_misuse, line_41_immediate_double_put_is_named_behind_a_collection_in_cooperative_mode)
{
    struct worker worker;
    bufpool_config_t config = still_config();
    config.name = "victim-pool";
    config.flags = BUFPOOL_COOPERATIVE;
    bufpool_t *pool = pool_from(&config);
    void *first = bufpool_get(pool, 4096);
    void *second = bufpool_get(pool, 4096);

    worker_start(&worker);
    bufpool_put(pool, first); /* from here on puts are hits, and see no collection */
    worker_do(&worker, collect, pool);
    cr_assert(bufpool_put(pool, second));
    assert_put_is_misuse(pool, second, "double put", 4096);
    worker_end(&worker);
    bufpool_destroy(pool);
}

/* Fails when a refused buffer, which is in no bin, can be put again. */
Test(conformance_misuse, line_41_immediate_double_put_of_a_refused_buffer_is_named)
{
    bufpool_config_t config = still_config();
    config.name = "victim-pool";
    config.max_cached_bytes = 0;
    bufpool_t *pool = pool_from(&config);
    void *buffer = bufpool_get(pool, 4096);

    cr_assert(not(bufpool_put(pool, buffer)));
    assert_put_is_misuse(pool, buffer, "double put", 4096);
    bufpool_destroy(pool);
}

/* Fails when an address is trusted, or even read, before it is checked. */
Test(conformance_misuse, line_41_foreign_pointer_is_named)
{
    bufpool_t *pool = named_pool("victim-pool");
    char on_the_stack[128];
    void *from_malloc = aligned_alloc(64, 4096);

    assert_put_is_misuse(pool, from_malloc, "foreign pointer", 0);
    assert_put_is_misuse(pool, on_the_stack, "foreign pointer", 0);
    assert_put_is_misuse(pool, (void *)64, "foreign pointer", 0);
    assert_put_is_misuse(pool, (void *)1, "foreign pointer", 0);
    assert_put_is_misuse(pool, (void *)(UINTPTR_MAX - 63), "foreign pointer", 0);
    free(from_malloc);
    bufpool_destroy(pool);
}

/* Fails when only multiples of the size are looked at, or an interior pointer shortens a buffer. */
Test(conformance_misuse, line_41_interior_pointer_is_named)
{
    bufpool_t *pool = named_pool("victim-pool");
    for (size_t size = 512; size <= MIB; size *= 2) {
        char *buffer = bufpool_get(pool, size);
        assert_put_is_misuse(pool, buffer + 64, "interior pointer", size);
        assert_put_is_misuse(pool, buffer + size / 2, "interior pointer", size);
        assert_put_is_misuse(pool, buffer + size - 64, "interior pointer", size);
        cr_assert(bufpool_put(pool, buffer));
    }
    bufpool_destroy(pool);
}

/* Fails when low bits are shifted away. */
Test(conformance_misuse, line_41_misaligned_pointer_is_named)
{
    bufpool_t *pool = named_pool("victim-pool");
    for (size_t size = 512; size <= MIB; size *= 2) {
        char *buffer = bufpool_get(pool, size);
        assert_put_is_misuse(pool, buffer + 1, "misaligned pointer", size);
        assert_put_is_misuse(pool, buffer + 63, "misaligned pointer", size);
        assert_put_is_misuse(pool, buffer + size - 1, "misaligned pointer", size);
        cr_assert(bufpool_put(pool, buffer));
    }
    bufpool_destroy(pool);
}

/* Fails when a pointer into an oversized buffer reaches munmap or a tier. */
Test(conformance_misuse, line_41_pointer_into_an_oversized_buffer_is_named)
{
    bufpool_t *pool = named_pool("victim-pool");
    char *buffer = bufpool_get(pool, 3 * MIB);

    assert_put_is_misuse(pool, buffer + 64, "interior pointer", 0);
    assert_put_is_misuse(pool, buffer + 2 * MIB, "interior pointer", 0);
    assert_put_is_misuse(pool, buffer + 1, "misaligned pointer", 0);
    fill(buffer, 3 * MIB, 1);
    cr_assert(is_filled(buffer, 3 * MIB, 1));
    cr_assert(not(bufpool_put(pool, buffer)));
    bufpool_destroy(pool);
}

/* Fails when an oversized buffer is released twice: somebody else may have the address by then. */
Test(conformance_misuse, line_41_double_put_of_an_oversized_buffer_is_reported)
{
    struct misuse_record misuse;
    bufpool_t *pool = named_pool("victim-pool");
    void *buffer = bufpool_get(pool, 3 * MIB);

    misuse_record(&misuse);
    cr_assert(not(bufpool_put(pool, buffer)));
    cr_assert(eq(uint, misuse.calls, 0));
    cr_assert(not(bufpool_put(pool, buffer)));
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(strstr(misuse.line, ": double put: ") != NULL, "%s", misuse.line);
    cr_assert(bufpool_resize(pool, buffer, 3 * MIB) == NULL);
    cr_assert(strstr(misuse.line, ": resize after put: ") != NULL, "%s", misuse.line);
    cr_assert(not(bufpool_put(pool, (char *)buffer + 8 * MIB)));
    cr_assert(strstr(misuse.line, ": never handed out: ") != NULL, "%s", misuse.line);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.refused_oversized, 1));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when an address of the pool's own space where no buffer ever was is taken for one. */
Test(conformance_misuse, line_41_address_no_get_returned_is_reported)
{
    struct misuse_record misuse;
    bufpool_t *pool = named_pool("victim-pool");
    char *buffer = bufpool_get(pool, 4096);

    misuse_record(&misuse);
    /* Far beyond what one get can have committed. */
    cr_assert(not(bufpool_put(pool, buffer + 4096 * (size_t)100000)));
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(bufpool_put(pool, buffer));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a buffer of another pool is filed, or the other pool is not named. */
Test(conformance_misuse, line_41_buffer_of_another_pool_is_named_with_its_owner)
{
    struct misuse_record misuse;
    bufpool_t *pool = named_pool("victim-pool");
    bufpool_t *other = named_pool("owner-pool");
    const size_t sizes[] = {4096, 3 * MIB};

    for (size_t i = 0; i < 2; i++) {
        void *buffer = bufpool_get(other, sizes[i]);
        assert_put_is_misuse(pool, buffer, "foreign pointer", 0);
        misuse_record(&misuse);
        bufpool_put(pool, buffer);
        cr_assert(strstr(misuse.line, "foreign pointer: belongs to pool 'owner-pool'") != NULL ||
                      (strstr(misuse.line, "foreign pointer") != NULL &&
                       strstr(misuse.line, ": belongs to pool 'owner-pool'") != NULL),
                  "%s", misuse.line);
        bufpool_put(other, buffer);
    }
    bufpool_stats_t stats = stats_of(other);
    cr_assert(eq(u64, stats.misuses, 0));
    assert_accounts(other);
    bufpool_destroy(other);
    bufpool_destroy(pool);
}

/* Fails when a handle of a dead pool is used: type-stable handles let it be named. */
Test(conformance_misuse, line_41_put_and_get_after_destroy_are_named)
{
    struct misuse_record misuse;
    bufpool_t *pool = named_pool("victim-pool");
    void *buffer = bufpool_get(pool, 4096);
    void *other = bufpool_get(pool, 4096);

    bufpool_put(pool, other); /* this thread has a record with a buffer in it */
    bufpool_put(pool, buffer);
    bufpool_destroy(pool);
    misuse_record(&misuse);
    cr_assert(not(bufpool_put(pool, buffer)));
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(misuse_names(&misuse, "victim-pool", "destroyed pool", buffer, 0), "%s", misuse.line);
    errno = 0;
    cr_assert(bufpool_get(pool, 4096) == NULL);
    cr_assert(eq(int, errno, EINVAL));
    cr_assert(eq(uint, misuse.calls, 2));
    cr_assert(strstr(misuse.line, "destroyed pool") != NULL, "%s", misuse.line);
}

/* Fails when the other functions that take a buffer trust it. */
Test(conformance_misuse, line_41_capacity_and_resize_of_a_bad_pointer_are_reported)
{
    struct misuse_record misuse;
    bufpool_t *pool = named_pool("victim-pool");
    char *buffer = bufpool_get(pool, 4096);

    fill(buffer, 4096, 41);
    misuse_record(&misuse);
    cr_assert(eq(sz, bufpool_capacity(pool, buffer + 64), 0));
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(misuse_names(&misuse, "victim-pool", "interior pointer", buffer + 64, 4096), "%s", misuse.line);
    cr_assert(bufpool_resize(pool, buffer + 64, 100) == NULL);
    cr_assert(eq(uint, misuse.calls, 2));
    cr_assert(bufpool_resize(pool, &misuse, 100) == NULL);
    cr_assert(eq(uint, misuse.calls, 3));
    cr_assert(strstr(misuse.line, "foreign pointer") != NULL, "%s", misuse.line);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.misuses, 3));
    cr_assert(is_filled(buffer, 4096, 41));
    cr_assert(bufpool_put(pool, buffer));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static void use_the_pool(const char *message, void *arg)
{
    bufpool_t *pool = *(bufpool_t **)arg;
    void *buffers[300];
    (void)message;
    get_many(pool, 4096, buffers, 300);
    put_many(pool, buffers, 300);
    bufpool_collect(pool);
}

/* Fails when the handler is called inside the library's own critical section. */
Test(conformance_misuse, handler_may_use_the_pool)
{
    bufpool_t *pool = named_pool("victim-pool");
    void *buffer = bufpool_get(pool, 4096);

    bufpool_on_misuse(use_the_pool, &pool);
    bufpool_put(pool, &pool);
    bufpool_put(pool, (char *)buffer + 64);
    cr_assert(bufpool_put(pool, buffer));
    bufpool_put(pool, buffer);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.misuses, 3));
    cr_assert(eq(u64, stats.in_use_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a double put that is found as the second copy becomes cold stays a put in the accounts. */
Test(conformance_misuse, double_put_found_late_is_named_and_taken_out_of_the_accounts)
{
    struct misuse_record misuse;
    bufpool_t *pool = named_pool("victim-pool");
    void *twice = bufpool_get(pool, 4096);
    void *other = bufpool_get(pool, 4096);

    misuse_record(&misuse);
    bufpool_put(pool, twice);
    bufpool_put(pool, other);
    bufpool_put(pool, twice); /* not in a row: not noticed now */
    cr_assert(eq(uint, misuse.calls, 0));
    bufpool_collect(pool);
    bufpool_collect(pool);

    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(misuse_names(&misuse, "victim-pool", "double put, found late", twice, 4096), "%s", misuse.line);
    bufpool_stats_t stats = stats_of(pool);
    cr_assert(eq(u64, stats.puts, stats.gets));
    cr_assert(eq(u64, idle_bytes(&stats), 0));
    void *borrowed = bufpool_get(pool, 4096);
    stats = stats_of(pool);
    cr_assert(eq(u64, stats.in_use_bytes, 4096));
    bufpool_put(pool, borrowed);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a put that its full bin refuses trusts the buffer to be in use: it would be cold twice. */
Test(conformance_misuse, line_41_second_put_of_a_refused_buffer_is_named)
{
    bufpool_config_t config = still_config();
    config.name = "victim-pool";
    config.min_size = config.max_size = 4096;
    config.max_cached_bytes = 2 * 4096;
    bufpool_t *pool = pool_from(&config);
    void *buffers[4];

    get_many(pool, 4096, buffers, 4);
    put_many(pool, buffers, 3); /* two fill the bin */
    assert_put_is_misuse(pool, buffers[2], "double put", 4096);
    bufpool_put(pool, buffers[3]);
    assert_put_is_misuse(pool, buffers[2], "double put", 4096);
    bufpool_destroy(pool);
}

/* Fails when a library that stands on this one would tell its callers' faults to somebody else, or change
 * errno. */
Test(conformance_misuse, what_a_library_above_reports_reaches_the_same_handler)
{
    struct misuse_record misuse = {0};

    misuse_record(&misuse);
    errno = EXDEV;
    bufpool_report_misuse("above: pool 'p': destroy inside a job");
    cr_assert(eq(int, errno, EXDEV));
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(strcmp(misuse.line, "above: pool 'p': destroy inside a job") == 0);
}
