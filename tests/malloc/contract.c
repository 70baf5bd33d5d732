/*
 * malloc's contracts, to the letter, whoever serves.
 */
#include <bufpool/malloc.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

#define UNTOUCHED 4711
#define HALF ((size_t)256) /* of the smallest tier */

/* Around each border there is: the C library's and the pool's, tiers' and the largest tier's. */
static const size_t sizes[] = {1,     24,        100,       255,     256,         257,
                               511,   512,       513,       1000,    4096,        4097,
                               16384, 16576,     16577,     65536,   65728,       65729,
                               MIB,   MIB + 192, MIB + 193, 2 * MIB, 5 * MIB + 1, 3 * MIB - 4096};
#define SIZES (sizeof sizes / sizeof sizes[0])

static bool is_aligned(const void *memory, size_t alignment)
{
    return (uintptr_t)memory % alignment == 0;
}

/* Fails when memory is too small or not aligned for any type, when two pieces overlap, or when a call that
 * succeeds leaves the errno of something it tried. */
Test(malloc_contract, memory_is_aligned_as_large_as_asked_and_nobody_else_s)
{
    void *memory[SIZES];

    errno = UNTOUCHED;
    for (size_t i = 0; i < SIZES; i++) {
        memory[i] = bufpool_malloc(sizes[i]);
        cr_assert(memory[i] != NULL, "malloc(%zu)", sizes[i]);
        cr_assert(is_aligned(memory[i], sizes[i] > HALF ? 64 : 16), "malloc(%zu)", sizes[i]);
        size_t usable = bufpool_malloc_usable_size(memory[i]);
        cr_assert(usable >= sizes[i], "%zu of %zu", usable, sizes[i]);
        fill(memory[i], usable, i);
    }
    for (size_t i = 0; i < SIZES; i++) {
        cr_assert(is_filled(memory[i], bufpool_malloc_usable_size(memory[i]), i), "malloc(%zu)", sizes[i]);
        bufpool_free(memory[i]);
    }
    cr_assert(eq(int, errno, UNTOUCHED));
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}

/* Fails when size 0 is served with NULL, or twice with the same address. */
Test(malloc_contract, size_0_is_a_pointer_of_its_own)
{
    void *memory[4] = {bufpool_malloc(0), bufpool_calloc(0, 8), bufpool_calloc(8, 0),
                       bufpool_realloc(NULL, 0)};

    for (int i = 0; i < 4; i++) {
        cr_assert(memory[i] != NULL);
        for (int j = 0; j < i; j++)
            cr_assert(memory[i] != memory[j]);
    }
    for (int i = 0; i < 4; i++)
        bufpool_free(memory[i]);
}

/* Fails when calloc takes a buffer's pages to be fresh: they are another borrower's, or were a neighbour's.
 */
Test(malloc_contract, calloc_is_zero_where_somebody_wrote)
{
    void *memory[8];

    for (size_t i = 0; i < SIZES; i++) {
        for (int j = 0; j < 8; j++) {
            memory[j] = bufpool_malloc(sizes[i]);
            memset(memory[j], 0xee, bufpool_malloc_usable_size(memory[j]));
        }
        for (int j = 0; j < 8; j++)
            bufpool_free(memory[j]);
        if (i % 2 == 1)
            bufpool_trim(NULL); /* whole pages go home, border pages may stay */
        errno = UNTOUCHED;
        for (int j = 0; j < 8; j++) {
            memory[j] = j % 2 == 0 ? bufpool_calloc(1, sizes[i]) : bufpool_calloc(sizes[i], 1);
            cr_assert(memory[j] != NULL && is_zero(memory[j], sizes[i]), "calloc(%zu)", sizes[i]);
        }
        cr_assert(eq(int, errno, UNTOUCHED));
        for (int j = 0; j < 8; j++)
            bufpool_free(memory[j]);
    }
}

/* Fails when a product wraps to something that can be had. */
Test(malloc_contract, calloc_overflow_is_enomem)
{
    const size_t half = SIZE_MAX / 2 + 1;
    const size_t pairs[][2] = {{SIZE_MAX, 2},
                               {2, half},
                               {half, 2},
                               {half + 1, 2},
                               {SIZE_MAX, SIZE_MAX},
                               {(size_t)1 << 32, (size_t)1 << 32},
                               {((size_t)1 << 32) + 1, (size_t)1 << 32}};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        errno = 0;
        cr_assert(bufpool_calloc(pairs[i][0], pairs[i][1]) == NULL, "%zx * %zx", pairs[i][0], pairs[i][1]);
        cr_assert(eq(int, errno, ENOMEM));
    }
}

/* Fails when a sum wraps, or what cannot be had is not said to be out of memory. */
Test(malloc_contract, what_nobody_has_is_enomem)
{
    const size_t huge[] = {SIZE_MAX, SIZE_MAX - 63, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX};
    char *kept = bufpool_malloc(1000);

    fill(kept, 1000, 1);
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        errno = 0;
        cr_assert(bufpool_malloc(huge[i]) == NULL, "%zx", huge[i]);
        cr_assert(eq(int, errno, ENOMEM));
        errno = 0;
        cr_assert(bufpool_calloc(1, huge[i]) == NULL, "%zx", huge[i]);
        cr_assert(eq(int, errno, ENOMEM));
        errno = 0;
        cr_assert(bufpool_aligned_alloc(64, huge[i]) == NULL, "%zx", huge[i]);
        cr_assert(UNDER_SANITIZER || errno == ENOMEM); /* ASan wants multiples of the alignment: EINVAL */
        errno = 0;
        cr_assert(bufpool_realloc(kept, huge[i]) == NULL, "%zx", huge[i]);
        cr_assert(eq(int, errno, ENOMEM));
        cr_assert(is_filled(kept, 1000, 1));
    }
    bufpool_free(kept);
}

