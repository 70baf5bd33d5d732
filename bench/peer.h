/*
 * peer - who is measured, and how it is called.
 *
 * The same binary serves every malloc: LD_PRELOAD decides which one `malloc`
 * is, and peer_open checks that it is the one named. Each hot loop is compiled
 * once per kind of peer (PEER_LOOPS), so every peer is called the way a program
 * calls it: directly, by one `call *function@GOT`. No function table stands in
 * between, which would cost malloc, that takes no pool, a jump more than us.
 *
 * What would fool it: a compiler that leaves out a malloc and its free (built
 * with -fno-builtin-malloc, and every buffer is written to), or a preload that
 * the loader ignored (checked).
 */
#ifndef PEER_H
#define PEER_H

#include <bufpool.h>
#include <bufpool/inline.h>
#include <stdlib.h>

#include "floor.h"
#include "harness.h"
#include "mempool.h"

enum peer_kind {
    PEER_BUFPOOL, /* the pool, through its public functions */
    PEER_INLINED, /* the pool with its hit compiled in: bufpool/inline.h */
    PEER_MALLOC,  /* whatever malloc the process has */
    PEER_FLOOR,   /* the floor behind a call */
    PEER_INLINE,  /* the floor inlined */
    PEER_MEMPOOL, /* DPDK's rte_mempool, inlined; only in bufpool-bench-dpdk */
    PEER_NONE,    /* no allocator: the harness alone */
    PEER_KINDS
};

struct peer {
    const char *name; /* in the command line and the samples */
    enum peer_kind kind;
    const char *object; /* PEER_MALLOC: malloc must come from a file of this name; else NULL */
    size_t max_size;    /* PEER_BUFPOOL: largest tier; 0: the default, as everything else of it */
    size_t tier_steps;  /* PEER_BUFPOOL: tiers a doubling; 0: the default */
    bool has_tiers;     /* PEER_BUFPOOL: those of --tiers */
};

/* The peer of that name; NULL when there is none. */
const struct peer *peer_find(const char *name);

/* The peers in the order of the tables; NULL beyond the last. */
const struct peer *peer_at(size_t index);

/* All names, comma separated, for a usage line. */
const char *peer_names(void);

/* The largest buffer that the peer can be asked for; SIZE_MAX for all but those of fixed classes. */
size_t peer_size_most(const struct peer *peer);

/* What a workload will ask for. A peer that lays out its memory beforehand is sized by it. */
struct peer_load {
    size_t size_least, size_most; /* bytes of a buffer */
    size_t live;                  /* buffers in use at once, of each doubling of the size, at most */
    unsigned threads;             /* that get or put */
};

/*
 * Make the peer ready; returns what peer_get and the others want as `self`: the
 * pool, or for PEER_NONE `load->size_most` bytes of memory that every get
 * returns. Dies when malloc is not the one the peer's name promises.
 */
void *peer_open(const struct peer *peer, const struct peer_load *load);

/* What peer_open gives a peer that has_tiers, as tier_list_parse takes it. */
void peer_use_tiers(const char *list);

/* Give the calling thread's floor `count` buffers of `size`; other kinds need nothing. */
void peer_stock_thread(const struct peer *peer, size_t size, size_t count);

/*
 * No buffer to be had. Ends the process: with status PEER_RAN_DRY for a peer of
 * a fixed number of buffers, since that is a result and no accident.
 */
_Noreturn void peer_failed(size_t size) __attribute__((cold));
#define PEER_RAN_DRY 3

/* The inlined floor's list. Hidden, so that it is reached without a look-up. */
extern _Thread_local struct floor_list peer_inline_list __attribute__((visibility("hidden")));

/* The one peer that is linked, not preloaded. Where it is not, nothing is compiled for its kind. */
#ifdef BENCH_MEMPOOL
#define PEER_LINKED_MEMPOOL(use, name) use(name, PEER_MEMPOOL)
#else
#define PEER_LINKED_MEMPOOL(use, name)
#define mempool_get(mempools, size) NULL
#define mempool_put(buffer) (void)0
#endif

