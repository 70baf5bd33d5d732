/*
 * A user's faults, one a compilation: -DFAULT_name. What the compiler must say of
 * each stands in `check`.
 */
#include <bufpool/malloc.h>
#include <stdlib.h>

void use(char *bytes); /* another file's */

int fault(bufpool_t *pool, int condition);

int fault(bufpool_t *pool, int condition)
{
    char *one = NULL;
    (void)pool;
    (void)condition;
    (void)one;

#if defined(FAULT_get_leaks)
    one = bufpool_get(pool, 100);
    if (one == NULL)
        return -1;
    one[0] = 1;
    if (condition)
        return -2; /* forgotten */
    bufpool_put(pool, one);
#elif defined(FAULT_get_zeroed_leaks)
    one = bufpool_get_zeroed(pool, 100);
    return one != NULL && one[0] == condition;
#elif defined(FAULT_resize_leaks)
    one = bufpool_resize(pool, NULL, 100);
    return one != NULL && one[0] == condition;
#elif defined(FAULT_put_twice)
    one = bufpool_get(pool, 100);
    bufpool_put(pool, one);
    if (condition)
        bufpool_put(pool, one);
#elif defined(FAULT_used_after_put)
    one = bufpool_get(pool, 100);
    if (one == NULL)
        return -1;
    bufpool_put(pool, one);
    one[0] = 1;
#elif defined(FAULT_got_here_freed_there)
    one = bufpool_get(pool, 100);
    free(one);
#elif defined(FAULT_put_inside)
    one = bufpool_get(pool, 100);
    bufpool_put(pool, one + 64);
#elif defined(FAULT_malloc_leaks)
    one = bufpool_malloc(1000);
    return one != NULL && one[0] == condition;
#elif defined(FAULT_calloc_leaks)
    one = bufpool_calloc(10, 100);
    return one != NULL && one[0] == condition;
#elif defined(FAULT_realloc_leaks)
    one = bufpool_realloc(NULL, 1000);
    return one != NULL && one[0] == condition;
#elif defined(FAULT_aligned_alloc_leaks)
    one = bufpool_aligned_alloc(64, 1024);
    return one != NULL && one[0] == condition;
#elif defined(FAULT_freed_twice)
    one = bufpool_malloc(1000);
    bufpool_free(one);
    if (condition)
        bufpool_free(one);
#elif defined(FAULT_get_unused)
    bufpool_get(pool, 100);
#elif defined(FAULT_get_zeroed_unused)
    bufpool_get_zeroed(pool, 100);
#elif defined(FAULT_resize_unused)
    bufpool_resize(pool, one, 100);
#elif defined(FAULT_malloc_unused)
    bufpool_malloc(1000);
#elif defined(FAULT_calloc_unused)
    bufpool_calloc(10, 100);
#elif defined(FAULT_realloc_unused)
    bufpool_realloc(one, 100);
#elif defined(FAULT_aligned_alloc_unused)
    bufpool_aligned_alloc(64, 1024);
#else
#error "which fault?"
#endif
    return 0;
}
