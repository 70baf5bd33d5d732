/*
 * bufpool/inline.h - the hit of get and put compiled into the caller. Comes with
 * <bufpool.h> where BUFPOOL_INLINE is defined before it:
 *
 *     #define BUFPOOL_INLINE
 *     #include <bufpool.h>
 *
 * Nothing else changes: bufpool_get and bufpool_put keep their contracts, what is
 * no hit calls the library, and (bufpool_get)(pool, size) always does. A hit
 * saves the call: a pair takes 3.6 ns instead of 4.9 where a thread-local array
 * behind a call takes 4.4 (AMD Zen 4, gcc 12); some 50 instructions a call site.
 *
 * The price is that the program knows how the library lays out its memory.
 * bufpool_create compares the two: it returns -ENOTSUP where the library at run
 * time is laid out otherwise than this header says, and nothing is created. So a
 * pool must come from a file that defines BUFPOOL_INLINE too. Recompiling is the
 * cure.
 *
 * What follows bufpool_inline_layout is no interface: it may change with any
 * release, and then BUFPOOL_INLINE_LAYOUT does. src/layout.c holds it against what
 * the library is made of.
 */
#ifndef BUFPOOL_INLINE_H
#define BUFPOOL_INLINE_H

#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef BUFPOOL_INLINE_LAYOUT
/* The layout that this header knows. */
#define BUFPOOL_INLINE_LAYOUT 1u
#endif

/*
 * bufpool_inline_layout - the layout that the library at run time has. Where it
 * is not BUFPOOL_INLINE_LAYOUT, bufpool_create returns -ENOTSUP.
 */
BUFPOOL_API unsigned bufpool_inline_layout(void);

/* ------------------------------------------------------------ no interface */

struct bufpool_inline_bin {
    void **top;
    void **end;
    uint64_t hits;
    void **slot;
    uint64_t unused[4];
};

struct bufpool_inline_block {
    char head[64];
    struct bufpool_inline_bin bin[1]; /* one a tier, and one more */
};

struct bufpool_inline_record {
    char head[8];
    uintptr_t key;
    struct bufpool_inline_block *block;
};

struct bufpool_inline_thread {
    struct bufpool_inline_record *last;
};

struct bufpool_inline_tier {
    uintptr_t origin;
    uint64_t reciprocal;
    uint64_t committed;
    uint64_t other[5];
};

#define BUFPOOL_INLINE_STEPS 1040u
#define BUFPOOL_INLINE_LINE 64u
#define BUFPOOL_INLINE_TIERS 64u
#define BUFPOOL_INLINE_BUSY ((uintptr_t)1)

struct bufpool_inline_pool {
    char head[64];
    uintptr_t base;
    unsigned span_shift;
    unsigned line_shift;
    uint16_t direct[BUFPOOL_INLINE_STEPS];
    char gap[16];
    struct bufpool_inline_tier tier[BUFPOOL_INLINE_TIERS];
};

extern BUFPOOL_API __thread struct bufpool_inline_thread bufpool_inline_thread
    __attribute__((tls_model("initial-exec")));

static inline int bufpool_inline_create(bufpool_t **pool, const bufpool_config_t *config)
{
    return bufpool_inline_layout() == BUFPOOL_INLINE_LAYOUT ? bufpool_create(pool, config) : -ENOTSUP;
}

/* This thread's bin at a line, for as long as the record is busy; orders and reasons: cache_enter in
 * src/cache.h. */
