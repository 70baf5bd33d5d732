/*
 * The debug words as a program meets them: config.debug, the environment, `help`,
 * and what the documents say of them. What each word finds is in debug_*.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"
#include "words.h"

static int create_with(void *arg)
{
    bufpool_config_t config = still_config();
    bufpool_t *pool = NULL;

    config.debug = arg;
    int error = bufpool_create(&pool, &config);
    if (error == 0)
        bufpool_destroy(pool);
    return -error;
}

static char help[] = "help", unknown[] = "state,stat";

/* Fails when help asks for a check, or keeps the pool from being made: it may stand in the environment. */
Test(conformance_debug, help_prints_the_words_and_the_pool_is_made)
{
    struct child_end end = child_run(create_with, help);
    cr_assert(child_exited(&end, 0));
    cr_assert(eq(uint, count_lines(end.errors), 16), "%s", end.errors);
    cr_assert(strncmp(end.errors, "bufpool: debug words, ", 22) == 0);
}

/* Fails when a pool is made although a word asks for what nobody knows; the words are listed. */
Test(conformance_debug, an_unknown_word_makes_no_pool_and_lists_the_known)
{
    struct child_end end = child_run(create_with, unknown);
    cr_assert(child_exited(&end, EINVAL));
    cr_assert(eq(uint, count_lines(end.errors), 1));
    cr_assert(strstr(end.errors, "'stat'; known are off, help, state, ") != NULL, "%s", end.errors);
}

static char *read_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", SOURCE_DIRECTORY, name);
    FILE *file = fopen(path, "r");
    MUST(file != NULL);
    char *text = calloc(1, 1 << 20);
    MUST(text != NULL && fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

/* `text` with " * " before each line, as in a comment; `out` must have room for it. */
static void as_comment(char *out, const char *text)
{
    bool begins = true;
    for (; *text != '\0'; text++) {
        if (begins)
            out = stpcpy(out, " * ");
        *out++ = *text;
        begins = *text == '\n';
    }
    *out = '\0';
}

/* Fails when a word is added, or its meaning changed, and the documents still say what was. */
Test(conformance_debug, readme_and_header_say_what_help_says)
{
    static char comment[16384];
    struct child_end end = child_run(create_with, help);
    const char *table = strchr(end.errors, '\n') + 1;
    char *readme = read_file("README.md");
    char *header = read_file("include/bufpool/debug.h");

    as_comment(comment, table);
    cr_assert(strstr(readme, table) != NULL, "README.md has not:\n%s", table);
    cr_assert(strstr(header, comment) != NULL, "bufpool/debug.h has not:\n%s", comment);
    free(readme);
    free(header);
}

/* Fails when the words of the environment are not those of pools that say nothing, the default one among
 * them. */
Test(conformance_debug, the_environment_armours_the_default_pool)
{
    struct misuse_record misuse;

    MUST(setenv("BUFPOOL_DEBUG", "state", 1) == 0);
    char *first = bufpool_get(NULL, 4096);
    char *second = bufpool_get(NULL, 4096);
    misuse_record(&misuse);
    bufpool_put(NULL, first);
    bufpool_put(NULL, second);
    cr_assert(not(bufpool_put(NULL, first)));
    cr_assert(eq(uint, misuse.calls, 1));
    cr_assert(strstr(misuse.line, ": double put: ") != NULL, "%s", misuse.line);
}

/* Fails when off does not bring back the default, in which this fault is found only later. */
Test(conformance_debug, off_overrides_the_environment)
{
    struct misuse_record misuse;

    MUST(setenv("BUFPOOL_DEBUG", "state", 1) == 0);
    bufpool_t *pool = pool_with("off");
    void *first = bufpool_get(pool, 4096);
    void *second = bufpool_get(pool, 4096);
    misuse_record(&misuse);
    bufpool_put(pool, first);
    bufpool_put(pool, second);
    cr_assert(bufpool_put(pool, first));
    cr_assert(eq(uint, misuse.calls, 0));
}

enum { EACH = 60 };

/* Everything a correct program may do, in all tiers and beyond. */
static void use_pool(bufpool_t *pool)
{
    static const size_t sizes[] = {0,     1,     63,     64,  500,       512,    4096,
                                   16384, 16400, 100000, MIB, MIB + 192, 3 * MIB};
    static void *buffers[EACH];

    for (int round = 0; round < 3; round++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            size_t size = sizes[s];
            size_t count = size > MIB ? 4 : EACH;
            MUST(bufpool_get_batch(pool, size, buffers, count / 2) == count / 2);
            get_many(pool, size, buffers + count / 2, count - count / 2);
            for (size_t i = 0; i < count; i++)
                fill(buffers[i], size, i);
            for (size_t i = 0; i < count; i++)
                cr_assert(is_filled(buffers[i], size, i), "size %zu", size);
            for (size_t i = 0; i < count; i += 3) {
                buffers[i] = bufpool_resize(pool, buffers[i], 3 * size / 2 + 1);
                MUST(buffers[i] != NULL);
                cr_assert(is_filled(buffers[i], size, i), "size %zu", size);
                fill(buffers[i], 3 * size / 2 + 1, i);
            }
            bufpool_put_batch(pool, buffers, count / 3);
            put_many(pool, buffers + count / 3, count - count / 3);
            void *zeroed = bufpool_get_zeroed(pool, size);
            cr_assert(is_zero(zeroed, bufpool_capacity(pool, zeroed)), "size %zu", size);
            cr_assert(ge(sz, bufpool_capacity(pool, zeroed), size));
            fill(zeroed, bufpool_capacity(pool, zeroed), size);
            bufpool_put(pool, zeroed);
        }
        bufpool_thread_idle(pool);
        bufpool_collect(pool);
        assert_accounts(pool);
        if (round == 1)
            bufpool_trim(pool);
    }
    cr_assert(eq(int, bufpool_reserve(pool, 4096, 20), 0));
    void *reserved = bufpool_get(pool, 4096);
    fill(reserved, 4096, 1);
    bufpool_put(pool, reserved);
    assert_accounts_with_reserved(pool);
}

