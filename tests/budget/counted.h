/*
 * counted - how many atomic read-modify-writes the library did, and on which
 * words.
 *
 * Only one thread is in the library while it counts (see baton.h): nothing here
 * is atomic itself.
 */
#ifndef COUNTED_H
#define COUNTED_H

#include <stdint.h>

/* Called by the library of bufpool_counted before each one, successful or not. */
void counted_atomic(const volatile void *word);

/* From 0. */
void counted_start(void);
void counted_stop(void);

uint64_t counted_total(void);

/* Each word that was counted, in no order. */
void counted_each(void (*visit)(const volatile void *word, uint64_t count, void *context), void *context);

#endif /* COUNTED_H */
