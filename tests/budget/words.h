/*
 * words - which of a pool's shared words an address is.
 */
#ifndef WORDS_H
#define WORDS_H

#include <bufpool.h>

/* A name for the table; "other" for what has none. */
const char *word_name(const bufpool_t *pool, const volatile void *address);

#endif /* WORDS_H */
