/*
 * check - what is relied on (INVARIANT), and what a caller did wrong
 * (misuse_report).
 */
#ifndef CHECK_H
#define CHECK_H

#include <bufpool.h>

#include "base.h"

#ifndef __FILE_NAME__ /* gcc 12, clang 9 */
#define __FILE_NAME__ __FILE__
#endif

/* In every build, off the hit path: to go on would corrupt memory. Aborts with the broken rule. */
#define INVARIANT(condition)                                                                                 \
    (LIKELY(condition) ? (void)0 : invariant_broken(#condition, __FILE_NAME__, __LINE__))

_Noreturn SLOW_PATH void invariant_broken(const char *condition, const char *file, int line);

/* The rules a caller can break; misuse_rule names them as they are printed. */
enum misuse {
    MISUSE_FOREIGN,         /* no address of this pool */
    MISUSE_OTHER_POOL,      /* an address of another pool */
    MISUSE_MISALIGNED,      /* not a multiple of 64 */
    MISUSE_INTERIOR,        /* inside a buffer, not at its begin */
    MISUSE_UNCARVED,        /* where no buffer has been handed out yet */
    MISUSE_DOUBLE_PUT,      /* the buffer is already free */
    MISUSE_LATE_DOUBLE_PUT, /* the same, noticed only when it was to become cold */
    MISUSE_DESTROYED        /* the pool is destroyed */
};

/* What a report says beside the rule. */
struct misuse_site {
    const char *call;      /* "put" and the like */
    const char *pool;      /* its name */
    const char *other;     /* MISUSE_OTHER_POOL: that pool's name, else NULL */
    const void *address;   /* the buffer, or the pool where that is the fault */
    size_t tier_size;      /* 0: not in a tier */
    size_t interior_bytes; /* MISUSE_INTERIOR: how far inside */
};

/*
 * Tell the user's handler, or print and abort. Runs user code: never call it
 * inside a critical section. errno is untouched.
 */
SLOW_PATH void misuse_report(enum misuse rule, const struct misuse_site *site);

#endif /* CHECK_H */
