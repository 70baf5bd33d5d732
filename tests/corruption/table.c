#include "case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES_MAX = 128 };

static struct corruption cases[CASES_MAX];
static size_t cases_count;

void case_register(const char *name, const char *levels, void (*commit)(void))
{
    if (cases_count == CASES_MAX)
        abort();
    cases[cases_count++] = (struct corruption){.name = name, .levels = levels, .commit = commit};
}

const struct corruption *case_find(const char *name)
{
    for (size_t i = 0; i < cases_count; i++) {
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    }
    return NULL;
}

void case_list(void)
{
    for (size_t i = 0; i < cases_count; i++)
        printf("%s %s\n", cases[i].name, cases[i].levels);
}
