/*
 * check.h: what a report says, to whom, and what it leaves alone.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "misuse.h"
#include "pools.h"
#include "process.h"

static struct misuse_record last;

static const struct misuse_site site = {.call = "put",
                                        .pool = "left",
                                        .other = "right",
                                        .address = (void *)0x7f0012340040,
                                        .tier_size = 4096,
                                        .interior_bytes = 64};

#define BEFORE "bufpool: pool 'left': "

/* Fails when a message changes: people and scripts search logs for it. */
Test(unit_check, every_rule_has_its_one_line)
{
    static const struct {
        enum misuse rule;
        const char *line;
    } rules[] = {
        {MISUSE_FOREIGN, BEFORE "foreign pointer: put(0x7f0012340040) of tier 4096"},
        {MISUSE_OTHER_POOL,
         BEFORE "foreign pointer: put(0x7f0012340040) of tier 4096: belongs to pool 'right'"},
        {MISUSE_MISALIGNED, BEFORE "misaligned pointer: put(0x7f0012340040) of tier 4096"},
        {MISUSE_INTERIOR,
         BEFORE "interior pointer: put(0x7f0012340040) of tier 4096: 64 bytes inside a buffer"},
        {MISUSE_UNCARVED, BEFORE "never handed out: put(0x7f0012340040) of tier 4096"},
        {MISUSE_DOUBLE_PUT,
         BEFORE "double put: put(0x7f0012340040) of tier 4096: the buffer is already free"},
        {MISUSE_DESTROYED, BEFORE "destroyed pool: put(0x7f0012340040) of tier 4096"},
    };
    misuse_record(&last);
    for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        misuse_report(rules[i].rule, &site);
        cr_assert(eq(uint, last.calls, i + 1));
        cr_assert(strcmp(last.line, rules[i].line) == 0, "%s", last.line);
    }
}

/* Fails when a report about an address in no tier names tier 0. */
Test(unit_check, no_tier_is_named_outside_the_tiers)
{
    struct misuse_site outside = site;
    outside.tier_size = 0;
    outside.call = "capacity";
    misuse_record(&last);
    misuse_report(MISUSE_FOREIGN, &outside);
    cr_assert(strcmp(last.line, BEFORE "foreign pointer: capacity(0x7f0012340040)") == 0, "%s", last.line);
}

/* Fails when the longest names are cut in the middle, or written beyond the line. */
Test(unit_check, longest_names_fit)
{
    struct misuse_site longest = site;
    char line[320];

    longest.pool = "a23456789b123456789c123456789d1";
    longest.other = "e23456789f123456789g123456789h1";
    longest.call = "put (found late)";
    longest.address = (void *)UINTPTR_MAX;
    longest.tier_size = (size_t)1 << 30;
    misuse_record(&last);
    misuse_report(MISUSE_OTHER_POOL, &longest);
    snprintf(line, sizeof line,
             "bufpool: pool '%s': foreign pointer: %s(%p) of tier %zu: belongs to pool '%s'", longest.pool,
             longest.call, longest.address, longest.tier_size, longest.other);
    cr_assert(eq(str, last.line, line));
    longest.interior_bytes = SIZE_MAX;
    misuse_report(MISUSE_INTERIOR, &longest);
    cr_assert(strstr(last.line, ": 18446744073709551615 bytes inside a buffer") != NULL);
}

static void change_errno(const char *message, void *arg)
{
    (void)message;
    (void)arg;
    errno = EDOM;
}

/* Fails when bufpool_put changes errno by way of a handler that prints. */
Test(unit_check, errno_is_kept_whatever_the_handler_does)
{
    bufpool_on_misuse(change_errno, NULL);
    errno = ERANGE;
    misuse_report(MISUSE_DOUBLE_PUT, &site);
    cr_assert(eq(int, errno, ERANGE));
}

static int report(void *arg)
{
    if (arg != NULL)
        bufpool_on_misuse(change_errno, NULL);
    bufpool_on_misuse(NULL, NULL);
    misuse_report(MISUSE_DOUBLE_PUT, &site);
    return 0;
}

/* Fails when a fault goes on unnoticed by default, or when NULL does not bring that back. */
Test(unit_check, without_a_handler_the_line_is_printed_and_the_process_aborts)
{
    static const char expected[] =
        BEFORE "double put: put(0x7f0012340040) of tier 4096: the buffer is already free\n";
    for (int reset = 0; reset < 2; reset++) {
        struct child_end end = child_run(report, reset ? &last : NULL);
        cr_assert(child_died(&end, SIGABRT));
        cr_assert(strcmp(end.errors, expected) == 0, "%s", end.errors);
    }
}

static int break_invariant(void *arg)
{
    INVARIANT(arg != NULL);
    return 0;
}

/* Fails when a broken invariant goes on, names nothing, or one that holds does not. */
Test(unit_check, broken_invariant_names_itself_and_aborts)
{
    struct child_end end = child_run(break_invariant, NULL);
    cr_assert(child_died(&end, SIGABRT));
    cr_assert(strstr(end.errors, "bufpool: broken invariant: arg != NULL (check.c:") == end.errors);
    end = child_run(break_invariant, &last);
    cr_assert(child_exited(&end, 0));
}

enum { SETTINGS = 20000 };

struct pair {
    struct pair *self; /* its handler's argument is this very pair */
    bool other;
};

static struct pair pairs[2] = {{&pairs[0], false}, {&pairs[1], true}};
static _Atomic unsigned torn, calls;
static _Atomic bool done;

static void first_handler(const char *message, void *arg)
{
    (void)message;
    calls++;
    torn += arg != &pairs[0];
}

static void second_handler(const char *message, void *arg)
{
    (void)message;
    calls++;
    torn += arg != &pairs[1];
}

static void *set_handlers(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < SETTINGS; i++)
        bufpool_on_misuse(i % 2 ? second_handler : first_handler, &pairs[i % 2]);
    done = true;
    return NULL;
}

/* Fails when a handler is called with another one's argument. */
Test(unit_check, handler_and_argument_are_set_as_one)
{
    pthread_t thread;
    bufpool_on_misuse(first_handler, &pairs[0]);
    pthread_create(&thread, NULL, set_handlers, NULL);
    while (!done)
        misuse_report(MISUSE_FOREIGN, &site);
    pthread_join(thread, NULL);
    cr_assert(gt(uint, calls, 0));
    cr_assert(eq(uint, torn, 0));
    misuse_report(MISUSE_FOREIGN, &site);
    cr_assert(eq(uint, torn, 0));
}
