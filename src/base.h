/*
 * base - what every file may use: line sizes, attributes, checked arithmetic.
 */
#ifndef BASE_H
#define BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Two 64-byte lines: Intel's L2 fetches them in pairs, and aarch64 servers have
 * lines of 128. What different threads write stands this far apart.
 */
#define DESTRUCTIVE_SIZE 128

/* Sizes, capacities and strides are multiples of one cache line. */
#define LINE_SIZE UINT64_C(64)

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* For what ends a hot function: never inlined into it, placed far away. */
#define SLOW_PATH __attribute__((noinline, cold))

/* On a cache line: its time does not depend on what the linker put in front. */
#define HOT_PATH __attribute__((aligned(64)))

/* The compiler forgets what it knows of a pointer; gcc else keeps the address of a field in a register beside
 * it. */
#define FORGET(pointer) __asm__("" : "+r"(pointer))

/* A hot function of its own, so that its caller stays short. */
#define NOINLINE __attribute__((noinline))

/* Inlined also where the compiler would rather not: both callers are hot. tests/coverage leaves that out, so
 * that a branch is counted once and not at each caller. */
#ifdef BUFPOOL_COVERAGE
#define ALWAYS_INLINE inline
#else
#define ALWAYS_INLINE inline __attribute__((always_inline))
#endif

/*
 * Ask for a line that is written next, so that a read and a write of it cost one
 * transfer from another core and not two. A hint.
 */
static inline void line_claim(const void *address)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/* A multiple of `unit` that is at least `value`; `unit` is a power of two, and the sum must fit. */
static inline uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) & ~(unit - 1);
}

static inline uint64_t round_down(uint64_t value, uint64_t unit)
{
    return value & ~(unit - 1);
}

/* floor(log2(value)); `value` is not 0. */
static inline unsigned log2_floor(uint64_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

static inline unsigned log2_ceil(uint64_t value)
{
    return value <= 1 ? 0 : log2_floor(value - 1) + 1;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* a - b, or 0 where that would wrap: for gauges read while others count. */
static inline uint64_t subtract_to_zero(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* The bits from..to of a word, both inclusive; from <= to <= 63. */
static inline uint64_t bits_between(unsigned from, unsigned to)
{
    return (~UINT64_C(0) >> (63 - to)) & (~UINT64_C(0) << from);
}

#endif /* BASE_H */
