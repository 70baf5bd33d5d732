/*
 * meter_malloc - what an adapter asks the drop-in face for; linked with --wrap.
 */
#include <bufpool/malloc.h>

#include "live.h"
#include "rig.h"

void *__real_bufpool_malloc(size_t size);
void *__wrap_bufpool_malloc(size_t size);
void *__real_bufpool_calloc(size_t count, size_t size);
void *__wrap_bufpool_calloc(size_t count, size_t size);
void *__real_bufpool_realloc(void *memory, size_t size);
void *__wrap_bufpool_realloc(void *memory, size_t size);
void __real_bufpool_free(void *memory);
void __wrap_bufpool_free(void *memory);

void *__wrap_bufpool_malloc(size_t size)
{
    void *memory = __real_bufpool_malloc(size);

    meter_count(NULL, memory, size);
    live_add(memory, size);
    return memory;
}

void *__wrap_bufpool_calloc(size_t count, size_t size)
{
    void *memory = __real_bufpool_calloc(count, size);

    meter_count(NULL, memory, count * size);
    live_add(memory, count * size);
    return memory;
}

/* What stays where it is, is the same buffer, of another size. One that failed is not forgotten in time: no
 * program here is out of memory. */
void *__wrap_bufpool_realloc(void *memory, size_t size)
{
    const void *before = memory;

    live_remove(memory);
    void *moved = __real_bufpool_realloc(memory, size);
    if (moved != before)
        meter_count(NULL, moved, size);
    live_add(moved, size);
    return moved;
}

void __wrap_bufpool_free(void *memory)
{
    live_remove(memory);
    __real_bufpool_free(memory);
}
