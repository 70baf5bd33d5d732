#include "counted.h"

#include <bufpool/malloc.h>
#include <stdio.h>

#include "pools.h"

static struct counted counted;

/* One thread asks, so what the pool was asked for meanwhile was this request. */
static void count(size_t size, uint64_t gets_before)
{
    bool is_pooled = stats_of(NULL).gets != gets_before;

    counted.asked++;
    counted.asked_bytes += size;
    counted.pooled += is_pooled;
    counted.pooled_bytes += is_pooled ? size : 0;
}

void *counted_malloc(size_t size)
{
    uint64_t before = stats_of(NULL).gets;
    void *memory = bufpool_malloc(size);

    count(size, before);
    return memory;
}

void *counted_calloc(size_t members, size_t size)
{
    uint64_t before = stats_of(NULL).gets;
    void *memory = bufpool_calloc(members, size);

    count(members * size, before);
    return memory;
}

void *counted_realloc(void *old, size_t size)
{
    uint64_t before = stats_of(NULL).gets;
    void *memory = bufpool_realloc(old, size);

    count(size, before);
    return memory;
}

void counted_begin(void)
{
    counted = (struct counted){0};
}

struct counted counted_read(void)
{
    return counted;
}

void counted_print(const struct counted *result)
{
    printf("%lu of %lu requests, %lu of %lu bytes are pooled\n", (unsigned long)result->pooled,
           (unsigned long)result->asked, (unsigned long)result->pooled_bytes,
           (unsigned long)result->asked_bytes);
}
