/*
 * process - what the kernel knows: children, address space, resident pages,
 * system calls.
 */
#ifndef TEST_PROCESS_H
#define TEST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a child ended, and what it wrote to stderr. */
struct child_end {
    int status; /* as from waitpid */
    char errors[8192];
};

/*
 * Under AddressSanitizer, wait until every other thread sleeps; elsewhere nothing to do. Call it before a
 * fork whose child allocates memory or starts a thread, with no thread about that is busy for ever:
 * AddressSanitizer (gcc 12) lets go of no lock of its malloc for a child, and a thread that starts or ends is
 * inside that malloc for a moment.
 */
void settle_threads(void);

/* settle_threads, then run body(arg) in a forked child; what it returns is the exit code. No exit handlers
 * run. */
struct child_end child_run(int (*body)(void *arg), void *arg);

/* Exited by itself with this code? */
bool child_exited(const struct child_end *end, int code);
/* Killed by this signal? */
bool child_died(const struct child_end *end, int signal);
unsigned count_lines(const char *text);

/*
 * From here on every system call of this thread but exit kills the process with
 * SIGSYS. For children only: it cannot be undone.
 */
void forbid_system_calls(void);

/* The same, but these two calls are allowed. A thread may do it: the others of its process go on as they
 * were. */
void forbid_system_calls_but(long first, long second);

/*
 * From here on this system call of this thread, and of those it starts, is not
 * made: SIGSYS comes instead, whose handler sets the result. It cannot be undone.
 */
void trap_system_call(long number);

/*
 * The only exit left after forbid_system_calls. Not declared as one that never returns: in front of
 * such a call AddressSanitizer asks the system for the bounds of the stack.
 */
void exit_directly(int code);

/* From here on this system call (SYS_...) fails with this errno, on this thread and on those it starts. */
void refuse_call(int number, int error);

/* A line of /proc/self/status in bytes: "VmSize", "VmData". Allocates nothing. */
size_t status_bytes(const char *field);
/* Lines of /proc/self/maps. */
size_t map_count(void);
size_t page_bytes(void);
/* CLOCK_MONOTONIC, whatever clock the pool goes by. */
uint64_t monotonic_ms(void);
/* Of a directory: "/proc/self/task" has the threads, "/proc/self/fd" the descriptors and one more. */
size_t entry_count(const char *directory);

/*
 * Have every later brk, mmap or mprotect of writable memory, and reservation
 * above 64 MiB, fail with ENOMEM; and allow them again. What the stack may still
 * need is touched before. Not under sanitizers, which map memory for themselves.
 */
void memory_forbid(void);
void memory_allow(void);

/* Bytes of pages in [from, from + bytes) that are present; the range is widened to whole pages. */
size_t present_bytes(const void *from, size_t bytes);
bool page_is_present(const void *address);

/* Can a byte be loaded here? Asked of the kernel, which answers EFAULT where a load would fault. */
bool is_readable(const void *address);

#endif /* TEST_PROCESS_H */
