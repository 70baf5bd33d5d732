/*
 * Memory that is not to be had: by injected failures, one call of the system at a
 * time and all together. Links the build of the library that has hooks.
 */
#include <bufpool/malloc.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "hook.h"
#include "pools.h"
#include "process.h"

static bool reservations_fail(enum hook_call call)
{
    return call == HOOK_RESERVE;
}

/* Fails when there is no malloc where there is no address space for a pool, or no pool once there is. */
Test(malloc_out, without_address_space_the_c_library_serves)
{
    enum { PIECES = 100 };
    char *memory[PIECES];

    hook_on_call(reservations_fail);
    errno = 4711;
    for (size_t i = 0; i < PIECES; i++) {
        memory[i] = bufpool_malloc(1000 * i);
        cr_assert(memory[i] != NULL);
        fill(memory[i], 1000 * i, i);
    }
    cr_assert(bufpool_get(NULL, 1) == NULL, "the failures are not had");
    errno = 4711;
    hook_on_call(NULL);
    for (size_t i = 0; i < PIECES; i++) {
        memory[i] = bufpool_realloc(memory[i], 1000 * i + 500);
        cr_assert(memory[i] != NULL && is_filled(memory[i], 1000 * i, i));
    }
    cr_assert(eq(int, errno, 4711));
    cr_assert(gt(u64, stats_of(NULL).in_use_bytes, 0));
    for (size_t i = 0; i < PIECES; i++)
        bufpool_free(memory[i]);
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}

static bool all_memory_fails(enum hook_call call)
{
    return call == HOOK_RESERVE || call == HOOK_MAP || call == HOOK_COMMIT;
}

/* Fails when a system without memory is helped out by going round its limit, is not told of, or costs a
 * piece. */
Test(malloc_out, no_memory_is_null_with_enomem_and_keeps_what_there_is)
{
    char *memory = bufpool_malloc(100 * KIB);
    size_t usable = bufpool_malloc_usable_size(memory);

    fill(memory, usable, 1);
    bufpool_trim(NULL);
    hook_on_call(all_memory_fails);
    errno = 0;
    cr_assert(bufpool_malloc(3 * MIB) == NULL);
    cr_assert(eq(int, errno, ENOMEM));
    errno = 0;
    cr_assert(bufpool_calloc(3, MIB) == NULL);
    cr_assert(eq(int, errno, ENOMEM));
    errno = 0;
    cr_assert(bufpool_aligned_alloc(64, 3 * MIB) == NULL);
    cr_assert(eq(int, errno, ENOMEM));
    errno = 0;
    cr_assert(bufpool_realloc(memory, 3 * MIB) == NULL);
    cr_assert(eq(int, errno, ENOMEM));
    cr_assert(is_filled(memory, usable, 1));
    errno = 4711;
    /* Its own tier has never grown: there is nothing to move to, so it stays. */
    cr_assert(bufpool_realloc(memory, 1000) == memory);
    bufpool_free(memory);
    cr_assert(eq(int, errno, 4711));
    hook_on_call(NULL);
    bufpool_free(bufpool_malloc(3 * MIB));
    cr_assert(eq(u64, stats_of(NULL).in_use_bytes, 0));
}

static unsigned calls, failing_call;

static bool one_call_fails(enum hook_call call)
{
    (void)call;
    return ++calls == failing_call;
}

/* A little of everything; false where something is neither had nor ENOMEM. */
static bool use_the_face(void)
{
    enum { PIECES = 12 };
    static const size_t sizes[] = {100, 300, 5000, 40000, 900000, 3 << 20};
    char *memory[PIECES];

    for (unsigned i = 0; i < PIECES; i++) {
        size_t size = sizes[i % 6];
        errno = 4711;
        memory[i] = i % 2 == 0 ? bufpool_malloc(size) : bufpool_calloc(1, size);
        if (memory[i] == NULL ? errno != ENOMEM : errno != 4711)
            return false;
        if (memory[i] != NULL)
            fill(memory[i], size, i);
    }
    for (unsigned i = 0; i < PIECES; i++) {
        size_t size = sizes[i % 6], other = sizes[(i + 1) % 6];
        errno = 4711;
        char *moved = memory[i] != NULL ? bufpool_realloc(memory[i], other) : NULL;
        if (memory[i] != NULL && (moved == NULL ? errno != ENOMEM : errno != 4711))
            return false;
        if (moved != NULL)
            memory[i] = moved;
        if (memory[i] != NULL && !is_filled(memory[i], moved == NULL || size < other ? size : other, i))
            return false;
    }
    bufpool_trim(NULL);
    for (unsigned i = 0; i < PIECES; i++)
        bufpool_free(memory[i]);
    return stats_of(NULL).in_use_bytes == 0;
}

static int use_with_one_failure(void *arg)
{
    failing_call = *(unsigned *)arg;
    hook_on_call(one_call_fails);
    bool good = use_the_face();
    hook_on_call(NULL);
    if (calls < failing_call)
        return 100; /* there are not as many */
    return good ? 0 : 1;
}

/* Fails when any one failure of the system's is not told, told wrongly, or leaves something behind. */
Test(malloc_out, each_call_of_the_system_may_fail)
{
    struct child_end end;
    unsigned failing = 0;

    do {
        failing++;
        end = child_run(use_with_one_failure, &failing);
        cr_assert(child_exited(&end, 0) || child_exited(&end, 100), "call %u: status %#x %s", failing,
                  (unsigned)end.status, end.errors);
    } while (!child_exited(&end, 100));
    cr_assert(gt(uint, failing, 20), "%u calls failed", failing - 1);
}
