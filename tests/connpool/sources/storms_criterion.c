/* Each storm in a process of its own. */
#include <criterion/criterion.h>

#include "storms.h"

#define STORM_TEST(name)                                                                                     \
    Test(storms, name, .timeout = 240)                                                                       \
    {                                                                                                        \
        cr_assert(name());                                                                                   \
    }
STORMS(STORM_TEST)
