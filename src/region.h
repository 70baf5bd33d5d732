/*
 * region - the only file that asks the system for memory, gives it back, or
 * asks for a barrier on other CPUs. Sizes are in bytes, ranges are whole pages.
 */
#ifndef REGION_H
#define REGION_H

#include "base.h"

/* The system's page size. */
size_t region_page(void);

/* Address space without memory: not readable, not charged. NULL where there is none. */
void *region_reserve(size_t size);

/* Zeroed memory for the pool's books, taken lazily by the kernel. NULL when out. */
void *region_map(size_t size);

/* The end of either. Its size is the one it was asked with. */
void region_release(void *address, size_t size);

/* Make a reserved range readable and writable; doing it twice is harmless. False when memory is out. */
bool region_commit(void *address, size_t size);

/* Make it as region_reserve left it. */
void region_decommit(void *address, size_t size);

/*
 * Give the pages of a committed range back; they read as zeros when touched
 * again. False where the system will not (locked memory): then it is not asked
 * again, and the caller keeps what it has.
 */
bool region_purge(void *address, size_t size);

/* Keep a reservation out of core dumps, and in small pages unless huge ones are asked for. */
void region_advise(void *address, size_t size, bool huge_pages);

/* At most this much address space should be reserved at once: half of what RLIMIT_AS leaves. */
size_t region_reserve_limit(void);

/*
 * Every thread of the process has run a full memory barrier when barrier_all
 * returns true; false: the system would not (out of memory, or a filter on
 * system calls that came later), and nothing is known of the others.
 * barrier_register must have said true first.
 */
bool barrier_register(void);
bool barrier_all(void);

#endif /* REGION_H */
