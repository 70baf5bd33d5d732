#include "hook.h"

#ifdef BUFPOOL_HOOKS

#include <stdatomic.h>
#include <stddef.h>

/* relaxed throughout: tests set hooks while nobody else is in the library. */
static _Atomic(bool (*)(enum hook_call)) call_hook;
static _Atomic(void (*)(enum hook_point)) point_hook;

void hook_on_call(bool (*must_fail)(enum hook_call call))
{
    atomic_store_explicit(&call_hook, must_fail, memory_order_relaxed);
}

void hook_on_point(void (*reached)(enum hook_point point))
{
    atomic_store_explicit(&point_hook, reached, memory_order_relaxed);
}

bool hook_call_fails(enum hook_call call)
{
    bool (*must_fail)(enum hook_call) = atomic_load_explicit(&call_hook, memory_order_relaxed);
    return must_fail != NULL && must_fail(call);
}

void hook_reach(enum hook_point point)
{
    void (*reached)(enum hook_point) = atomic_load_explicit(&point_hook, memory_order_relaxed);
    if (reached != NULL)
        reached(point);
}

#else
typedef int hook_is_empty_in_this_build;
#endif