static const char *const all_words[] = {
    "state",
    "tag",
    "poison",
    "integrity",
    "cold-first",
    "canary",
    "guard",
    "scrub",
    "quarantine",
    "drop",
    "leak=3",
    "poison,scrub",
    "integrity,scrub",
    "integrity,cold-first,quarantine",
    "state,tag,poison,integrity,cold-first,canary,scrub,quarantine,drop,leak=1",
    "tag,integrity,canary,guard,leak=2",
};

/* Fails when a word reports what is no fault, or its books do not add up. */
Test(conformance_debug, a_correct_program_hears_nothing_with_any_words)
{
    struct misuse_record misuse;

    misuse_record(&misuse);
    for (size_t i = 0; i < sizeof all_words / sizeof all_words[0]; i++) {
        bufpool_t *pool = pool_with(all_words[i]);
        use_pool(pool);
        cr_assert(eq(uint, misuse.calls, 0), "%s: %s", all_words[i], misuse.line);
        bufpool_stats_t stats = stats_of(pool);
        cr_assert(eq(u64, stats.in_use_bytes, 0), "%s", all_words[i]);
        bufpool_destroy(pool);
    }
}

/* Fails when buffers of a handle's next pool are taken for those of the one before. */
Test(conformance_debug, pools_with_other_words_take_the_same_handle)
{
    struct misuse_record misuse;

    misuse_record(&misuse);
    for (size_t i = 0; i < 3 * sizeof all_words / sizeof all_words[0]; i++) {
        const char *words = i % 3 == 2 ? "off" : all_words[i / 3];
        bufpool_t *pool = pool_with(words);
        void *buffers[100];
        get_many(pool, 4000, buffers, 100);
        put_many(pool, buffers, 100);
        bufpool_destroy(pool);
    }
    cr_assert(eq(uint, misuse.calls, 0), "%s", misuse.line);
}
