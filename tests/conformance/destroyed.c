/*
 * A call on a destroyed pool is named, and refused as bufpool.h says; it neither crashes
 * nor reaches the default pool. CONFORMANCE.md line 41 for what is not put or get.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "misuse.h"
#include "pools.h"

static struct misuse_record misuse;
static void *buffer; /* it was the pool's */
static void *batch[2];
static size_t sizes[64];
static bufpool_stats_t stats = BUFPOOL_STATS_INIT;

/* Each gives what it must: a negative errno, or 0 with errno set where it says so. */
static long call_get_zeroed(bufpool_t *pool)
{
    return bufpool_get_zeroed(pool, 100) == NULL ? -errno : 1;
}

static long call_resize(bufpool_t *pool)
{
    return bufpool_resize(pool, buffer, 100) == NULL ? -errno : 1;
}

static long call_capacity(bufpool_t *pool)
{
    return (long)bufpool_capacity(pool, buffer);
}

static long call_get_batch(bufpool_t *pool)
{
    return (long)bufpool_get_batch(pool, 100, batch, 2);
}

static long call_put_batch(bufpool_t *pool)
{
    void *one[] = {buffer};
    return (long)bufpool_put_batch(pool, one, 1);
}

static long call_reserve(bufpool_t *pool)
{
    return bufpool_reserve(pool, 100, 2);
}

static long call_collect(bufpool_t *pool)
{
    return (long)bufpool_collect(pool);
}

static long call_trim(bufpool_t *pool)
{
    return (long)bufpool_trim(pool);
}

static long call_thread_idle(bufpool_t *pool)
{
    bufpool_thread_idle(pool);
    return 0;
}

static long call_tiers(bufpool_t *pool)
{
    return (long)bufpool_tiers(pool, sizes, 64);
}

static long call_stats(bufpool_t *pool)
{
    return bufpool_stats(pool, &stats);
}

static long call_tier_stats(bufpool_t *pool)
{
    return bufpool_tier_stats(pool, 0, &stats);
}

static long call_dump(bufpool_t *pool)
{
    return bufpool_dump(pool, stderr, BUFPOOL_JSON);
}

static long call_destroy(bufpool_t *pool)
{
    bufpool_destroy(pool);
    return 0;
}

static const struct {
    const char *name;
    long (*call)(bufpool_t *pool);
    long result;
} calls[] = {
    {"get_zeroed", call_get_zeroed, -EINVAL},
    {"resize", call_resize, -EINVAL},
    {"capacity", call_capacity, 0},
    {"get_batch", call_get_batch, 0},
    {"put_batch", call_put_batch, 0},
    {"reserve", call_reserve, -EINVAL},
    {"collect", call_collect, 0},
    {"trim", call_trim, 0},
    {"thread_idle", call_thread_idle, 0},
    {"tiers", call_tiers, 0},
    {"stats", call_stats, -EINVAL},
    {"tier_stats", call_tier_stats, -EINVAL},
    {"dump", call_dump, -EINVAL},
    {"destroy", call_destroy, 0},
};

/* Fails when a call works on what is no pool any more, or is refused without a word. */
Test(conformance_destroyed, line_41_every_call_is_named_and_refused)
{
    bufpool_config_t config = still_config();
    config.name = "gone";
    bufpool_t *pool = pool_from(&config);

    buffer = bufpool_get(pool, 4096);
    bufpool_put(pool, buffer); /* this thread has a record with a buffer in it */
    bufpool_destroy(pool);
    misuse_record(&misuse);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        misuse.calls = 0;
        errno = 0;
        long result = calls[i].call(pool);
        cr_assert(eq(long, result, calls[i].result), "%s", calls[i].name);
        cr_assert(eq(uint, misuse.calls, 1), "%s", calls[i].name);
        cr_assert(strstr(misuse.line, "'gone': destroyed pool") != NULL, "%s", misuse.line);
    }
    bufpool_stats_t standard = stats_of(NULL);
    cr_assert(eq(u64, standard.gets + standard.puts + standard.collections, 0));
}
