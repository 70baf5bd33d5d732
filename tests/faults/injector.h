/*
 * injector - make the library's k-th system call of a kind fail. Two of them, for
 * the same sweep: by the hooks of the build that has them (injector_hooks.c), and
 * by a seccomp filter around the library that users link (injector_seccomp.c).
 */
#ifndef INJECTOR_H
#define INJECTOR_H

#include <stdbool.h>

/* What the library asks the system for. */
#define FAULT_KINDS(X)                                                                                       \
    X(RESERVE)  /* mmap of address space */                                                                  \
    X(MAP)      /* mmap of books; a thread's stack begins as one too */                                      \
    X(COMMIT)   /* mprotect */                                                                               \
    X(DECOMMIT) /* mmap over what was committed */                                                           \
    X(RELEASE)  /* munmap */                                                                                 \
    X(PURGE)    /* madvise(MADV_DONTNEED) */                                                                 \
    X(ADVISE)   /* any other madvise */                                                                      \
    X(REGISTER) /* membarrier, the registration */                                                           \
    X(BARRIER)  /* membarrier itself */                                                                      \
    X(LIMIT)    /* getrlimit */                                                                              \
    X(CPUS)     /* opening the file that tells how many CPUs there are */                                    \
    X(THREAD)   /* clone, for the collector */                                                               \
    X(FUTEX)    /* waiting and waking */

#define FAULT_NAME(name) FAULT_##name,
enum fault_kind { FAULT_KINDS(FAULT_NAME) FAULT_NONE };

/* Can this one make them fail? */
bool injector_knows(enum fault_kind kind);

/*
 * To be called once a process, before anything else: the call number k (from 0)
 * of this kind is to fail. NULL, or why that cannot be done here.
 */
const char *injector_prepare(enum fault_kind kind, unsigned k);

/* From here on calls count, and fail; and no longer. */
void injector_arm(void);
void injector_disarm(void);

/* Did one fail? */
bool injector_has_failed(void);

/* ------------------------------------------------------------ between injector.c and the one that makes
 * calls fail */

/* The library is about to make a call of this kind: is it that one? */
bool injector_must_fail(enum fault_kind kind);

/* Have each call ask. NULL, or why that cannot be done here. */
const char *injector_install(void);

#endif /* INJECTOR_H */
