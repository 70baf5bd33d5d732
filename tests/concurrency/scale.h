/*
 * scale - how much of a property's work is done in this build. Counts, never seconds.
 */
#ifndef CONCURRENCY_SCALE_H
#define CONCURRENCY_SCALE_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BUILT_WITH_TSAN 1
#elif __has_feature(address_sanitizer)
#define BUILT_WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define BUILT_WITH_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define BUILT_WITH_ASAN 1
#endif

#if defined(BUILT_WITH_TSAN)
#define SCALE 8
#elif defined(BUILT_WITH_ASAN)
#define SCALE 2
#else
#define SCALE 1
#endif

/* n in a plain build, a fraction of it under a sanitizer; for n >= SCALE. */
#define SCALED(n) ((n) / SCALE)

#endif /* CONCURRENCY_SCALE_H */
