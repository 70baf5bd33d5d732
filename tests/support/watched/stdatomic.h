/*
 * stdatomic - the compiler's own, in which every atomic operation is told of before
 * it happens.
 *
 * Found first by builds of the library that say what comes of it in a watch.h of
 * their own, and by no other; so the sources in src/ say nothing about it, and no
 * atomic can be forgotten. `tests/layers atomics` sees to it that src/ uses no
 * operation that is missing here.
 */
#ifndef WATCHED_STDATOMIC_H
#define WATCHED_STDATOMIC_H

#include_next <stdatomic.h>

/* WATCH_LOAD(object), WATCH_STORE(object, order) and, for read-modify-writes, WATCH_CHANGE(object):
 * expressions. */
#include "watch.h"

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
    (WATCH_CHANGE(object), BUILTIN_FETCH(add, object, operand, order))
#define atomic_fetch_sub_explicit(object, operand, order)                                                    \
    (WATCH_CHANGE(object), BUILTIN_FETCH(sub, object, operand, order))
#define atomic_fetch_or_explicit(object, operand, order)                                                     \
    (WATCH_CHANGE(object), BUILTIN_FETCH(or, object, operand, order))
#define atomic_fetch_and_explicit(object, operand, order)                                                    \
    (WATCH_CHANGE(object), BUILTIN_FETCH(and, object, operand, order))
#define atomic_fetch_xor_explicit(object, operand, order)                                                    \
    (WATCH_CHANGE(object), BUILTIN_FETCH(xor, object, operand, order))
#define atomic_exchange_explicit(object, desired, order)                                                     \
    (WATCH_CHANGE(object), BUILTIN_EXCHANGE(object, desired, order))
#define atomic_compare_exchange_strong_explicit(object, expected, desired, won, lost)                        \
    (WATCH_CHANGE(object), BUILTIN_COMPARE(object, expected, desired, won, lost))
#define atomic_compare_exchange_weak_explicit(object, expected, desired, won, lost)                          \
    (WATCH_CHANGE(object), BUILTIN_COMPARE(object, expected, desired, won, lost))
#define atomic_load_explicit(object, order) (WATCH_LOAD(object), BUILTIN_LOAD(object, order))
#define atomic_store_explicit(object, desired, order)                                                        \
    (WATCH_STORE(object, order), BUILTIN_STORE(object, desired, order))

#endif /* WATCHED_STDATOMIC_H */
