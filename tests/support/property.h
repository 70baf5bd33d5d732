/*
 * property - a table of named properties for programs that Criterion cannot run:
 * those that replace malloc, and those built for ThreadSanitizer.
 */
#ifndef TEST_PROPERTY_H
#define TEST_PROPERTY_H

#include <stdbool.h>
#include <stdio.h>

/* In a function that returns bool: on with it only if the condition is true. */
#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                        \
            return false;                                                                                    \
        }                                                                                                    \
    } while (0)

struct property {
    const char *name;
    bool (*holds)(void);
};

#define PROPERTY(name)                                                                                       \
    {                                                                                                        \
#name, name                                                                                          \
    }

/* One after the other; the last line is "N passed, N failed". What main returns. */
static inline int properties_run(const struct property *properties, unsigned count)
{
    unsigned failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);

    for (unsigned i = 0; i < count; i++) {
        bool held = properties[i].holds();
        printf("%s %s\n", held ? "held" : "FAIL", properties[i].name);
        failed += !held;
    }
    printf("%u passed, %u failed\n", count - failed, failed);
    return failed != 0;
}

#endif /* TEST_PROPERTY_H */
