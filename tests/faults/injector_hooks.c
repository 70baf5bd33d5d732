#include "injector.h"

#include <stdatomic.h>
#include <stddef.h>

#include "hook.h"

/* relaxed: numbers; hooks are set while nobody is in the library. */
static _Atomic bool armed;
static _Atomic unsigned calls;
static enum fault_kind failing;
static unsigned failing_call;

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
    return atomic_load_explicit(&armed, memory_order_relaxed) && failing != FAULT_NONE &&
           kind_of(call) == failing &&
           atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) == failing_call;
}

bool injector_knows(enum fault_kind kind)
{
    return kind != FAULT_DECOMMIT && kind != FAULT_RELEASE && kind != FAULT_ADVISE && kind != FAULT_LIMIT &&
           kind != FAULT_CPUS && kind != FAULT_FUTEX;
}

const char *injector_prepare(enum fault_kind kind, unsigned k)
{
    failing = kind;
    failing_call = k;
    hook_on_call(must_fail);
    return NULL;
}

void injector_arm(void)
{
    atomic_store_explicit(&armed, true, memory_order_relaxed);
}

void injector_disarm(void)
{
    atomic_store_explicit(&armed, false, memory_order_relaxed);
}

bool injector_has_failed(void)
{
    return failing != FAULT_NONE && atomic_load_explicit(&calls, memory_order_relaxed) > failing_call;
}
