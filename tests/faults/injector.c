#include "injector.h"

#include <stdatomic.h>
#include <stddef.h>

/* relaxed: numbers; the kind and the call are chosen while nobody is in the library. */
static _Atomic bool armed;
static _Atomic unsigned calls;
static enum fault_kind failing = FAULT_NONE;
static unsigned failing_call;

const char *injector_prepare(enum fault_kind kind, unsigned k)
{
    failing = kind;
    failing_call = k;
    return injector_install();
}

bool injector_must_fail(enum fault_kind kind)
{
    return atomic_load_explicit(&armed, memory_order_relaxed) && failing != FAULT_NONE && kind == failing &&
           atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) == failing_call;
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
