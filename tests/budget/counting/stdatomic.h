/*
 * stdatomic - the compiler's own, in which every read-modify-write is counted.
 *
 * Found first by the build `bufpool_counted` and by no other: so the sources in
 * src/ say nothing about counting, and no atomic can be forgotten. A store that
 * is seq_cst counts too, because it costs as much (an exchange on x86).
 * `tests/layers atomics` sees to it that src/ spells its atomics as here.
 */
#ifndef COUNTING_STDATOMIC_H
#define COUNTING_STDATOMIC_H

#include_next <stdatomic.h>

#include "counted.h"

/* What the compiler's header makes of the names below; the two have not one builtin in common. */
#ifdef __clang__
#define BUILTIN_FETCH(what, object, operand, order) __c11_atomic_fetch_##what(object, operand, order)
#define BUILTIN_EXCHANGE(object, desired, order) __c11_atomic_exchange(object, desired, order)
#define BUILTIN_STORE(object, desired, order) __c11_atomic_store(object, desired, order)
#define BUILTIN_STRONG(object, expected, desired, won, lost)                                                 \
    __c11_atomic_compare_exchange_strong(object, expected, desired, won, lost)
#define BUILTIN_WEAK(object, expected, desired, won, lost)                                                   \
    __c11_atomic_compare_exchange_weak(object, expected, desired, won, lost)
#else
#define BUILTIN_FETCH(what, object, operand, order) __atomic_fetch_##what(object, operand, order)
#define BUILTIN_EXCHANGE(object, desired, order) __atomic_exchange_n(object, desired, order)
#define BUILTIN_STORE(object, desired, order) __atomic_store_n(object, desired, order)
#define BUILTIN_STRONG(object, expected, desired, won, lost)                                                 \
    __atomic_compare_exchange_n(object, expected, desired, 0, won, lost)
#define BUILTIN_WEAK(object, expected, desired, won, lost)                                                   \
    __atomic_compare_exchange_n(object, expected, desired, 1, won, lost)
#endif

#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_xor_explicit
#undef atomic_exchange_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_store_explicit

/* `object` is an address without side effects. */
#define atomic_fetch_add_explicit(object, operand, order)                                                    \
    (counted_atomic(object), BUILTIN_FETCH(add, object, operand, order))
#define atomic_fetch_sub_explicit(object, operand, order)                                                    \
    (counted_atomic(object), BUILTIN_FETCH(sub, object, operand, order))
#define atomic_fetch_or_explicit(object, operand, order)                                                     \
    (counted_atomic(object), BUILTIN_FETCH(or, object, operand, order))
#define atomic_fetch_and_explicit(object, operand, order)                                                    \
    (counted_atomic(object), BUILTIN_FETCH(and, object, operand, order))
#define atomic_fetch_xor_explicit(object, operand, order)                                                    \
    (counted_atomic(object), BUILTIN_FETCH(xor, object, operand, order))
#define atomic_exchange_explicit(object, desired, order)                                                     \
    (counted_atomic(object), BUILTIN_EXCHANGE(object, desired, order))
#define atomic_compare_exchange_strong_explicit(object, expected, desired, won, lost)                        \
    (counted_atomic(object), BUILTIN_STRONG(object, expected, desired, won, lost))
#define atomic_compare_exchange_weak_explicit(object, expected, desired, won, lost)                          \
    (counted_atomic(object), BUILTIN_WEAK(object, expected, desired, won, lost))
#define atomic_store_explicit(object, desired, order)                                                        \
    ((order) == memory_order_seq_cst ? counted_atomic(object) : (void)0,                                     \
     BUILTIN_STORE(object, desired, order))

#endif /* COUNTING_STDATOMIC_H */
