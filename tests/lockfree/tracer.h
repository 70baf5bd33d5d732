/*
 * tracer - one thread of another process, walked instruction by instruction.
 *
 * A thread that has come to a place and is not let go is suspended: it stands
 * between two user-space instructions. A system call is one instruction here and
 * is over when the next place is reached.
 */
#ifndef LOCKFREE_TRACER_H
#define LOCKFREE_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* May a process trace its child here? Some containers, and yama's higher levels, forbid it. 0 or -errno. */
int tracer_error(void);

/* 0, and the thread runs on; or -errno: -EPERM where the system does not allow it. */
int tracer_seize(pid_t thread);

/* Wait until the thread stops by itself, at a TRACER_HERE. */
void tracer_await(pid_t thread);
#define TRACER_HERE() __asm__ volatile("int3" : : : "memory")

/* One instruction further; false: the thread has ended. */
bool tracer_step(pid_t thread);

/*
 * On until it comes to `place` for the `times`th time, about to execute what is
 * there; false: the thread has ended before. By a breakpoint of the processor's,
 * which changes no code; where that is not to be had, step by step.
 */
bool tracer_run_to(pid_t thread, uintptr_t place, unsigned times);

/* The address of the instruction that comes next. */
uintptr_t tracer_place(pid_t thread);

/* On its own from here. */
void tracer_release(pid_t thread);

#endif /* LOCKFREE_TRACER_H */
