/*
 * counters - what a build with gcc's --coverage has counted, written by processes that
 * end without exit handlers. Empty in every other build; tests/coverage makes that one.
 */
#ifndef TEST_COUNTERS_H
#define TEST_COUNTERS_H

#ifdef BUFPOOL_COVERAGE
/* Write them; what is counted later is lost. Again is nothing, not even a system call. */
void counters_write(void);
/* From now on these are the counters of a program or library too: its own __gcov_dump and __gcov_reset. */
void counters_add(void (*write)(void), void (*reset)(void));
#else
static inline void counters_write(void)
{
}
#endif

#endif /* TEST_COUNTERS_H */
