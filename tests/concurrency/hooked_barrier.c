/*
 * What no run can force: the membarrier is there, and in the right place. On x86 a store may be seen late for
 * some nanoseconds; a test that waits for that would pass without it nearly always.
 */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "hook.h"
#include "process.h"
#include "properties.h"
#include "team.h"
#include "witness.h"

#define COUNT 20u
#define STEPS 16u

/* Hook points as they are reached, and BARRIER where the system call came. */
#define BARRIER 'b'
static char steps[STEPS + 1];
static unsigned taken;

static void note(char step)
{
    if (taken < STEPS)
        steps[taken++] = step;
}

static void note_point(enum hook_point point)
{
    if (point == HOOK_COLLECT_SWAPPED)
        note('s');
    if (point == HOOK_COLLECT_FENCED)
        note('f');
    if (point == HOOK_COLLECT_CLAIMED)
        note('c');
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    ucontext_t *state = context;

    (void)signal;
    note(info->si_syscall == SYS_membarrier ? BARRIER : '?');
#if defined(__x86_64__)
    state->uc_mcontext.gregs[REG_RAX] = 0;
#elif defined(__aarch64__)
    state->uc_mcontext.regs[0] = 0;
#endif
}

/* The filter is this thread's alone, and goes with it. */
static bool collect_watched(unsigned number, void *shared)
{
    (void)number;
    trap_system_call(SYS_membarrier);
    bufpool_collect(shared);
    return true;
}

/*
 * Between the swap of a block and the look whether its thread is inside stands one membarrier of all threads.
 * Fails where it is left out, or comes too early or too late.
 */
bool prop_a_membarrier_stands_between_swap_and_claim(void)
{
    bufpool_t *pool = plain_pool();
    void *buffers[COUNT];
    struct sigaction trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    struct sigaction before;

    if (!stats_of(pool).remote_reclaim) {
        bufpool_destroy(pool);
        return skipped("no membarrier here, or not to be used");
    }
    get_many(pool, 4096, buffers, COUNT);
    put_many(pool, buffers, COUNT);
    taken = 0;
    memset(steps, 0, sizeof steps);
    REQUIRE(sigaction(SIGSYS, &trap, &before) == 0);
    hook_on_point(note_point);
    REQUIRE(team_run(1, collect_watched, pool));
    hook_on_point(NULL);
    REQUIRE(sigaction(SIGSYS, &before, NULL) == 0);
    if (strcmp(steps, "sbfc") != 0)
        return broken("swapped, barrier, fenced, claimed came as \"%s\"", steps);
    return ends_well(pool);
}
