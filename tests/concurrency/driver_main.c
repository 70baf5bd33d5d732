/*
 * The properties one after the other in one process, for ThreadSanitizer, under which Criterion does not
 * start; with arguments, only those of such a suite or with such a word in the name.
 */
#include <stdio.h>
#include <string.h>

#include "properties.h"

struct property {
    const char *suite;
    const char *name;
    bool (*holds)(void);
};

#define LIST_PROPERTY(suite, name) {#suite, #name, prop_##name},
static const struct property properties[] = {PROPERTIES(LIST_PROPERTY)};

static bool is_wanted(const struct property *property, int count, char **words)
{
    for (int i = 0; i < count; i++)
        if (strstr(property->name, words[i]) != NULL || strcmp(property->suite, words[i]) == 0)
            return true;
    return count == 0;
}

int main(int argc, char **argv)
{
    unsigned passed = 0;
    unsigned failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        const struct property *property = &properties[i];

        if (!is_wanted(property, argc - 1, argv + 1))
            continue;
        bool holds = property->holds();
        printf("%s %s: %s\n", holds ? "pass" : "FAIL", property->suite, property->name);
        passed += holds;
        failed += !holds;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
