/*
 * A shared library in front of libc: the ways out of a process that run no exit
 * handlers write the counters first.
 */
#include "counters.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMBERS 16

static struct {
    void (*write)(void);
    void (*reset)(void);
} member[MEMBERS];
static size_t members;

/* What the parent's other threads were in the middle of was entered and will never be left: counts that do
 * not add up. The parent keeps its own. */
static void begin_child(void)
{
    for (size_t i = 0; i < members; i++)
        member[i].reset();
}

/* From constructors: one thread. */
void counters_add(void (*write)(void), void (*reset)(void))
{
    if (members == MEMBERS)
        abort();
    if (members == 0)
        pthread_atfork(NULL, NULL, begin_child);
    member[members].write = write;
    member[members++].reset = reset;
}

void counters_write(void)
{
    for (size_t i = 0; i < members; i++)
        member[i].write();
}

void _exit(int status)
{
    counters_write();
    for (;;)
        syscall(SYS_exit_group, status);
}

/* A handler that returns does not save the process, as in libc's. */
void abort(void)
{
    counters_write();
    raise(SIGABRT);
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
    for (;;)
        syscall(SYS_exit_group, 127);
}
