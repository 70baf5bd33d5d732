/*
 * pools - the pools, numbers and byte patterns that the tests share.
 *
 * Nothing in this directory needs Criterion, so that programs built for
 * ThreadSanitizer can use it too; a broken precondition aborts.
 */
#ifndef TEST_POOLS_H
#define TEST_POOLS_H

#include <bufpool.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* What a tier from 16 KiB on holds beyond its size; bufpool.h promises it. */
#define HEADROOM_FROM_SIZE (16 * KIB)
#define HEADROOM_BYTES ((size_t)192)

/* TSan's and ASan's own address space makes RLIMIT_AS and VmSize meaningless. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

/* Print the broken condition and abort: for what a test relies on but does not test. */
#define MUST(condition) ((condition) ? (void)0 : must_failed(#condition, __FILE__, __LINE__))
_Noreturn void must_failed(const char *condition, const char *file, int line);

/* All defaults, but collections run only when the test asks: no test depends on time. */
bufpool_config_t still_config(void);

/* bufpool_create that must work. */
bufpool_t *pool_from(const bufpool_config_t *config);
bufpool_t *still_pool(void);
bufpool_t *one_tier_pool(size_t size);

/* The accounts, which must be had. */
bufpool_stats_t stats_of(bufpool_t *pool);
bufpool_stats_t tier_stats_of(bufpool_t *pool, size_t tier);
uint64_t idle_bytes(const bufpool_stats_t *stats);

/* The number of the tier with this nominal size. */
size_t tier_of(bufpool_t *pool, size_t size);

/* Nominal size plus headroom, for a pool without BUFPOOL_PAGE_ALIGNED. */
size_t capacity_of_size(size_t size);

/* bufpool_get that must work, `count` times; and bufpool_put of them all. Returns how many were kept. */
void get_many(bufpool_t *pool, size_t size, void **buffers, size_t count);
size_t put_many(bufpool_t *pool, void **buffers, size_t count);
bool is_among(const void *buffer, void *const *buffers, size_t count);

/* A pattern that differs between seeds in nearly every byte. */
void fill(void *buffer, size_t bytes, uint64_t seed);
bool is_filled(const void *buffer, size_t bytes, uint64_t seed);
bool is_zero(const void *buffer, size_t bytes);

/* xorshift64*: the same numbers in every run. */
uint64_t random_next(uint64_t *state);
/* As many sizes between 2^k and 2^(k+1) for every k: what servers ask for. Never 0, never above `max`. */
size_t random_size(uint64_t *state, size_t max);

#endif /* TEST_POOLS_H */
