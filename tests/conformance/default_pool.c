/*
 * A NULL pool is the default pool, everywhere but in create and destroy; and
 * errno is left alone where nothing failed.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>

#include "misuse.h"
#include "pools.h"
#include "process.h"
#include "text.h"

/* Fails when a function dereferences NULL, or makes a pool of its own for it. */
Test(conformance_default, null_means_the_default_pool_in_every_function)
{
    bufpool_t *pool = bufpool_default();
    void *batch[3];
    size_t sizes[64];

    cr_assert(pool != NULL);
    cr_assert(eq(ptr, bufpool_default(), pool));
    void *buffer = bufpool_get(NULL, 4000);
    cr_assert(buffer != NULL);
    cr_assert(eq(sz, bufpool_capacity(NULL, buffer), 4096));
    cr_assert(eq(sz, bufpool_capacity(pool, buffer), 4096));
    buffer = bufpool_resize(NULL, buffer, 8000);
    cr_assert(bufpool_put(pool, buffer));
    buffer = bufpool_get_zeroed(NULL, 100);
    cr_assert(is_zero(buffer, 512));
    cr_assert(bufpool_put(NULL, buffer));
    cr_assert(eq(sz, bufpool_get_batch(NULL, 600, batch, 3), 3));
    cr_assert(eq(sz, bufpool_put_batch(NULL, batch, 3), 3));
    cr_assert(eq(int, bufpool_reserve(NULL, 4096, 4), 0));
    bufpool_thread_idle(NULL);
    cr_assert(eq(sz, bufpool_tiers(NULL, sizes, 64), 12));

    bufpool_stats_t by_null = stats_of(NULL);
    bufpool_stats_t by_name = stats_of(pool);
    cr_assert(eq(u64, by_null.gets, 6));
    cr_assert(eq(u64, by_name.gets, 6));
    bufpool_stats_t tier = tier_stats_of(NULL, tier_of(NULL, 1024));
    cr_assert(eq(u64, tier.gets, 3));
    bufpool_collect(NULL);
    bufpool_trim(NULL);
    char *text = dump_text(NULL, BUFPOOL_JSON);
    cr_assert(json_is_valid(text));
    free(text);
}

static int default_with_unknown_word(void *arg)
{
    (void)arg;
    MUST(setenv("BUFPOOL_DEBUG", "no-such-word", 1) == 0);
    errno = 0;
    if (bufpool_default() != NULL || errno != EINVAL)
        return 1;
    errno = 0;
    if (bufpool_get(NULL, 1) != NULL || (errno != EINVAL && errno != ENOMEM))
        return 2;
    MUST(unsetenv("BUFPOOL_DEBUG") == 0);
    return bufpool_default() != NULL && bufpool_put(NULL, bufpool_get(NULL, 1)) ? 0 : 3;
}

/* Fails when a failure is remembered for ever, or hidden behind a crash. */
Test(conformance_default, default_pool_that_cannot_be_made_is_null_until_it_can)
{
    struct child_end end = child_run(default_with_unknown_word, NULL);
    cr_assert(child_exited(&end, 0), "status %#x %s", (unsigned)end.status, end.errors);
}

/* Fails when a slow path leaves the errno of a system call that it tried. */
Test(conformance_default, errno_is_untouched_on_success)
{
    enum { COUNT = 300 };
    static void *buffers[COUNT];
    struct misuse_record misuse;
    bufpool_config_t config = still_config();
    config.max_cached_bytes = 8 * MIB;
    bufpool_t *pool = pool_from(&config);

    misuse_record(&misuse);
    errno = 4711;
    for (size_t size = 512; size <= 2 * MIB; size *= 2) {
        for (int round = 0; round < 3; round++) {
            get_many(pool, size, buffers, COUNT);
            cr_assert(eq(int, errno, 4711), "get(%zu)", size);
            put_many(pool, buffers, COUNT);
            cr_assert(eq(int, errno, 4711), "put of %zu", size);
        }
        void *buffer = bufpool_resize(pool, bufpool_get_zeroed(pool, size), size / 2);
        cr_assert(eq(int, errno, 4711), "resize of %zu", size);
        bufpool_put(pool, (char *)buffer + 1);
        cr_assert(eq(int, errno, 4711), "misuse");
        bufpool_put(pool, buffer);
        bufpool_collect(pool);
        cr_assert(eq(int, errno, 4711), "collect");
    }
    bufpool_trim(pool);
    bufpool_thread_idle(pool);
    cr_assert(eq(int, errno, 4711));
    bufpool_destroy(pool);
}
