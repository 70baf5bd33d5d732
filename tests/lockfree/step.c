#include "step.h"

#include <signal.h>
#include <stddef.h>
#include <ucontext.h>
#include <x86intrin.h>

#include "pools.h"

#define TRAP_FLAG 0x100ull

static struct {
    bool (*visit)(unsigned instruction);
    unsigned instruction;
    greg_t place; /* of the next one */
} stepping;

static void trapped(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;

    (void)number;
    (void)info;
    /* A repeated string operation is one instruction: it traps behind every repetition. */
    greg_t place = interrupted->uc_mcontext.gregs[REG_RIP];
    if (place == stepping.place)
        return;
    stepping.place = place;
    if (!stepping.visit(stepping.instruction++))
        interrupted->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG; /* the rest at full speed */
}

void step_begin(bool (*visit)(unsigned instruction))
{
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};

    MUST(sigaction(SIGTRAP, &action, NULL) == 0);
    stepping.visit = visit;
    stepping.instruction = 0;
    stepping.place = 0;
    __writeeflags(__readeflags() | TRAP_FLAG);
}

unsigned step_end(void)
{
    __writeeflags(__readeflags() & ~TRAP_FLAG);
    return stepping.instruction;
}
