/*
 * The same faults as tests, each in a process of its own: does what a tool says there
 * reach the one who counts?
 */
#include <criterion/criterion.h>

#include "faults.h"

#define FAULT_TEST(name)                                                                                     \
    Test(controls, name)                                                                                     \
    {                                                                                                        \
        fault_##name();                                                                                      \
    }
FAULTS(FAULT_TEST)
