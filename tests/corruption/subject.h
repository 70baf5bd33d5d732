/*
 * subject - who is asked: bufpool (subject_pool.c) or whatever serves malloc
 * (subject_malloc.c). Compiled apart from the cases, so that no compiler knows
 * what these calls are and warns of, or removes, the very faults.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include <stddef.h>

/* With slack in bufpool's tiers of 1 KiB and 128 KiB; the last above the largest tier. */
#define SMALL ((size_t)1000)
#define LARGE ((size_t)100000)
#define OVERSIZED ((size_t)3 << 20)

/* `words`: debug words of the pool, or NULL. False where the pool knows no such words. */
int subject_begin(const char *words);
void subject_end(void);

void *borrow(size_t size);
void give_back(void *buffer);
void *resize(void *buffer, size_t size);
size_t capacity_of(void *buffer);

/* Nothing the compiler can see through: writes and reads that it must not drop. */
void write_byte(void *at, unsigned char byte);
unsigned char read_byte(const void *at);

/* What a program does next: a few buffers of that size got, filled and put. Where a fault may be found late.
 */
void go_on(size_t size);

#endif /* SUBJECT_H */
