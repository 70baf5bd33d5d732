/*
 * accounts - the two equations of bufpool.h, and what follows from them, for a
 * pool at rest.
 */
#ifndef TEST_ACCOUNTS_H
#define TEST_ACCOUNTS_H

#include <bufpool.h>

/*
 * NULL, or what does not add up, in a buffer of this thread. `pool` must be at
 * rest and not inherited by fork: then every number is exact.
 */
const char *accounts_fault(bufpool_t *pool);

/* The same, for a pool without bufpool_reserve: what has pages was carved, and was not purged since. */
const char *accounts_and_pages_fault(bufpool_t *pool);

/* For Criterion tests. */
#define assert_accounts(pool) assert_no_fault(accounts_and_pages_fault(pool))
#define assert_accounts_with_reserved(pool) assert_no_fault(accounts_fault(pool))
#define assert_no_fault(fault)                                                                               \
    do {                                                                                                     \
        const char *fault_found = fault;                                                                     \
        cr_assert(fault_found == NULL, "%s", fault_found);                                                   \
    } while (0)

#endif /* TEST_ACCOUNTS_H */
