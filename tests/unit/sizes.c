/*
 * sizes.h: buckets, and what a pool with the word `sizes` says it was asked for.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "pools.h"
#include "process.h"
#include "sizes.h"
#include "text.h"
#include "words.h"

/* Fails when a size lies in no bucket, or in one whose largest size is below it, or not in the smallest such.
 */
Test(unit_sizes, every_size_has_the_smallest_bucket_that_holds_it)
{
    cr_assert(eq(uint, sizes_bucket(0), 0));
    for (uint64_t size = 1; size < UINT64_C(1) << 41; size += 1 + size / 1000) {
        unsigned bucket = sizes_bucket(size);
        cr_assert(bucket < SIZES_BUCKETS, "%lu", (unsigned long)size);
        cr_assert(size <= sizes_most(bucket) || bucket == SIZES_BUCKETS - 1, "%lu", (unsigned long)size);
        cr_assert(bucket == 0 || size > sizes_most(bucket - 1), "%lu", (unsigned long)size);
    }
    for (unsigned bucket = 1; bucket < SIZES_BUCKETS; bucket++) {
        cr_assert(eq(uint, sizes_bucket(sizes_most(bucket)), bucket));
        cr_assert(eq(uint, sizes_bucket(sizes_most(bucket - 1) + 1), bucket));
    }
    cr_assert(eq(uint, sizes_bucket(UINT64_MAX), SIZES_BUCKETS - 1));
}

/* Sizes that are powers of two and a header must not share a bucket with what is a good deal larger. */
Test(unit_sizes, a_bucket_is_at_most_a_sixteenth_wide)
{
    for (unsigned bucket = SIZES_LINEAR + 1; bucket < SIZES_BUCKETS; bucket++) {
        uint64_t width = sizes_most(bucket) - sizes_most(bucket - 1);
        cr_assert(width * 16 <= sizes_most(bucket - 1), "bucket %u", bucket);
    }
}

/* The field of the dump, to be freed. */
static char *told(bufpool_t *pool)
{
    char *text = dump_text(pool, BUFPOOL_JSON);
    cr_assert(json_is_valid(text), "%s", text);
    const char *field = strstr(text, ",\"sizes\":");
    char *found = strdup(field != NULL ? field + strlen(",\"sizes\":") : "");
    free(text);
    return found;
}

static void assert_told(bufpool_t *pool, const char *expected)
{
    char *found = told(pool);
    cr_assert(strcmp(found, expected) == 0, "%s", found);
    free(found);
}

/* Fails when a get, a put or a resize is counted in another bucket than its size's, or the peak is that of
 * each bucket alone. */
Test(unit_sizes, what_is_asked_for_is_told_by_size)
{
    bufpool_t *pool = pool_with("sizes");
    void *large = bufpool_get(pool, 16392);
    void *small = bufpool_get(pool, 100);

    bufpool_put(pool, large);
    large = bufpool_get(pool, 16390);
    small = bufpool_resize(pool, small, 300);      /* stays, in another bucket */
    small = bufpool_resize(pool, small, 5u << 20); /* moves */
    bufpool_put(pool, large);
    assert_told(pool, "{\"in_use_bytes\":5242880,\"peak_bytes\":5259570,\"buckets\":["
                      "{\"to\":128,\"largest\":100,\"gets\":1,\"in_use\":0,\"at_peak\":0},"
                      "{\"to\":320,\"largest\":300,\"gets\":0,\"in_use\":0,\"at_peak\":1},"
                      "{\"to\":17408,\"largest\":16392,\"gets\":2,\"in_use\":0,\"at_peak\":1},"
                      "{\"to\":5242880,\"largest\":5242880,\"gets\":1,\"in_use\":1,\"at_peak\":1}]}}\n");
    bufpool_put(pool, small);
    bufpool_destroy(pool);
}

static int tell_in_child(void *arg)
{
    void **inherited = arg;
    bufpool_t *pool = inherited[0];

    bufpool_put(pool, inherited[1]);
    bufpool_put(pool, bufpool_get(pool, 200));
    char *found = told(pool);
    return strcmp(found, "{\"in_use_bytes\":0,\"peak_bytes\":200,\"buckets\":["
                         "{\"to\":256,\"largest\":200,\"gets\":1,\"in_use\":0,\"at_peak\":1}]}}\n");
}

/* Fails when a forked child counts what its parent got, or below zero. */
Test(unit_sizes, a_forked_child_begins_at_nothing)
{
    bufpool_t *pool = pool_with("sizes");
    void *inherited[2] = {pool, bufpool_get(pool, 3000)};
    struct child_end end = child_run(tell_in_child, inherited);

    cr_assert(child_exited(&end, 0), "%s", end.errors);
    bufpool_put(pool, inherited[1]);
    bufpool_destroy(pool);
}

/* Fails when the peak lies more than a sixteenth below the true one. */
Test(unit_sizes, the_peak_is_within_a_sixteenth)
{
    static struct sizes sizes;
    uint64_t random = 5, live = 0, peak = 0;

    for (unsigned i = 0; i < 100000; i++) {
        uint64_t size = random_size(&random, 1 << 20);
        if (live < size || random_next(&random) % 8 < 5) {
            sizes_got(&sizes, size);
            live += size;
        } else {
            sizes_put(&sizes, size);
            live -= size;
        }
        peak = live > peak ? live : peak;
    }
    uint64_t told_peak = atomic_load(&sizes.peak_bytes);
    cr_assert(told_peak <= peak && told_peak + told_peak / 16 + 1 >= peak, "%lu of %lu",
              (unsigned long)told_peak, (unsigned long)peak);
}

/* Fails when a pool without the word has the field, or pays for it. */
Test(unit_sizes, a_pool_that_was_not_asked_tells_nothing)
{
    bufpool_t *pool = pool_with("off");
    cr_assert(pool->armour == NULL);
    assert_told(pool, "");
    bufpool_destroy(pool);
}
