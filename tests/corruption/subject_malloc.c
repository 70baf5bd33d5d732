/*
 * The C library's allocator, or the one that is loaded in front of it.
 */
#include "subject.h"

#include <malloc.h>
#include <stdlib.h>

int subject_begin(const char *words)
{
    return words == NULL;
}

void subject_end(void)
{
}

void *borrow(size_t size)
{
    return malloc(size);
}

void give_back(void *buffer)
{
    free(buffer);
}

void *resize(void *buffer, size_t size)
{
    return realloc(buffer, size);
}

size_t capacity_of(void *buffer)
{
    return malloc_usable_size(buffer);
}
