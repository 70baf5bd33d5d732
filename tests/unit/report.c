/*
 * report.h: what a report says, to whom, and what it leaves alone.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "misuse.h"
#include "pools.h"
#include "process.h"
#include "report.h"

static struct misuse_record last;

static const struct misuse_site site = {.call = "put",
                                        .pool = "left",
                                        .other = "right",
                                        .address = (void *)0x7f0012340040,
                                        .tier_size = 4096,
                                        .index = 17,
                                        .offset = 64,
                                        .asked = 60,
                                        .found = 0xab,
                                        .left = 0x0c};

#define BEFORE "bufpool: pool 'left': "
#define BUFFER "put(0x7f0012340040) of tier 4096, buffer 17, thread "

/* Is the last line `before`, this thread's number, `after`? */
static void assert_line(const char *before, const char *after)
{
    char expected[REPORT_MAX];
    snprintf(expected, sizeof expected, "%s%ld%s", before, (long)gettid(), after);
    cr_assert(eq(str, last.line, expected));
}

/* Fails when a message changes: people and scripts search logs for it. */
Test(unit_report, every_rule_has_its_one_line)
{
    static const struct {
        const char *before, *after;
    } lines[MISUSES] = {
        [MISUSE_FOREIGN] = {BEFORE "foreign pointer: " BUFFER, ""},
        [MISUSE_OTHER_POOL] = {BEFORE "foreign pointer: " BUFFER, ": belongs to pool 'right'"},
        [MISUSE_MISALIGNED] = {BEFORE "misaligned pointer: " BUFFER, ""},
        [MISUSE_INTERIOR] = {BEFORE "interior pointer: " BUFFER, ": 64 bytes inside a buffer"},
        [MISUSE_UNCARVED] = {BEFORE "never handed out: " BUFFER, ""},
        [MISUSE_DOUBLE_PUT] = {BEFORE "double put: " BUFFER, ": the buffer is already free"},
        [MISUSE_LATE_DOUBLE_PUT] = {BEFORE "double put, found late: " BUFFER, ""},
        [MISUSE_DESTROYED] = {BEFORE "destroyed pool: " BUFFER, ""},
        [MISUSE_AFTER_PUT] = {BEFORE "put after put: " BUFFER, ": the buffer is already free"},
        [MISUSE_NEVER_GOT] = {BEFORE "put of a buffer that was never got: " BUFFER, ""},
        [MISUSE_WRITE_AFTER_PUT] = {BEFORE "write after put: " BUFFER,
                                    ": byte 64 is 0xab, the put left 0x0c"},
        [MISUSE_OVERFLOW] = {BEFORE "overflow: " BUFFER, ": byte 64 is written, 60 were asked for"},
    };
    misuse_record(&last);
    for (unsigned i = 0; i < MISUSES; i++) {
        misuse_report((enum misuse)i, &site);
        cr_assert(eq(uint, last.calls, i + 1));
        assert_line(lines[i].before, lines[i].after);
    }
}

/* Fails when a rule of any call is named as one of put. */
Test(unit_report, what_comes_after_put_is_named_by_its_call)
{
    struct misuse_site resized = site;
    resized.call = "resize";
    misuse_record(&last);
    misuse_report(MISUSE_AFTER_PUT, &resized);
    assert_line(BEFORE "resize after put: resize(0x7f0012340040) of tier 4096, buffer 17, thread ",
                ": the buffer is already free");
}

/* Fails when a report about an address in no tier names tier 0. */
Test(unit_report, no_tier_is_named_outside_the_tiers)
{
    struct misuse_site outside = site;
    outside.tier_size = 0;
    outside.call = "capacity";
    misuse_record(&last);
    misuse_report(MISUSE_FOREIGN, &outside);
    assert_line(BEFORE "foreign pointer: capacity(0x7f0012340040), thread ", "");
    outside.oversized = true;
    misuse_report(MISUSE_MISALIGNED, &outside);
    assert_line(BEFORE "misaligned pointer: capacity(0x7f0012340040) of oversized buffer 17, thread ", "");
}

/* Fails when a call site is left out, or not told apart from the other. */
Test(unit_report, call_sites_are_named_with_object_offset_and_function)
{
    struct misuse_site tagged = site;
    char got[200], put[200], after[REPORT_MAX];

    tagged.got_at = (const char *)(uintptr_t)fprintf + 4;
    tagged.put_at = (const char *)(uintptr_t)fputs + 4;
    report_place(got, sizeof got, tagged.got_at);
    report_place(put, sizeof put, tagged.put_at);
    cr_assert(strstr(got, "+0x") != NULL && strstr(put, "+0x") != NULL);
    misuse_record(&last);
    misuse_report(MISUSE_DOUBLE_PUT, &tagged);
    snprintf(after, sizeof after, ": the buffer is already free; got at %s, put at %s", got, put);
    assert_line(BEFORE "double put: " BUFFER, after);
    tagged.got_at = NULL;
    misuse_report(MISUSE_DOUBLE_PUT, &tagged);
    snprintf(after, sizeof after, ": the buffer is already free; put at %s", put);
    assert_line(BEFORE "double put: " BUFFER, after);
}

/* Fails when an address in no object, as of code made at run time, is looked for in vain or followed. */
Test(unit_report, a_place_in_no_object_is_its_address)
{
    char place[64];
    report_place(place, sizeof place, (void *)0x40);
    cr_assert(strcmp(place, "0x40") == 0, "%s", place);
}

/* Fails when the longest names are cut in the middle, or written beyond the line. */
Test(unit_report, longest_names_fit)
{
    struct misuse_site longest = site;
    char line[REPORT_MAX];

    longest.pool = "a23456789b123456789c123456789d1";
    longest.other = "e23456789f123456789g123456789h1";
    longest.call = "put (found late)";
    longest.address = (void *)UINTPTR_MAX;
    longest.tier_size = (size_t)1 << 30;
    longest.index = UINT32_MAX;
    misuse_record(&last);
    misuse_report(MISUSE_OTHER_POOL, &longest);
    snprintf(line, sizeof line,
             "bufpool: pool '%s': foreign pointer: %s(%p) of tier %zu, buffer 4294967295, thread ",
             longest.pool, longest.call, longest.address, longest.tier_size);
    assert_line(line, ": belongs to pool 'e23456789f123456789g123456789h1'");
    longest.offset = SIZE_MAX;
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
Test(unit_report, errno_is_kept_whatever_the_handler_does)
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
Test(unit_report, without_a_handler_the_line_is_printed_and_the_process_aborts)
{
    for (int reset = 0; reset < 2; reset++) {
        struct child_end end = child_run(report, reset ? &last : NULL);
        cr_assert(child_died(&end, SIGABRT));
        cr_assert(strncmp(end.errors, BEFORE "double put: " BUFFER, strlen(BEFORE "double put: " BUFFER)) ==
                  0);
        cr_assert(strstr(end.errors, ": the buffer is already free\n") != NULL, "%s", end.errors);
        cr_assert(eq(uint, count_lines(end.errors), 1));
    }
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
Test(unit_report, handler_and_argument_are_set_as_one)
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
