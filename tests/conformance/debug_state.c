/*
 * The words `state` and `tag`: every double put, whoever makes it and whenever,
 * and buffers that nobody holds. CONFORMANCE.md line 41.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"
#include "words.h"
#include "worker.h"

#define FREE ": the buffer is already free"

static const size_t tier_sizes[] = {SMALL, LARGE};
static const size_t all_sizes[] = {SMALL, LARGE, OVERSIZED};

/* The put must be refused and reported so; nothing moves. */
static void assert_put_is(bufpool_t *pool, void *buffer, size_t size, const char *rule, const char *detail)
{
    struct misuse_record misuse;
    bufpool_stats_t before = stats_of(pool);

    misuse_record(&misuse);
    errno = 4711;
    cr_assert(not(bufpool_put(pool, buffer)));
    cr_assert(eq(int, errno, 4711));
    cr_assert(eq(uint, misuse.calls, 1));
    assert_report(&misuse, rule, "put", buffer, size, detail);
    bufpool_stats_t after = stats_of(pool);
    cr_assert(eq(u64, after.misuses, before.misuses + 1));
    cr_assert(eq(u64, after.puts, before.puts));
    cr_assert(eq(u64, after.in_use_bytes, before.in_use_bytes));
    cr_assert(eq(u64, idle_bytes(&after), idle_bytes(&before)));
    assert_accounts(pool);
}

/* Fails when a buffer that lies deep in a cache, in the depot, among victims or cold is filed again. */
Test(conformance_debug_state, line_41_delayed_double_put_is_named_wherever_the_buffer_waits)
{
    static void *buffers[300];

    for (size_t s = 0; s < 2; s++) {
        bufpool_t *pool = pool_with("state");
        get_many(pool, tier_sizes[s], buffers, 300);
        put_many(pool, buffers, 300);
        for (int age = 0; age < 4; age++) {
            for (size_t i = 0; i < 300; i += 7)
                assert_put_is(pool, buffers[i], tier_sizes[s], "double put", FREE);
            bufpool_collect(pool);
        }
        bufpool_destroy(pool);
    }
}

/* Fails when what is put between the two makes a double put of an oversized buffer look like a first one. */
Test(conformance_debug_state, line_41_delayed_double_put_of_an_oversized_buffer_is_named)
{
    bufpool_t *pool = pool_with("state");
    void *first = bufpool_get(pool, OVERSIZED);
    void *second = bufpool_get(pool, OVERSIZED);

    bufpool_put(pool, first);
    bufpool_put(pool, second);
    assert_put_is(pool, first, OVERSIZED, "double put", FREE);
    bufpool_destroy(pool);
}

struct visit {
    bufpool_t *pool;
    void *buffer;
};

static void put_it(void *arg)
{
    struct visit *visit = arg;
    bufpool_put(visit->pool, visit->buffer);
}

/* Fails when what one thread has put is known only to that thread. */
Test(conformance_debug_state, line_41_double_put_across_threads_is_named)
{
    struct worker other;

    worker_start(&other);
    for (size_t s = 0; s < 3; s++) {
        struct visit visit = {.pool = pool_with("state")};
        visit.buffer = bufpool_get(visit.pool, all_sizes[s]);
        worker_do(&other, put_it, &visit);
        assert_put_is(visit.pool, visit.buffer, all_sizes[s], "double put", FREE);
        bufpool_destroy(visit.pool);
    }
    worker_end(&other);
}

/* Fails when space that was committed, or reserved, is taken for a buffer that somebody got. */
Test(conformance_debug_state, put_of_a_buffer_that_was_never_got_is_named)
{
    bufpool_t *pool = pool_with("state");
    char *buffer = bufpool_get(pool, 4096);

    assert_put_is(pool, buffer + 4096, 4096, "put of a buffer that was never got", "");
    /* What reserve made idle nobody got either. It is all there is, so a get finds it. */
    cr_assert(eq(int, bufpool_reserve(pool, 8192, 1), 0));
    struct misuse_record misuse;
    char *reserved = bufpool_get(pool, 8192);
    bufpool_put(pool, reserved);
    misuse_record(&misuse);
    cr_assert(eq(int, bufpool_reserve(pool, 8192, 2), 0));
    cr_assert(not(bufpool_put(pool, reserved + 8192)));
    cr_assert(not(bufpool_put(pool, reserved - 8192)));
    cr_assert(eq(uint, misuse.calls, 2));
    assert_accounts_with_reserved(pool);
    bufpool_destroy(pool);
}

/* Fails when a buffer whose pages have gone home passes for one that was never used, or for one in use. */
Test(conformance_debug_state, double_put_of_a_purged_buffer_is_named)
{
    for (size_t s = 0; s < 2; s++) {
        bufpool_t *pool = pool_with("state");
        void *buffer = bufpool_get(pool, tier_sizes[s]);
        bufpool_put(pool, buffer);
        bufpool_trim(pool);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.committed_bytes, 0));
        assert_put_is(pool, buffer, tier_sizes[s], "double put", FREE);
        bufpool_destroy(pool);
    }
}

