/*
 * The two functions by which the library learns of processors: they stand here in place of libc's, and pass
 * on what those say until they are told to pretend.
 */
#include <dlfcn.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "baton.h"

static unsigned pretended; /* 0: none */
static _Thread_local unsigned sitting;
static uint64_t asked; /* by who holds the baton */

void cpus_pretend(unsigned count)
{
    pretended = count;
}

void cpus_sit_on(unsigned cpu)
{
    sitting = cpu;
}

uint64_t cpus_asked(void)
{
    return asked;
}

/* libc's own function of that name. */
static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL)
        abort();
    return function;
}

int sched_getcpu(void)
{
    /* relaxed: threads that run freely may both find it first. */
    static _Atomic(void *) function;

    if (pretended != 0) {
        asked++;
        return (int)(sitting % pretended);
    }
    void *found = atomic_load_explicit(&function, memory_order_relaxed);
    if (found == NULL) {
        found = real("sched_getcpu");
        atomic_store_explicit(&function, found, memory_order_relaxed);
    }
    int (*call)(void);
    *(void **)&call = found;
    return call();
}

long sysconf(int name)
{
    long (*call)(int);

    if (pretended != 0 && (name == _SC_NPROCESSORS_CONF || name == _SC_NPROCESSORS_ONLN))
        return (long)pretended;
    *(void **)&call = real("sysconf");
    return call(name);
}
