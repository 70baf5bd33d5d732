/*
 * debug.h: what words mean, and which are none.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "pools.h"
#include "process.h"

/* What an AddressSanitizer build adds to any words at all. */
static uint32_t with_tool(uint32_t words)
{
    struct debug none;
    MUST(debug_parse(&none, ",") == 0);
    return words | none.words;
}

static void assert_words(const char *text, uint32_t words)
{
    struct debug debug;
    cr_assert(eq(int, debug_parse(&debug, text), 0), "%s", text);
    cr_assert(eq(u32, debug.words, with_tool(words)), "%s", text);
}

/* Fails when a word does not stand for its check, or forgets what the check needs. */
Test(unit_debug, each_word_brings_what_it_needs)
{
    assert_words("state", DEBUG_STATE);
    assert_words("tag", DEBUG_TAG | DEBUG_STATE);
    assert_words("poison", DEBUG_POISON | DEBUG_STATE);
    assert_words("integrity", DEBUG_INTEGRITY | DEBUG_POISON | DEBUG_STATE);
    assert_words("cold-first", DEBUG_COLD_FIRST);
    assert_words("canary", DEBUG_CANARY | DEBUG_STATE);
    assert_words("guard", DEBUG_GUARD | DEBUG_STATE);
    assert_words("scrub", DEBUG_SCRUB);
    assert_words("quarantine", DEBUG_QUARANTINE | DEBUG_STATE);
    assert_words("drop", DEBUG_DROP | DEBUG_STATE);
    assert_words("fail=1", DEBUG_FAIL);
    assert_words("leak=128", DEBUG_LEAK | DEBUG_STATE);
    assert_words("sizes", DEBUG_SIZES | DEBUG_STATE);
    assert_words("scrub,,cold-first,", DEBUG_SCRUB | DEBUG_COLD_FIRST);
}

/* Fails when off leaves a check on, or switches off what comes after it. */
Test(unit_debug, off_forgets_what_stands_before_it)
{
    struct debug debug;
    cr_assert(eq(int, debug_parse(&debug, "state,fail=3,off"), 0));
    cr_assert(eq(u32, debug.words, 0));
    cr_assert(eq(u32, debug.fail, 0));
    cr_assert(eq(int, debug_parse(&debug, "off,scrub"), 0));
    cr_assert(eq(u32, debug.words, DEBUG_SCRUB));
    cr_assert(eq(int, debug_parse(&debug, ""), 0));
    cr_assert(eq(u32, debug.words, 0));
}

/* Fails when the last of two numbers does not count, or the largest one wraps. */
Test(unit_debug, numbers_are_read_to_the_last_digit)
{
    struct debug debug;
    cr_assert(eq(int, debug_parse(&debug, "fail=7,leak=4294967295,fail=10"), 0));
    cr_assert(eq(u32, debug.fail, 10));
    cr_assert(eq(u32, debug.leak, UINT32_MAX));
}

static int parse(void *arg)
{
    struct debug debug;
    return -debug_parse(&debug, arg);
}

/* The one line that refusing `words` prints. */
static void assert_refused(const char *words, const char *line)
{
    struct child_end end = child_run(parse, (void *)(uintptr_t)words);
    cr_assert(child_exited(&end, EINVAL), "%s", words);
    cr_assert(strcmp(end.errors, line) == 0, "%s", end.errors);
}

#define KNOWN                                                                                                \
    "'; known are off, help, state, tag, poison, integrity, cold-first, canary, guard, scrub, quarantine, "  \
    "drop, fail=N, leak=N, sizes\n"

/* Fails when a typing mistake switches a check off in silence, or does not say which words there are. */
Test(unit_debug, an_unknown_word_is_named_and_the_known_ones_listed)
{
    assert_refused("stat", "bufpool: unknown debug word 'stat" KNOWN);
    assert_refused("state,states", "bufpool: unknown debug word 'states" KNOWN);
    assert_refused(" state", "bufpool: unknown debug word ' state" KNOWN);
    assert_refused("State", "bufpool: unknown debug word 'State" KNOWN);
    assert_refused("state=1", "bufpool: unknown debug word 'state=1" KNOWN);
    assert_refused("=1", "bufpool: unknown debug word '=1" KNOWN);
}

#define WANTS "' wants a number from 1 to 4294967295 behind a =\n"

/* Fails when a number that is none, or none that can be, is taken for one. */
Test(unit_debug, a_missing_or_bad_number_is_refused)
{
    assert_refused("fail", "bufpool: debug word 'fail" WANTS);
    assert_refused("leak=", "bufpool: debug word 'leak=" WANTS);
    assert_refused("fail=0", "bufpool: debug word 'fail=0" WANTS);
    assert_refused("fail=-1", "bufpool: debug word 'fail=-1" WANTS);
    assert_refused("fail=4294967296", "bufpool: debug word 'fail=4294967296" WANTS);
    assert_refused("fail=18446744073709551617", "bufpool: debug word 'fail=18446744073709551617" WANTS);
    assert_refused("leak=1x,state", "bufpool: debug word 'leak=1x" WANTS);
}

/* Fails when the environment speaks for a program that has spoken itself, or is not asked. */
Test(unit_debug, the_environment_is_asked_where_the_program_says_nothing)
{
    MUST(setenv("BUFPOOL_DEBUG", "canary", 1) == 0);
    assert_words(NULL, DEBUG_CANARY | DEBUG_STATE);
    assert_words("scrub", DEBUG_SCRUB);
    MUST(unsetenv("BUFPOOL_DEBUG") == 0);
    assert_words(NULL, 0);
}