static inline struct bufpool_inline_bin *bufpool_inline_enter(struct bufpool_inline_record *record,
                                                              uint64_t line)
{
    __atomic_store_n(&record->key, BUFPOOL_INLINE_BUSY, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    struct bufpool_inline_block *block = __atomic_load_n(&record->block, __ATOMIC_ACQUIRE);
    return (struct bufpool_inline_bin *)(void *)((char *)block->bin + line);
}

static inline void bufpool_inline_leave(struct bufpool_inline_record *record, bufpool_t *pool)
{
    __atomic_store_n(&record->key, (uintptr_t)pool, __ATOMIC_RELEASE);
}

/* NULL, the default pool, is no record's key. Said again where it is written out, which compilers warn of. */
#define BUFPOOL_INLINE_IS_NULL(pool) (__builtin_constant_p((pool) == NULL) && (pool) == NULL)

/* This thread's record of the pool, if that is the one it used last. */
static inline bool bufpool_inline_is_hit(const struct bufpool_inline_record *record, const bufpool_t *pool)
{
    return __builtin_expect(__atomic_load_n(&record->key, __ATOMIC_RELAXED) == (uintptr_t)pool, 1);
}

/* The newest of the bin at a line, or NULL. */
static inline void *bufpool_inline_take(struct bufpool_inline_record *record, bufpool_t *pool, uint64_t line)
{
    struct bufpool_inline_bin *bin = bufpool_inline_enter(record, line);
    void **top = __atomic_load_n(&bin->top, __ATOMIC_RELAXED);
    void *buffer = *top;

    if (__builtin_expect(buffer != NULL, 1)) {
        __atomic_store_n(&bin->top, top - 1, __ATOMIC_RELAXED);
        __atomic_store_n(&bin->hits, __atomic_load_n(&bin->hits, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
    }
    bufpool_inline_leave(record, pool);
    return buffer;
}

/* The hit alone, of any pool but NULL by name; NULL where it is none, and nothing has happened. */
static inline void *bufpool_inline_get_hit(bufpool_t *pool, size_t size)
{
    struct bufpool_inline_record *record = bufpool_inline_thread.last;
    const struct bufpool_inline_pool *hot = (const struct bufpool_inline_pool *)(const void *)pool;
    size_t step = (size - 1) / BUFPOOL_INLINE_LINE;

    if (!bufpool_inline_is_hit(record, pool) || __builtin_expect(step >= BUFPOOL_INLINE_STEPS, 0))
        return NULL;
    return bufpool_inline_take(record, pool, hot->direct[step]);
}

static inline BUFPOOL_MUST_USE void *bufpool_inline_get(bufpool_t *pool, size_t size)
{
    void *buffer = BUFPOOL_INLINE_IS_NULL(pool) ? NULL : bufpool_inline_get_hit(pool, size);
    return __builtin_expect(buffer != NULL, 1) ? buffer : bufpool_get(pool, size);
}

/* The hit alone, as above, for any address; false where it is none. */
static inline bool bufpool_inline_put_hit(bufpool_t *pool, void *buffer)
{
    struct bufpool_inline_record *record = bufpool_inline_thread.last;
    const struct bufpool_inline_pool *hot = (const struct bufpool_inline_pool *)(const void *)pool;

    if (!bufpool_inline_is_hit(record, pool))
        return false;
    uint64_t line = ((uintptr_t)buffer - hot->base) >> hot->line_shift &
                    (BUFPOOL_INLINE_TIERS - 1) * (uint64_t)BUFPOOL_INLINE_LINE;
    const struct bufpool_inline_tier *tier =
        (const struct bufpool_inline_tier *)(const void *)((const char *)hot->tier + line);
    uint64_t distance = (uintptr_t)buffer - tier->origin;
    if (__builtin_expect(distance >= __atomic_load_n(&tier->committed, __ATOMIC_RELAXED), 0) ||
        __builtin_expect(distance * tier->reciprocal >= tier->reciprocal, 0))
        return false;
    struct bufpool_inline_bin *bin = bufpool_inline_enter(record, line);
    void **top = __atomic_load_n(&bin->top, __ATOMIC_RELAXED);
    if (__builtin_expect(top == bin->end, 0) || __builtin_expect(*top == buffer, 0)) {
        bufpool_inline_leave(record, pool);
        return false;
    }
    top[1] = buffer;
    __atomic_store_n(&bin->top, top + 1, __ATOMIC_RELAXED);
    bufpool_inline_leave(record, pool);
    return true;
}

static inline bool bufpool_inline_put(bufpool_t *pool, void *buffer)
{
    if (!BUFPOOL_INLINE_IS_NULL(pool) && __builtin_expect(bufpool_inline_put_hit(pool, buffer), 1))
        return true;
    return bufpool_put(pool, buffer);
}

#ifdef __cplusplus
}
#endif

/* Included without BUFPOOL_INLINE, this header gives the functions above and leaves the names alone. */
#ifdef BUFPOOL_INLINE
#define bufpool_create(pool, config) bufpool_inline_create(pool, config)
#define bufpool_get(pool, size) bufpool_inline_get(pool, size)
#define bufpool_put(pool, buffer) bufpool_inline_put(pool, buffer)
#endif

#endif /* BUFPOOL_INLINE_H */
