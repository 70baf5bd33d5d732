#include "cpus.h"

#include <sched.h>
#include <unistd.h>

long __sysconf(int name); /* glibc's other name of what is hidden here */

static _Thread_local unsigned sitting;

void cpus_sit_on(unsigned cpu)
{
    sitting = cpu % CPUS;
}

int sched_getcpu(void)
{
    return (int)sitting;
}

long sysconf(int name)
{
    return name == _SC_NPROCESSORS_CONF || name == _SC_NPROCESSORS_ONLN ? (long)CPUS : __sysconf(name);
}
