/*
 * bare - commit a case in this very process and assert nothing: what becomes of
 * it is for the scoreboard to see.
 *
 *   corruption_bare CASE [WORDS] | --list       a pool, with these debug words
 *   corruption_malloc CASE | --list             whoever serves malloc
 */
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "subject.h"

void expect_report(const char *levels, const char *rule, const char *call, const void *address,
                   const char *place, const char *detail)
{
    (void)levels, (void)rule, (void)call, (void)address, (void)place, (void)detail;
}

void expect_end(void)
{
}

void expect_line(const char *line)
{
    (void)line;
}

void expect_fault(const char *levels)
{
    (void)levels;
}

void expect_asan(const char *kind)
{
    (void)kind;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        case_list();
        return 0;
    }
    const struct corruption *corruption = argc == 2 || argc == 3 ? case_find(argv[1]) : NULL;
    if (corruption == NULL || !subject_begin(argc == 3 ? argv[2] : NULL)) {
        fprintf(stderr, "usage: %s CASE [WORDS] | --list\n", argv[0]);
        return 2;
    }
    corruption->commit();
    subject_end();
    return 0;
}
