/*
 * step - a thread that interrupts itself behind every instruction: the processor's
 * trap flag raises SIGTRAP after each one, and its handler runs on the interrupted
 * stack as any signal's handler would just there. Exact, within the process, no
 * debugger.
 *
 * A system call is one instruction.
 */
#ifndef LOCKFREE_STEP_H
#define LOCKFREE_STEP_H

#include <stdbool.h>

/*
 * From here on `visit` is called behind every instruction of this thread, with how
 * many there were before, in a signal handler; until it returns false, or step_end.
 * One thread at a time.
 */
void step_begin(bool (*visit)(unsigned instruction));

/* How many there were. Also after visit has returned false. */
unsigned step_end(void);

#endif /* LOCKFREE_STEP_H */
