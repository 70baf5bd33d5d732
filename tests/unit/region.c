/*
 * region.h: reserve, commit, decommit, purge, and what is remembered of a refusal.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hook.h"
#include "pools.h"
#include "process.h"
#include "region.h"

#define SIZE ((size_t)64 << 10)

/* Fails when a reservation can be read before anybody committed it, or not after. */
Test(unit_region, only_what_is_committed_is_accessible)
{
    char *base = region_reserve(SIZE);
    size_t page = region_page();

    cr_assert(base != NULL);
    cr_assert(not(is_readable(base)));
    cr_assert(region_commit(base + page, page));
    cr_assert(region_commit(base + page, page), "twice is harmless");
    cr_assert(is_zero(base + page, page));
    memset(base + page, 1, page);
    cr_assert(not(is_readable(base)));
    cr_assert(not(is_readable(base + 2 * page)));
    region_decommit(base + page, page);
    cr_assert(not(is_readable(base + page)));
    cr_assert(region_commit(base + page, page));
    cr_assert(is_zero(base + page, page), "its old pages went");
    region_release(base, SIZE);
}

/* Fails when a purge leaves the pages or takes the access. */
Test(unit_region, purged_pages_are_gone_and_read_as_zeros)
{
    char *base = region_reserve(SIZE);
    size_t page = region_page();

    region_commit(base, SIZE);
    memset(base, 7, SIZE);
    cr_assert(region_purge(base + page, 2 * page));
    cr_assert(eq(sz, present_bytes(base, SIZE), SIZE - 2 * page));
    cr_assert(is_zero(base + page, 2 * page));
    cr_assert(eq(chr, base[page - 1], 7));
    cr_assert(eq(chr, base[3 * page], 7));
    region_release(base, SIZE);
}

static unsigned asked;
static int purge_errno;

static bool purge_fails(enum hook_call call)
{
    if (call != HOOK_PURGE)
        return false;
    asked++;
    errno = purge_errno;
    return true;
}

/* Fails when a moment's refusal switches purging off for the life of the process. */
Test(unit_region, purge_refused_for_a_moment_is_asked_again)
{
    char *base = region_reserve(SIZE);
    region_commit(base, SIZE);
    memset(base, 7, SIZE);
    hook_on_call(purge_fails);
    purge_errno = EAGAIN;
    for (unsigned i = 1; i <= 3; i++) {
        cr_assert(not(region_purge(base, SIZE)));
        cr_assert(eq(uint, asked, i));
    }
    hook_on_call(NULL);
    cr_assert(eq(chr, base[0], 7), "nothing was lost");
    cr_assert(region_purge(base, SIZE));
    cr_assert(eq(sz, present_bytes(base, SIZE), 0));
    region_release(base, SIZE);
}

/* Fails when a process with locked memory makes a system call in vain for each batch. */
Test(unit_region, locked_memory_is_noticed_once_for_the_process)
{
    char *base = region_reserve(SIZE);
    char *another = region_reserve(SIZE);

    region_commit(base, SIZE);
    region_commit(another, SIZE);
    hook_on_call(purge_fails);
    purge_errno = EINVAL;
    cr_assert(not(region_purge(base, SIZE)));
    cr_assert(eq(uint, asked, 1));
    cr_assert(not(region_purge(base, SIZE)));
    cr_assert(not(region_purge(another, SIZE)));
    cr_assert(eq(uint, asked, 1));
    hook_on_call(NULL);
    cr_assert(not(region_purge(another, SIZE)));
    region_release(base, SIZE);
    region_release(another, SIZE);
}

static bool call_fails(enum hook_call call)
{
    return call == HOOK_RESERVE || call == HOOK_MAP || call == HOOK_COMMIT;
}

/* Fails when MAP_FAILED gets out, or a failure is taken for success. */
Test(unit_region, failures_are_null_and_false)
{
    char *base = region_reserve(SIZE);
    hook_on_call(call_fails);
    cr_assert(eq(ptr, region_reserve(SIZE), NULL));
    cr_assert(eq(ptr, region_map(SIZE), NULL));
    cr_assert(not(region_commit(base, SIZE)));
    hook_on_call(NULL);
    cr_assert(not(is_readable(base)));
    cr_assert(eq(ptr, region_reserve((size_t)1 << 62), NULL));
    cr_assert(eq(ptr, region_map((size_t)1 << 62), NULL));
    region_release(base, SIZE);
}

/* Fails when a pool takes the address space that the program needs for itself. */
Test(unit_region, reserve_limit_is_half_of_rlimit_as, .disabled = UNDER_SANITIZER)
{
    struct rlimit limit;

    MUST(getrlimit(RLIMIT_AS, &limit) == 0);
    if (limit.rlim_cur == RLIM_INFINITY)
        cr_assert(eq(sz, region_reserve_limit(), SIZE_MAX));
    limit.rlim_cur = (rlim_t)1 << 40;
    MUST(setrlimit(RLIMIT_AS, &limit) == 0);
    cr_assert(eq(sz, region_reserve_limit(), (size_t)1 << 39));
}
