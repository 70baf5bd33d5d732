/*
 * cpus - two processors, whatever the machine has: the library learns of them from
 * two functions of libc's, and cpus.c stands in for both. So refill and steal happen
 * where the test says, and the library itself is the one that users link.
 */
#ifndef LOCKFREE_CPUS_H
#define LOCKFREE_CPUS_H

#define CPUS 2u

/* From now on the calling thread runs on this one, as far as the library can tell. */
void cpus_sit_on(unsigned cpu);

#endif /* LOCKFREE_CPUS_H */
