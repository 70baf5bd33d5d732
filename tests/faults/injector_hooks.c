#include "injector.h"

#include <stddef.h>

#include "hook.h"

static enum fault_kind kind_of(enum hook_call call)
{
    switch (call) {
    case HOOK_RESERVE:
        return FAULT_RESERVE;
    case HOOK_MAP:
        return FAULT_MAP;
    case HOOK_COMMIT:
        return FAULT_COMMIT;
    case HOOK_PURGE:
        return FAULT_PURGE;
    case HOOK_MEMBARRIER:
        return FAULT_REGISTER;
    case HOOK_BARRIER:
        return FAULT_BARRIER;
    case HOOK_THREAD:
        return FAULT_THREAD;
    }
    return FAULT_NONE;
}

static bool must_fail(enum hook_call call)
{
    return injector_must_fail(kind_of(call));
}

bool injector_knows(enum fault_kind kind)
{
    return kind != FAULT_DECOMMIT && kind != FAULT_RELEASE && kind != FAULT_ADVISE && kind != FAULT_LIMIT &&
           kind != FAULT_CPUS && kind != FAULT_FUTEX;
}

const char *injector_install(void)
{
    hook_on_call(must_fail);
    return NULL;
}
