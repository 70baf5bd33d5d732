/*
 * stdatomic - the compiler's own, in which every atomic operation is a schedule
 * point: another thread may go on before it happens.
 *
 * Found first by the build `bufpool_scheduled` and by no other, so the sources
 * in src/ say nothing about schedules. `tests/layers atomics` sees to it that
 * src/ uses no operation that is missing here.
 */
#ifndef YIELDING_STDATOMIC_H
#define YIELDING_STDATOMIC_H

#include_next <stdatomic.h>

#include "point.h"

/* What the compiler's header makes of the names below; the two have not one builtin in common. */
#ifdef __clang__
#define BUILTIN_FETCH(what, object, operand, order) __c11_atomic_fetch_##what(object, operand, order)
#define BUILTIN_EXCHANGE(object, desired, order) __c11_atomic_exchange(object, desired, order)
#define BUILTIN_LOAD(object, order) __c11_atomic_load(object, order)
#define BUILTIN_STORE(object, desired, order) __c11_atomic_store(object, desired, order)
#define BUILTIN_COMPARE(object, expected, desired, won, lost)                                                \
    __c11_atomic_compare_exchange_strong(object, expected, desired, won, lost)
#else
#define BUILTIN_FETCH(what, object, operand, order) __atomic_fetch_##what(object, operand, order)
#define BUILTIN_EXCHANGE(object, desired, order) __atomic_exchange_n(object, desired, order)
#define BUILTIN_LOAD(object, order) __atomic_load_n(object, order)
#define BUILTIN_STORE(object, desired, order) __atomic_store_n(object, desired, order)
#define BUILTIN_COMPARE(object, expected, desired, won, lost)                                                \
    __atomic_compare_exchange_n(object, expected, desired, 0, won, lost)
#endif

#define POINT_TEXT_OF(line) #line
#define POINT_TEXT(line) POINT_TEXT_OF(line)
#define POINT(object, writes) schedule_point(object, __FILE__ ":" POINT_TEXT(__LINE__), writes)

#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_xor_explicit
#undef atomic_exchange_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_load_explicit
#undef atomic_store_explicit

/* `object` is an address without side effects. A weak CAS never fails without a reason here, as on x86. */
#define atomic_fetch_add_explicit(object, operand, order)                                                    \
    (POINT(object, true), BUILTIN_FETCH(add, object, operand, order))
#define atomic_fetch_sub_explicit(object, operand, order)                                                    \
    (POINT(object, true), BUILTIN_FETCH(sub, object, operand, order))
#define atomic_fetch_or_explicit(object, operand, order)                                                     \
    (POINT(object, true), BUILTIN_FETCH(or, object, operand, order))
#define atomic_fetch_and_explicit(object, operand, order)                                                    \
    (POINT(object, true), BUILTIN_FETCH(and, object, operand, order))
#define atomic_fetch_xor_explicit(object, operand, order)                                                    \
    (POINT(object, true), BUILTIN_FETCH(xor, object, operand, order))
#define atomic_exchange_explicit(object, desired, order)                                                     \
    (POINT(object, true), BUILTIN_EXCHANGE(object, desired, order))
#define atomic_compare_exchange_strong_explicit(object, expected, desired, won, lost)                        \
    (POINT(object, true), BUILTIN_COMPARE(object, expected, desired, won, lost))
#define atomic_compare_exchange_weak_explicit(object, expected, desired, won, lost)                          \
    (POINT(object, true), BUILTIN_COMPARE(object, expected, desired, won, lost))
#define atomic_load_explicit(object, order) (POINT(object, false), BUILTIN_LOAD(object, order))
#define atomic_store_explicit(object, desired, order)                                                        \
    (POINT(object, true), BUILTIN_STORE(object, desired, order))

#endif /* YIELDING_STDATOMIC_H */
