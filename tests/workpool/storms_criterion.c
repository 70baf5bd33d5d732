#include <criterion/criterion.h>

#include "storms.h"

#define TEST_STORM(name)                                                                                     \
    Test(workpool_storms, name, .timeout = 300)                                                              \
    {                                                                                                        \
        cr_assert(storm_##name());                                                                           \
    }
STORMS(TEST_STORM)
