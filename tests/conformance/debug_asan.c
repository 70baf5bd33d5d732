/*
 * What AddressSanitizer finds in a program that uses the pool, where the library
 * is built with it. Only in such builds.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "pools.h"
#include "process.h"
#include "words.h"

struct touch {
    size_t size;
    size_t at;
    bool after_put; /* or while it is borrowed */
    bool write;
    const char *words; /* NULL: those of every pool that says nothing */
};

static int touch_it(void *arg)
{
    const struct touch *touch = arg;
    bufpool_config_t config = still_config();
    config.debug = touch->words;
    bufpool_t *pool = pool_from(&config);
    volatile char *buffer = bufpool_get(pool, touch->size);

    if (touch->size != 0)
        memset((void *)buffer, 1, touch->size);
    if (touch->after_put)
        bufpool_put(pool, (void *)buffer);
    if (touch->write)
        buffer[touch->at] = 1;
    else
        (void)buffer[touch->at];
    return 0;
}

static void assert_is_found(const struct touch *touch)
{
    struct touch copy = *touch;
    struct child_end end = child_run(touch_it, &copy);
    cr_assert(not(child_exited(&end, 0)), "size %zu, byte %zu", touch->size, touch->at);
    cr_assert(strstr(end.errors, "AddressSanitizer: use-after-poison") != NULL, "%s", end.errors);
}

static const size_t tier_sizes[] = {SMALL, LARGE};

/* Fails when an idle buffer may be touched. */
Test(conformance_debug_asan, reads_and_writes_after_put_are_found)
{
    for (size_t s = 0; s < 2; s++) {
        for (int write = 0; write < 2; write++) {
            struct touch touch = {.size = tier_sizes[s], .after_put = true, .write = write};
            assert_is_found(&touch);
            touch.at = tier_sizes[s] - 1;
            assert_is_found(&touch);
        }
    }
}

/* Fails when what lies between the size asked for and the tier's may be touched. */
Test(conformance_debug_asan, reads_and_writes_over_the_end_are_found)
{
    static const size_t sizes[] = {0, 1, SMALL, LARGE, OVERSIZED + 1};

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int write = 0; write < 2; write++) {
            struct touch touch = {.size = sizes[s], .at = sizes[s], .write = write};
            assert_is_found(&touch);
            touch.at += 7;
            assert_is_found(&touch);
        }
    }
}

/* Fails when no word is the same as off; or off is not heard: the hit could not be tested under it. */
Test(conformance_debug_asan, off_leaves_the_pool_as_it_is)
{
    struct touch touch = {.size = SMALL, .after_put = true, .write = true, .words = "off"};
    struct child_end end = child_run(touch_it, &touch);
    cr_assert(child_exited(&end, 0), "%s", end.errors);
    touch.words = "";
    end = child_run(touch_it, &touch);
    cr_assert(child_exited(&end, 0), "%s", end.errors);
}

/* Fails when the state is known only to those who ask for it. */
Test(conformance_debug_asan, every_double_put_is_named)
{
    struct misuse_record misuse;
    bufpool_t *pool = still_pool();

    void *first = bufpool_get(pool, SMALL);
    void *second = bufpool_get(pool, SMALL);
    misuse_record(&misuse);
    bufpool_put(pool, first);
    bufpool_put(pool, second);
    bufpool_put(pool, first);
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(strstr(misuse.line, ": double put: ") != NULL, "%s", misuse.line);
    bufpool_destroy(pool);
}

/* Fails when the addresses of a destroyed pool stay closed to whom the system gives them next. */
Test(conformance_debug_asan, a_destroyed_pool_leaves_nothing_closed)
{
    for (int i = 0; i < 20; i++) {
        bufpool_t *pool = still_pool();
        for (size_t size = 512; size <= 4 * MIB; size *= 2) {
            void *buffers[20];
            get_many(pool, size - 1, buffers, 20);
            for (int n = 0; n < 20; n++)
                memset(buffers[n], n, size - 1);
            put_many(pool, buffers, (size_t)i); /* the others are still out */
        }
        bufpool_destroy(pool);
    }
}
