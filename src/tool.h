/*
 * tool - what a memory checker is told: which bytes of a pool nobody may touch
 * just now. Empty where none watches.
 *
 * AddressSanitizer watches every pool of a library that was built with it (but
 * those with the word `off`). Valgrind is told by a library built with
 * BUFPOOL_VALGRIND, while the program runs under it.
 */
#ifndef TOOL_H
#define TOOL_H

#include "base.h"

#if defined(__SANITIZE_ADDRESS__)
#define TOOL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TOOL_ASAN 1
#endif
#endif

#if defined(TOOL_ASAN)
#include <sanitizer/asan_interface.h>
#elif defined(BUFPOOL_VALGRIND)
#include <valgrind/memcheck.h>
#endif

/* GCOVR_EXCL_START: empty where coverage is counted; conformance_debug_asan and tests/valgrind see it. */

/* Is there anybody to tell? */
static inline bool tool_is_watching(void)
{
#if defined(TOOL_ASAN)
    return true;
#elif defined(BUFPOOL_VALGRIND)
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

/* The first word on a pool, and the last; what is below is said in between. */
static inline void tool_pool_begins(const void *pool)
{
#if !defined(TOOL_ASAN) && defined(BUFPOOL_VALGRIND)
    VALGRIND_CREATE_MEMPOOL(pool, 0, 0);
#else
    (void)pool;
#endif
}

static inline void tool_pool_ends(const void *pool)
{
#if !defined(TOOL_ASAN) && defined(BUFPOOL_VALGRIND)
    VALGRIND_DESTROY_MEMPOOL(pool);
#else
    (void)pool;
#endif
}

/* We look at these bytes, or write to them, whoever may. */
static inline void tool_open(const void *bytes, size_t count)
{
#if defined(TOOL_ASAN)
    ASAN_UNPOISON_MEMORY_REGION(bytes, count);
#elif defined(BUFPOOL_VALGRIND)
    VALGRIND_MAKE_MEM_DEFINED(bytes, count);
#else
    (void)bytes;
    (void)count;
#endif
}

/* And we are done: nobody may. */
static inline void tool_close(const void *bytes, size_t count)
{
#if defined(TOOL_ASAN)
    ASAN_POISON_MEMORY_REGION(bytes, count);
#elif defined(BUFPOOL_VALGRIND)
    VALGRIND_MAKE_MEM_NOACCESS(bytes, count);
#else
    (void)bytes;
    (void)count;
#endif
}

/* A buffer is lent: its bytes mean nothing yet. What its borrower may touch is said with tool_open and
 * tool_close. */
static inline void tool_lend(const void *pool, const void *buffer, size_t capacity)
{
#if !defined(TOOL_ASAN) && defined(BUFPOOL_VALGRIND)
    VALGRIND_MEMPOOL_ALLOC(pool, buffer, capacity);
#else
    (void)pool;
    tool_open(buffer, capacity);
#endif
}

/* A buffer is back: nobody may touch it. */
static inline void tool_return(const void *pool, const void *buffer, size_t capacity)
{
#if !defined(TOOL_ASAN) && defined(BUFPOOL_VALGRIND)
    (void)capacity;
    VALGRIND_MEMPOOL_FREE(pool, buffer);
#else
    (void)pool;
    tool_close(buffer, capacity);
#endif
}

/* GCOVR_EXCL_STOP */

#endif /* TOOL_H */
