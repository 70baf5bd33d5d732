/*
 * stall - do the others get on? The verdict is read off what the kernel says of
 * a thread that has not finished its round, and no clock is asked:
 *
 *   asleep   all who have not finished sleep in user-space waits, and have not run
 *            since the last look. Nobody is left who could wake them but the thread
 *            we have stopped.
 *   spins    it has used SPIN_CPU_MS of processor time, its own, in one operation.
 *   circles  it has gone to sleep SLEEPS_MAX times in one operation.
 *
 * A slow or busy machine gives a thread less processor time; it does not make an
 * operation of a few hundred instructions take a second of it. Waits in the
 * kernel for the kernel's own locks and pages are not sleep of this kind: there a
 * thread's state is D, not S.
 */
#ifndef LOCKFREE_STALL_H
#define LOCKFREE_STALL_H

#include "stage.h"

#define SPIN_CPU_MS 1000u
#define SLEEPS_MAX 1000u
#define LOOK_EVERY_MS 10u
#define LOOKS_ASLEEP 3u

/*
 * The others have been asked for round `round`. Returns when all have finished:
 * NULL; or what stalls them, in a static buffer. `process` must be alive all the
 * while: where it is not, that is the answer.
 */
const char *stall_watch(struct stage *stage, pid_t process, uint32_t round);

#endif /* LOCKFREE_STALL_H */
