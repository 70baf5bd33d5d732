#include "tracer.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"

/* Breakpoint 0, for this thread, when an instruction is about to be executed. */
#define DEBUG_ENABLE 1ul

int tracer_seize(pid_t thread)
{
    return ptrace(PTRACE_SEIZE, thread, NULL, NULL) == 0 ? 0 : -errno;
}

/* Until its next trap; false: it has ended. Signals that are its own it gets: a crash, say. */
static bool await_trap(pid_t thread, enum __ptrace_request how)
{
    int status;

    for (;;) {
        while (waitpid(thread, &status, __WALL) != thread)
            MUST(errno == EINTR);
        if (!WIFSTOPPED(status))
            return false;
        bool is_stop = status >> 16 == PTRACE_EVENT_STOP; /* somebody stops or continues the whole process */
        if (WSTOPSIG(status) == SIGTRAP && !is_stop)
            return true;
        MUST(ptrace(how, thread, NULL, is_stop ? 0 : WSTOPSIG(status)) == 0);
    }
}

void tracer_await(pid_t thread)
{
    MUST(await_trap(thread, PTRACE_CONT));
}

static bool go_on(pid_t thread, enum __ptrace_request how)
{
    MUST(ptrace(how, thread, NULL, NULL) == 0);
    return await_trap(thread, how);
}

bool tracer_step(pid_t thread)
{
    return go_on(thread, PTRACE_SINGLESTEP);
}

static bool debug_register(pid_t thread, size_t number, uintptr_t value)
{
    return ptrace(PTRACE_POKEUSER, thread, offsetof(struct user, u_debugreg) + number * sizeof(long),
                  value) == 0;
}

bool tracer_run_to(pid_t thread, uintptr_t place, unsigned times)
{
    bool breakpoint = debug_register(thread, 0, place) && debug_register(thread, 7, DEBUG_ENABLE);

    while (times > 0) {
        if (!go_on(thread, breakpoint ? PTRACE_CONT : PTRACE_SINGLESTEP))
            return false;
        times -= tracer_place(thread) == place;
    }
    if (breakpoint)
        MUST(debug_register(thread, 7, 0));
    return true;
}

uintptr_t tracer_place(pid_t thread)
{
    return (uintptr_t)ptrace(PTRACE_PEEKUSER, thread, offsetof(struct user_regs_struct, rip), NULL);
}

void tracer_release(pid_t thread)
{
    MUST(ptrace(PTRACE_DETACH, thread, NULL, NULL) == 0);
}

int tracer_error(void)
{
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    int error = tracer_seize(child);
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0)
        MUST(errno == EINTR);
    return error;
}
