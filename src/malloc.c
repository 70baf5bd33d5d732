#include <bufpool/malloc.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "default.h"
#include "flow.h"

#include <bufpool/inline.h>

/* What every buffer of the pool is aligned to. */
#define POOL_ALIGNMENT 64u

/* Where the program called us from. */
#define SITE __builtin_return_address(0)

/*
 * The hits are those of bufpool/inline.h, and end in a jump: to the C library,
 * or to what they are not.
 */

/* ------------------------------------------------------------ whose */

/* Up to this size requests are the C library's. Relaxed, see default.h; 0 before there is a pool. */
static ALWAYS_INLINE size_t small_size(void)
{
    return atomic_load_explicit(&standard.small, memory_order_relaxed);
}

/* The default pool, made if need be; NULL where it cannot be made. errno is untouched. */
static struct bufpool *pool_or_none(void)
{
    /* relaxed: a number, which only says when to try again. */
    static _Atomic uint32_t calls;
    struct bufpool *pool = default_made();

    if (LIKELY(pool != NULL))
        return pool;
    /* At calls 0, 1, 2, 4, 8 and so on: each try costs system calls, and a word it refuses a line on stderr.
     */
    uint32_t call = atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    if ((call & (call - 1)) != 0)
        return NULL;
    int errno_before = errno;
    pool = bufpool_default();
    errno = errno_before;
    return pool;
}

/* Any address of the pool's buffers, whether one begins there or not. */
static bool pool_has(const struct bufpool *pool, const void *address)
{
    return tiers_of_address(&pool->tiers, address) < pool->tiers.count ||
           oversized_has(&pool->oversized, address);
}

/* The pool an address belongs to: the default one or NULL, which means the C library. */
static struct bufpool *owner_of(const void *address)
{
    struct bufpool *pool = default_made();
    return pool != NULL && pool_has(pool, address) ? pool : NULL;
}

/* ------------------------------------------------------------ get */

/* A buffer of the pool for a size that belongs there. NULL: *elsewhere says whether the C library is to be
 * asked; if not, errno is ENOMEM. */
static void *get(struct bufpool *pool, size_t size, const void *site, bool *elsewhere)
{
    int errno_before = errno;
    void *buffer = flow_get_for(pool, size, site);

    *elsewhere = buffer == NULL && flow_is_full(pool, size);
    if (*elsewhere)
        errno = errno_before;
    return buffer;
}

/* No hit: the bin is empty, or there is no pool, or its calls are no hits. */
static NOINLINE void *malloc_miss(size_t size, const void *site)
{
    struct bufpool *pool = pool_or_none();
    bool elsewhere = pool == NULL || size <= small_size();
    void *buffer = elsewhere ? NULL : get(pool, size, site, &elsewhere);

    return elsewhere ? malloc(size) : buffer;
}

static ALWAYS_INLINE void *allocate(size_t size, const void *site)
{
    struct bufpool *pool = default_made();
    if (size <= small_size())
        return malloc(size);
    void *buffer = bufpool_inline_get_hit(pool, size);
    return LIKELY(buffer != NULL) ? buffer : malloc_miss(size, site);
}

HOT_PATH void *bufpool_malloc(size_t size)
{
    return allocate(size, SITE);
}

void *bufpool_calloc(size_t count, size_t size)
{
    struct bufpool *pool = pool_or_none();
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    bool elsewhere = pool == NULL || bytes <= small_size();
    void *buffer = elsewhere ? NULL : bufpool_inline_get_hit(pool, bytes);
    if (!elsewhere && buffer == NULL)
        buffer = get(pool, bytes, SITE, &elsewhere);
    if (elsewhere)
        return calloc(count, size);
    /* Whatever the system gave: a fresh buffer's border pages may have been its neighbour's. */
    return buffer != NULL ? memset(buffer, 0, bytes) : NULL;
}

void *bufpool_aligned_alloc(size_t alignment, size_t size)
{
    if (alignment > POOL_ALIGNMENT || alignment == 0 || (alignment & (alignment - 1)) != 0)
        return aligned_alloc(alignment, size);
    struct bufpool *pool = pool_or_none();
    bool elsewhere = pool == NULL || size <= small_size();
    void *buffer = elsewhere ? NULL : get(pool, size, SITE, &elsewhere);

    return elsewhere ? aligned_alloc(alignment, size) : buffer;
}

/* ------------------------------------------------------------ put */

/* No hit, or not the pool's. */
static NOINLINE void free_miss(void *memory, const void *site)
{
    struct bufpool *pool = owner_of(memory);
    if (pool != NULL)
        flow_put_for(pool, memory, site);
    else
        free(memory);
}

HOT_PATH void bufpool_free(void *memory)
{
    if (UNLIKELY(!bufpool_inline_put_hit(default_made(), memory)))
        free_miss(memory, SITE);
}

size_t bufpool_malloc_usable_size(void *memory)
{
    struct bufpool *pool = owner_of(memory);
    size_t usable;

    if (pool == NULL)
        return malloc_usable_size(memory);
    return flow_usable(pool, "capacity", memory, &usable, SITE) ? usable : 0;
}

/* ------------------------------------------------------------ realloc */

/* From the pool to the C library. */
static void *move_out(struct bufpool *pool, void *buffer, size_t usable, size_t size, const void *site)
{
    void *moved = malloc(size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, buffer, min_u64(usable, size));
    flow_put_for(pool, buffer, site);
    return moved;
}

/* A buffer of the pool, and a size that is not 0. */
static void *realloc_buffer(struct bufpool *pool, void *buffer, size_t size, const void *site)
{
    int errno_before = errno;
    size_t usable;
    void *moved;

    if (!flow_usable(pool, "resize", buffer, &usable, site)) {
        errno = EINVAL;
        return NULL;
    }
    if (size <= small_size()) {
        moved = move_out(pool, buffer, usable, size, site);
    } else {
        moved = flow_resize(pool, buffer, size, site);
        if (moved == NULL && errno == ENOMEM && flow_is_full(pool, size))
            moved = move_out(pool, buffer, usable, size, site);
    }
    if (moved == NULL && errno == ENOMEM && size <= usable)
        moved = buffer; /* smaller than it might be, where it is */
    if (moved != NULL)
        errno = errno_before;
    return moved;
}

/* The C library's memory, and a size that is not 0. */
static void *realloc_foreign(void *memory, size_t size, const void *site)
{
    struct bufpool *pool = pool_or_none();
    if (pool == NULL || size <= small_size() || size > pool->tiers.largest)
        return realloc(memory, size);

    bool elsewhere;
    void *moved = get(pool, size, site, &elsewhere);
    if (elsewhere)
        return realloc(memory, size);
    size_t usable = malloc_usable_size(memory);
    if (moved == NULL)
        return size <= usable ? realloc(memory, size) : NULL;
    memcpy(moved, memory, min_u64(usable, size));
    free(memory);
    return moved;
}

void *bufpool_realloc(void *memory, size_t size)
{
    if (memory == NULL)
        return allocate(size, SITE);
    struct bufpool *pool = owner_of(memory);
    if (size == 0) {
        free_miss(memory, SITE);
        return NULL;
    }
    return pool != NULL ? realloc_buffer(pool, memory, size, SITE) : realloc_foreign(memory, size, SITE);
}
