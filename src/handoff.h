/*
 * handoff - steps 3 to 5 of a collection (collect.h): take the private caches of
 * all threads, sleeping ones too, without their help.
 */
#ifndef HANDOFF_H
#define HANDOFF_H

#include "cycle.h"

/* One system call for this many records; what stands between them is on the stack. */
#define RECORDS_A_BARRIER 256u

/*
 * What every thread's block holds goes to cycle->survivors; blocks of threads
 * that are inside a call stay in limbo. In cooperative mode only `own`, the
 * calling thread's record or NULL.
 */
void handoff_run(struct cycle *cycle, struct record *own);

/* A record's block may hold something, or may be filled without anybody hearing of it. */
bool handoff_has_work(struct bufpool *pool);

#endif /* HANDOFF_H */
