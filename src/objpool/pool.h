/*
 * pool - what an objpool is made of.
 */
#ifndef OBJPOOL_POOL_H
#define OBJPOOL_POOL_H

#include <bufpool/objpool.h>
#include <stdatomic.h>

#include "family/roll.h"

struct objpool {
    bufpool_t *buffers;
    size_t size;
    bool (*construct)(void *object, void *arg);
    void (*destruct)(void *object, void *arg);
    void *arg;
    /* relaxed: numbers; written on slow paths. */
    _Atomic uint64_t constructs, construct_failures, destructs;
    char name[32]; /* as long as a bufpool's */
    struct roll_entry entry;
};

extern struct roll_kind objpool_kind;

/* What a buffer of the only tier counts for: bufpool.h says so. */
static inline size_t objpool_capacity_of(size_t size)
{
    size_t whole = (size + 63) / 64 * 64;
    return whole >= 16384 ? whole + 192 : whole;
}

#endif /* OBJPOOL_POOL_H */
