/*
 * main - commit a case and see what becomes of the process.
 *
 *   corruption CASE [WORDS]      at each of its levels, or with these debug words: must end as it expects
 *   corruption --list            every case, in order, and its levels
 *
 * The last line is "N passed, N failed", counting levels.
 */
#include <bufpool.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "case.h"
#include "pools.h"
#include "process.h"
#include "subject.h"

/* ------------------------------------------------------------ what is expected */

enum end { NOTHING_EXPECTED, ABORT_WITH_LINE, FAULT, ASAN_REPORT, EXIT_WITH_LINE };

/* Shared with the process that commits the fault, and so left behind by it. */
static struct expected {
    const char *level; /* this run's */
    enum end end;
    char line[512]; /* what is printed, or AddressSanitizer's word for it */
} * expected;

/* Is it so at the level of this run? */
static bool is_expected(const char *levels)
{
    size_t length = strlen(expected->level);

    for (const char *at = levels; at != NULL && (at = strstr(at, expected->level)) != NULL; at += length) {
        if ((at == levels || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return levels == NULL;
}

__attribute__((format(printf, 2, 3))) static void expect(enum end end, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(expected->line, sizeof expected->line, format, arguments);
    va_end(arguments);
    expected->end = end;
}

void expect_report(const char *levels, const char *rule, const char *call, const void *address,
                   const char *place, const char *detail)
{
    if (is_expected(levels))
        expect(ABORT_WITH_LINE, "bufpool: pool 'victim': %s: %s(%p)%s, thread %ld%s%s\n", rule, call, address,
               place, (long)gettid(), detail != NULL ? ": " : "", detail != NULL ? detail : "");
}

void expect_end(void)
{
    expected->end = EXIT_WITH_LINE;
}

void expect_line(const char *line)
{
    expect(EXIT_WITH_LINE, "bufpool: pool 'victim': %s\n", line);
}

void expect_fault(const char *levels)
{
    if (is_expected(levels))
        expected->end = FAULT;
}

/* Is this the text, with a number for each #? */
static bool matches(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '#') {
            if (*text++ != *pattern)
                return false;
            continue;
        }
        size_t digits = strspn(text, "0123456789");
        if (digits == 0)
            return false;
        text += digits;
    }
    return *text == '\0';
}

void expect_asan(const char *kind)
{
    if (!is_expected(ASAN))
        return;
    snprintf(expected->line, sizeof expected->line, "AddressSanitizer: %s", kind);
    expected->end = ASAN_REPORT;
}

static const char *const end_name[] = {"nothing (the case expects nothing at this level)",
                                       "abort and exactly", "SIGSEGV and no line", "a report that names",
                                       "a normal end and exactly"};

static bool ended_as_expected(const struct child_end *end)
{
    switch (expected->end) {
    case NOTHING_EXPECTED:
        return false;
    case ABORT_WITH_LINE:
        return child_died(end, SIGABRT) && matches(end->errors, expected->line);
    case FAULT:
        return child_died(end, SIGSEGV) && end->errors[0] == '\0';
    case ASAN_REPORT:
        return !child_exited(end, 0) && strstr(end->errors, expected->line) != NULL;
    case EXIT_WITH_LINE:
        return child_exited(end, 0) && matches(end->errors, expected->line);
    }
    return false;
}

/* ------------------------------------------------------------ runs */

struct run {
    void (*commit)(void);
    const char *words; /* NULL: none */
};

static int commit_in_child(void *arg)
{
    const struct run *run = arg;
    if (!subject_begin(run->words))
        return 1;
    run->commit();
    subject_end();
    return 0;
}

static bool run_level(const struct corruption *corruption, const char *level)
{
    bool is_word = strcmp(level, DEFAULT) != 0 && strcmp(level, ASAN) != 0;
    struct run run = {.commit = corruption->commit, .words = is_word ? level : NULL};

    memset(expected, 0, sizeof *expected);
    expected->level = level;
    struct child_end end = child_run(commit_in_child, &run);
    bool passed = ended_as_expected(&end);
    printf("%s %s %s: status %#x, printed %s%s", passed ? "pass" : "FAIL", corruption->name, level,
           (unsigned)end.status, end.errors[0] == '\0' ? "nothing" : end.errors,
           end.errors[0] == '\0' ? "\n" : "");
    if (!passed)
        printf("     expected %s: %s\n", end_name[expected->end], expected->line);
    return passed;
}

static int run_levels(const struct corruption *corruption, const char *levels)
{
    unsigned count[2] = {0, 0};
    char copy[256];
    char *rest = copy;

    expected = mmap(NULL, sizeof *expected, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(expected != MAP_FAILED && strlen(levels) < sizeof copy);
    strcpy(copy, levels);
    for (char *level; (level = strsep(&rest, " ")) != NULL;) {
        /* A sanitizer reports what it can before any word does: there are two levels under it. */
        bool of_sanitizer = strcmp(level, DEFAULT) == 0 || strcmp(level, ASAN) == 0;
        if (strcmp(level, ASAN) == 0 ? !UNDER_SANITIZER : UNDER_SANITIZER && !of_sanitizer)
            continue;
        count[run_level(corruption, level)]++;
    }
    printf("%u passed, %u failed\n", count[true], count[false]);
    return count[false] != 0 || count[true] == 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        case_list();
        return 0;
    }
    const struct corruption *corruption = argc == 2 || argc == 3 ? case_find(argv[1]) : NULL;
    if (corruption == NULL) {
        fprintf(stderr, "usage: corruption CASE [WORDS] | --list\n");
        return 2;
    }
    return run_levels(corruption, argc == 3 ? argv[2] : corruption->levels);
}
