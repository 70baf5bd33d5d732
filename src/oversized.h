/*
 * oversized - buffers above the largest tier (or of a tier whose span is full):
 * served by the system, released at once when put, never cached.
 *
 * They live in a reservation of their own, in granules of 1 MiB, so that a put
 * tells one from a foreign pointer by arithmetic and a look at its own books,
 * without ever touching the memory in question. A released buffer is
 * inaccessible, and so is at least one page behind each buffer.
 */
#ifndef OVERSIZED_H
#define OVERSIZED_H

#include "budget.h"

#define GRANULE ((uint64_t)1 << 20)

struct oversized_buffer {
    /* Bytes of its pages; 0: no buffer begins in this granule. Its change back to 0 is the release. */
    _Atomic uint64_t pages;
    uint32_t epoch;  /* struct oversized's, when it was got; 0: no buffer ever began here */
    uint32_t offset; /* where in its pages it begins: 0 unless it is to end where they do */
};

struct oversized {
    char *base; /* NULL: none could be reserved, every get fails */
    size_t size;
    size_t page;
    struct budget *backed; /* max_bytes */
    uint32_t granules;
    uint32_t epoch; /* grows with each fork: what the parent got is not in the child's accounts */
    void *books;
    size_t books_size;
    _Atomic uint64_t *taken;          /* a bit a granule */
    struct oversized_buffer *buffers; /* one a granule; those where a buffer begins count */
    /* relaxed: a number. */
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t in_use_bytes; /* whole pages */
    _Atomic uint32_t in_use_count;
    _Atomic uint32_t hint; /* a word of `taken` that may have room */
};

/* Reserve `size` bytes, or less where the system has less. Never fails: see base. */
void oversized_init(struct oversized *oversized, size_t size, size_t page, struct budget *backed);
void oversized_end(struct oversized *oversized);
void oversized_after_fork(struct oversized *oversized);

static inline bool oversized_has(const struct oversized *oversized, const void *address)
{
    return (uintptr_t)address - (uintptr_t)oversized->base < oversized->size;
}

/* A buffer's number, for reports: that of the granule the address lies in. */
static inline uint64_t oversized_index(const struct oversized *oversized, const void *address)
{
    return ((uintptr_t)address - (uintptr_t)oversized->base) / GRANULE;
}

/* NULL with errno ENOMEM when out of memory, of max_bytes, or of address space. Lock-free but for the kernel.
 */
void *oversized_get(struct oversized *oversized, size_t size);

/*
 * The same, ending on the end of its last page as far as `alignment`, a power of
 * two from 64 to the page, allows: what runs over the end faults. Its capacity
 * is then the size, rounded up to the alignment, and may be 0.
 */
void *oversized_get_at_end(struct oversized *oversized, size_t size, size_t alignment);

/* Is there address space for one of this size just now? */
bool oversized_has_room(const struct oversized *oversized, size_t size);

enum oversized_state {
    OVERSIZED_IN_USE,
    OVERSIZED_FREE,      /* nobody has it: put before, or never got */
    OVERSIZED_INTERIOR,  /* inside a buffer */
    OVERSIZED_MISALIGNED /* no multiple of 64 */
};

/* What begins at an address that oversized_has; *capacity is set if in use, *inside if interior. */
enum oversized_state oversized_look(const struct oversized *oversized, const void *address, size_t *capacity,
                                    size_t *inside);

/* Has a buffer ever begun at an address that oversized_has? */
bool oversized_was_got(const struct oversized *oversized, const void *address);

/* Release it. OVERSIZED_IN_USE is success, *capacity what it had; the others change nothing. */
enum oversized_state oversized_put(struct oversized *oversized, void *buffer, size_t *capacity,
                                   size_t *inside);

#endif /* OVERSIZED_H */