/* `kind` must be a constant where the three below are called. */
static ALWAYS_INLINE void *peer_get(enum peer_kind kind, void *self, size_t size)
{
    void *buffer = kind == PEER_BUFPOOL   ? bufpool_get(self, size)
                   : kind == PEER_INLINED ? bufpool_inline_get(self, size)
                   : kind == PEER_MALLOC  ? malloc(size)
                   : kind == PEER_FLOOR   ? floor_get(size)
                   : kind == PEER_INLINE  ? floor_list_get(&peer_inline_list)
                   : kind == PEER_MEMPOOL ? mempool_get(self, size)
                                          : self;
    if (UNLIKELY(!buffer))
        peer_failed(size);
    /* What the caller does with a buffer is not seen through: a call is a barrier by itself, this is for
     * the inlined kinds. */
    __asm__ volatile("" ::: "memory");
    return buffer;
}

static ALWAYS_INLINE void peer_put(enum peer_kind kind, void *self, void *buffer)
{
    if (kind == PEER_BUFPOOL)
        bufpool_put(self, buffer);
    else if (kind == PEER_INLINED)
        bufpool_inline_put(self, buffer);
    else if (kind == PEER_MALLOC)
        free(buffer);
    else if (kind == PEER_FLOOR)
        floor_put(buffer);
    else if (kind == PEER_INLINE)
        floor_list_put(&peer_inline_list, buffer);
    else if (kind == PEER_MEMPOOL)
        mempool_put(buffer);
    __asm__ volatile("" ::: "memory");
}

/* Only for kinds that can: the pool, malloc, and the harness alone. */
static ALWAYS_INLINE void *peer_resize(enum peer_kind kind, void *self, void *buffer, size_t size)
{
    void *moved = kind == PEER_BUFPOOL  ? bufpool_resize(self, buffer, size)
                  : kind == PEER_MALLOC ? realloc(buffer, size)
                                        : buffer;
    if (UNLIKELY(!moved))
        peer_failed(size);
    __asm__ volatile("" ::: "memory");
    return moved;
}

/* Every get is followed by this: a buffer that nobody writes to was not needed. */
static ALWAYS_INLINE void peer_touch_word(void *buffer)
{
    *(volatile uint64_t *)buffer = (uint64_t)(uintptr_t)buffer;
}

/* A word on every page of bytes from..size of a buffer: what is claimed to be used is resident. */
static ALWAYS_INLINE void peer_touch_pages(void *buffer, size_t from, size_t size)
{
    volatile char *bytes = buffer;
    for (size_t i = from; i < size; i += PAGE_SIZE)
        bytes[i] = 1;
    if (size > from)
        bytes[size - 1] = 1;
}

/* A hot loop of one kind: does `count` operations on `context`. */
typedef void (*peer_loop)(void *context, uint64_t count);

/*
 * PEER_LOOPS(name): from `name(kind, context, count)`, which must be
 * ALWAYS_INLINE, one function per kind, and `name_of(kind)` that gives it.
 */
#define PEER_LOOP_COPY(name, kind)                                                                           \
    static NOINLINE void name##_##kind(void *context, uint64_t count)                                        \
    {                                                                                                        \
        name(kind, context, count);                                                                          \
    }
#define PEER_LOOP_ENTRY(name, kind) [kind] = name##_##kind,
#define PEER_LOOPS(name)                                                                                     \
    PEER_LOOP_COPY(name, PEER_BUFPOOL)                                                                       \
    PEER_LOOP_COPY(name, PEER_INLINED)                                                                       \
    PEER_LOOP_COPY(name, PEER_MALLOC)                                                                        \
    PEER_LOOP_COPY(name, PEER_FLOOR)                                                                         \
    PEER_LOOP_COPY(name, PEER_INLINE)                                                                        \
    PEER_LINKED_MEMPOOL(PEER_LOOP_COPY, name)                                                                \
    PEER_LOOP_COPY(name, PEER_NONE)                                                                          \
    static peer_loop name##_of(enum peer_kind kind)                                                          \
    {                                                                                                        \
        static const peer_loop loops[PEER_KINDS] = {                                                         \
            PEER_LOOP_ENTRY(name, PEER_BUFPOOL) PEER_LOOP_ENTRY(name, PEER_INLINED)                          \
                PEER_LOOP_ENTRY(name, PEER_MALLOC) PEER_LOOP_ENTRY(name, PEER_FLOOR)                         \
                    PEER_LOOP_ENTRY(name, PEER_INLINE) PEER_LINKED_MEMPOOL(PEER_LOOP_ENTRY, name)            \
                        PEER_LOOP_ENTRY(name, PEER_NONE)};                                                   \
        return loops[kind];                                                                                  \
    }

#endif /* PEER_H */
