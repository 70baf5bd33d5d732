/*
 * member - linked into every program and library of a coverage build: each has counters
 * and hidden functions of its own for them.
 */
#include <gcov.h>

#include "counters.h"

__attribute__((constructor)) static void enter(void)
{
    counters_add(__gcov_dump, __gcov_reset);
}
