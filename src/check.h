/*
 * check - what is relied on. What a caller did wrong is in report.h.
 */
#ifndef CHECK_H
#define CHECK_H

#include "base.h"

#ifndef __FILE_NAME__ /* gcc 12, clang 9 */
#define __FILE_NAME__ __FILE__
#endif

/* In every build, off the hit path: to go on would corrupt memory. Aborts with the broken rule. */
#define INVARIANT(condition)                                                                                 \
    (LIKELY(condition) ? (void)0 : invariant_broken(#condition, __FILE_NAME__, __LINE__))

_Noreturn SLOW_PATH void invariant_broken(const char *condition, const char *file, int line);

#endif /* CHECK_H */
