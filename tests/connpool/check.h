/*
 * check - what stands at the end of nearly every test.
 */
#ifndef CONNPOOL_CHECK_H
#define CONNPOOL_CHECK_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "rig.h"

#define assert_good(fault)                                                                                   \
    do {                                                                                                     \
        const char *fault_found = fault;                                                                     \
        cr_assert(fault_found == NULL, "%s", fault_found);                                                   \
    } while (0)

/* The accounts, then destroy, then that all is closed. */
#define assert_ends_well(pool, rig) assert_good(end_fault(pool, rig))

#endif /* CONNPOOL_CHECK_H */
