/*
 * clock - the background collector by a clock of the test's own: no time passes but what the test says.
 */
#ifndef CONCURRENCY_CLOCK_H
#define CONCURRENCY_CLOCK_H

#include <stdint.h>

#include "hook.h"

/*
 * From here to clock_end the library's clock stands still; `also` (NULL: nothing) is called at each hook
 * point. While no other thread is in the library.
 */
void clock_begin(void (*also)(enum hook_point point));
void clock_end(void);

/* That much later, when the collector has done what was due. */
void later(uint64_t ms);

#endif /* CONCURRENCY_CLOCK_H */
