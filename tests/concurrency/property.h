/*
 * property - what the drivers know of a property, and how one says what broke it.
 *
 * A property is a `bool prop_...(void)`: true where it holds. It makes and destroys its own pools, and ends
 * its own threads; one that does not hold may leave them behind.
 */
#ifndef CONCURRENCY_PROPERTY_H
#define CONCURRENCY_PROPERTY_H

#include <stdbool.h>

/* Print what broke the property on stderr; false. */
__attribute__((format(printf, 1, 2))) bool broken(const char *format, ...);

/* Print why the property says nothing in this build or on this system; true. */
__attribute__((format(printf, 1, 2))) bool skipped(const char *format, ...);

/* In a function that returns bool: on with it only if the condition is true. */
#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return broken("%s:%d: not true: %s", __FILE__, __LINE__, #condition);                            \
    } while (0)

#endif /* CONCURRENCY_PROPERTY_H */