/* Fails when giving back leaves an errno: of madvise, munmap, or of anything else on its way. */
Test(malloc_contract, free_keeps_errno)
{
    enum { MANY = 64 };
    static void *memory[SIZES][MANY];

    for (size_t i = 0; i < SIZES; i++)
        for (int j = 0; j < MANY; j++)
            MUST((memory[i][j] = bufpool_malloc(sizes[i])) != NULL);
    errno = UNTOUCHED;
    bufpool_free(NULL);
    for (size_t i = 0; i < SIZES; i++) {
        for (int j = 0; j < MANY; j++)
            bufpool_free(memory[i][j]);
        cr_assert(eq(int, errno, UNTOUCHED), "free of %zu", sizes[i]);
    }
}

/* Fails when realloc(p, 0) leaks, returns something, or reports a failure. */
Test(malloc_contract, realloc_to_0_frees_and_returns_null)
{
    bufpool_free(bufpool_malloc(1000));
    errno = UNTOUCHED;
    for (size_t i = 0; i < SIZES; i++) {
        uint64_t before = stats_of(NULL).in_use_bytes;
        void *memory = bufpool_realloc(NULL, sizes[i]);
        cr_assert(memory != NULL);
        cr_assert(bufpool_realloc(memory, 0) == NULL);
        cr_assert(eq(int, errno, UNTOUCHED));
        cr_assert(eq(u64, stats_of(NULL).in_use_bytes, before), "realloc of %zu to 0", sizes[i]);
    }
}

/* Fails when a move loses bytes or its old place: within the pool, within the C library, over the border. */
Test(malloc_contract, realloc_keeps_the_bytes_from_any_size_to_any)
{
    errno = UNTOUCHED;
    for (size_t from = 0; from < SIZES; from++) {
        for (size_t to = 0; to < SIZES; to++) {
            size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            char *memory = bufpool_malloc(sizes[from]);
            fill(memory, sizes[from], from + to);
            memory = bufpool_realloc(memory, sizes[to]);
            cr_assert(memory != NULL && is_filled(memory, kept, from + to), "%zu to %zu", sizes[from],
                      sizes[to]);
            cr_assert(is_aligned(memory, 16));
            size_t usable = bufpool_malloc_usable_size(memory);
            cr_assert(usable >= sizes[to], "%zu to %zu", sizes[from], sizes[to]);
            memset(memory, 0xaa, usable);
            bufpool_free(memory);
        }
    }
    cr_assert(eq(int, errno, UNTOUCHED));
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}

/* Fails when a size that fits costs a move. */
Test(malloc_contract, realloc_within_a_tier_stays)
{
    void *memory = bufpool_malloc(3000);

    cr_assert(bufpool_realloc(memory, 4096) == memory);
    cr_assert(bufpool_realloc(memory, 2049) == memory);
    void *moved = bufpool_realloc(memory, 4097);
    cr_assert(moved != memory);
    bufpool_free(moved);
}

/* Fails when an alignment is not met, by the pool's (to 64) or the C library's, or cannot be freed. */
Test(malloc_contract, aligned_alloc_aligns)
{
    for (size_t alignment = 1; alignment <= 64 * KIB; alignment *= 2) {
        for (size_t i = 0; i < SIZES; i++) {
            size_t size = (sizes[i] + alignment - 1) / alignment * alignment;
            errno = UNTOUCHED;
            void *memory = bufpool_aligned_alloc(alignment, size);
            cr_assert(memory != NULL, "aligned_alloc(%zu, %zu)", alignment, size);
            cr_assert(is_aligned(memory, alignment), "aligned_alloc(%zu, %zu)", alignment, size);
            cr_assert(bufpool_malloc_usable_size(memory) >= size);
            fill(memory, size, alignment);
            cr_assert(is_filled(memory, size, alignment));
            bufpool_free(memory);
            cr_assert(eq(int, errno, UNTOUCHED));
        }
    }
}

/* Fails when an alignment that is none is judged otherwise than by the C library at hand. */
Test(malloc_contract, aligned_alloc_refuses_what_the_c_library_refuses)
{
    const size_t none[] = {0, 3, 24, 63, 65, 100, 4095, SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 2, SIZE_MAX};

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        for (size_t size = 64; size <= 6400; size *= 10) {
            errno = UNTOUCHED;
            void *theirs = aligned_alloc(none[i], size);
            int error = errno;
            errno = UNTOUCHED;
            void *ours = bufpool_aligned_alloc(none[i], size);
            cr_assert(eq(int, errno, error), "aligned_alloc(%zx, %zu)", none[i], size);
            bool agree = (ours == NULL) == (theirs == NULL);
            cr_assert(agree, "aligned_alloc(%zx, %zu)", none[i], size);
            bufpool_free(ours);
            free(theirs);
        }
    }
}

/* Fails when NULL is looked up. */
Test(malloc_contract, null_has_no_bytes)
{
    cr_assert(eq(sz, bufpool_malloc_usable_size(NULL), 0));
    bufpool_free(bufpool_malloc(4096));
    cr_assert(eq(sz, bufpool_malloc_usable_size(NULL), 0));
}
