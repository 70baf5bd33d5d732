/*
 * counted - <bufpool/malloc.h> for a library to install, with a count of what it asks for and of what of that
 * the pool served.
 */
#ifndef ADAPTERS_COUNTED_H
#define ADAPTERS_COUNTED_H

#include <stddef.h>
#include <stdint.h>

void *counted_malloc(size_t size);
void *counted_calloc(size_t members, size_t size);
void *counted_realloc(void *memory, size_t size);

/* Requests, and bytes; a realloc counts as one of its new size, pooled where it asked the pool for a buffer.
 */
struct counted {
    uint64_t asked, asked_bytes, pooled, pooled_bytes;
};

void counted_begin(void);
struct counted counted_read(void);
void counted_print(const struct counted *counted);

#endif /* ADAPTERS_COUNTED_H */