/* Fails when resize or capacity believe whoever asks: the buffer may be another's soon. */
Test(conformance_debug_state, resize_and_capacity_after_put_are_named)
{
    struct misuse_record misuse;
    misuse_record(&misuse);
    for (size_t s = 0; s < 3; s++) {
        bufpool_t *pool = pool_with("state");
        void *buffer = bufpool_get(pool, all_sizes[s]);
        bufpool_put(pool, buffer);
        misuse.calls = 0;
        errno = 0;
        cr_assert(bufpool_resize(pool, buffer, 2 * all_sizes[s]) == NULL);
        cr_assert(eq(int, errno, EINVAL));
        assert_report(&misuse, "resize after put", "resize", buffer, all_sizes[s], FREE);
        cr_assert(eq(sz, bufpool_capacity(pool, buffer), 0));
        assert_report(&misuse, "capacity after put", "capacity", buffer, all_sizes[s], FREE);
        cr_assert(eq(uint, misuse.calls, 2));
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.gets, 1));
        assert_accounts(pool);
        bufpool_destroy(pool);
    }
}

/* Fails when a batch stops at the bad entry, or files it. */
Test(conformance_debug_state, a_batch_with_a_buffer_twice_keeps_the_rest)
{
    struct misuse_record misuse;
    void *buffers[5];
    bufpool_t *pool = pool_with("state");

    misuse_record(&misuse);
    MUST(bufpool_get_batch(pool, SMALL, buffers, 4) == 4);
    buffers[4] = buffers[1];
    cr_assert(eq(sz, bufpool_put_batch(pool, buffers, 5), 4));
    cr_assert(eq(uint, misuse.calls, 1));
    assert_report(&misuse, "double put", "put", buffers[1], SMALL, FREE);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

static __attribute__((noinline)) void *get_here(bufpool_t *pool, size_t size)
{
    void *buffer = bufpool_get(pool, size);
    __asm__ volatile("" : "+r"(buffer)); /* no tail call: it would leave no return address here */
    return buffer;
}

/* What a report says behind "got at" and the like; "" where it does not. */
static const char *place_behind(const char *line, const char *name)
{
    static _Thread_local char place[256];
    const char *at = strstr(line, name);
    place[0] = '\0';
    if (at != NULL)
        sscanf(at + strlen(name), " %255[^,\n]", place);
    return place;
}

static __attribute__((noinline)) bool put_first(bufpool_t *pool, void *buffer)
{
    bool kept = bufpool_put(pool, buffer);
    __asm__ volatile("" : "+r"(kept));
    return kept;
}

static __attribute__((noinline)) bool put_again(bufpool_t *pool, void *buffer)
{
    bool kept = bufpool_put(pool, buffer);
    __asm__ volatile("" : "+r"(kept));
    return !kept;
}

/* Is "object+0xoffset" inside the function that begins there? The functions here are short. */
static bool is_in(const char *place, const void *begin)
{
    Dl_info object;
    const char *plus = strchr(place, '+');

    MUST(dladdr(begin, &object) != 0);
    const char *slash = strrchr(object.dli_fname, '/');
    const char *name = slash != NULL ? slash + 1 : object.dli_fname;
    if (plus == NULL || strlen(name) != (size_t)(plus - place) || strncmp(place, name, strlen(name)) != 0)
        return false;
    size_t first = (size_t)((const char *)begin - (const char *)object.dli_fbase);
    size_t at = strtoul(plus + 1, NULL, 16);
    return at > first && at < first + 256;
}

/* Fails when a site is the library's own, or the one of another call. */
Test(conformance_debug_state, tag_names_who_got_it_who_put_it_and_who_puts_it_again)
{
    struct misuse_record misuse;

    misuse_record(&misuse);
    for (size_t s = 0; s < 3; s++) {
        bufpool_t *pool = pool_with("tag");
        void *buffer = get_here(pool, all_sizes[s]);
        put_first(pool, buffer);
        put_again(pool, buffer);
        cr_assert(is_in(place_behind(misuse.line, "got at"), (void *)(uintptr_t)get_here), "%s", misuse.line);
        cr_assert(is_in(place_behind(misuse.line, "put at"), (void *)(uintptr_t)put_first), "%s",
                  misuse.line);
        if (all_sizes[s] != OVERSIZED) /* found by what the pool itself knows, as without words */
            cr_assert(is_in(place_behind(misuse.line, "called at"), (void *)(uintptr_t)put_again), "%s",
                      misuse.line);
        bufpool_destroy(pool);
    }
}

static int put_what_the_parent_got(void *arg)
{
    struct visit *visit = arg;
    struct misuse_record misuse;

    misuse_record(&misuse);
    if (bufpool_capacity(visit->pool, visit->buffer) == 0 || misuse.calls != 0)
        return 1;
    bufpool_put(visit->pool, visit->buffer);
    if (misuse.calls != 0)
        return 2;
    bufpool_put(visit->pool, visit->buffer);
    return misuse.calls == 1 && strstr(misuse.line, ": double put: ") != NULL ? 0 : 3;
}

/* Fails when a child reports what its parent got, or misses what it puts twice itself. */
Test(conformance_debug_state, a_forked_child_puts_what_its_parent_got_once)
{
    for (size_t s = 0; s < 3; s++) {
        struct visit visit = {.pool = pool_with("tag,integrity,canary,leak=1")};
        visit.buffer = bufpool_get(visit.pool, all_sizes[s]);
        struct child_end end = child_run(put_what_the_parent_got, &visit);
        cr_assert(child_exited(&end, 0), "status %#x %s", (unsigned)end.status, end.errors);
        bufpool_put(visit.pool, visit.buffer);
        assert_accounts(visit.pool);
        bufpool_destroy(visit.pool);
    }
}
