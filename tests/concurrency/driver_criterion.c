/* The properties as Criterion tests, each in a process of its own. */
#include <criterion/criterion.h>

#include "properties.h"

#define TEST_PROPERTY(suite, name)                                                                           \
    Test(suite, name)                                                                                        \
    {                                                                                                        \
        cr_assert(prop_##name());                                                                            \
    }
PROPERTIES(TEST_PROPERTY)
