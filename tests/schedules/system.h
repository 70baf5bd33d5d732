/*
 * system - what the library asks libc and the kernel for besides memory, answered
 * by the explorer: mutexes, thread-local keys, processors, fork, sleeping.
 *
 * The linker sends the library's calls here (--wrap, see CMakeLists.txt).
 */
#ifndef SYSTEM_H
#define SYSTEM_H

/* The running thread ends: what it has registered for that is called. */
void system_thread_exits(void);

/*
 * The running thread forks. Its memory is copied part by part while others go on
 * (see memory.h), then `child` runs in the copy, alone; then the parent goes on.
 */
void system_forks(void (*child)(void));

/* From now on a thread runs on that CPU of two; else on that of its number. In setup. */
void system_sit_on(unsigned thread, unsigned cpu);

/* Once, in setup. */
void system_begin(void);

#endif /* SYSTEM_H */
