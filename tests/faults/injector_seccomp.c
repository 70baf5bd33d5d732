/*
 * A filter on system calls hands those of interest to a second thread, which is
 * not filtered itself, looks at the arguments, and has the kernel go on with the
 * call or return an error instead. Works on any thread, signals blocked or not.
 */
#include "injector.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* release and acquire: the filter is there. */
static _Atomic int listener = -1;

/* Only what the library calls through syscall(2) itself: libc's own futexes must work. */
static bool is_in_syscall(uint64_t instruction)
{
    return instruction - (uintptr_t)syscall < 128;
}

static enum fault_kind kind_of_mmap(const struct seccomp_data *call)
{
    if ((call->args[3] & MAP_FIXED) != 0)
        return FAULT_DECOMMIT;
    return call->args[2] == PROT_NONE ? FAULT_RESERVE : FAULT_MAP;
}

static enum fault_kind kind_of_membarrier(const struct seccomp_data *call)
{
    return call->args[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED ? FAULT_BARRIER : FAULT_REGISTER;
}

static enum fault_kind kind_of(const struct seccomp_data *call)
{
    switch (call->nr) {
    case SYS_mmap:
        return kind_of_mmap(call);
    case SYS_mprotect:
        return FAULT_COMMIT;
    case SYS_munmap:
        return FAULT_RELEASE;
    case SYS_madvise:
        return call->args[2] == MADV_DONTNEED ? FAULT_PURGE : FAULT_ADVISE;
    case SYS_membarrier:
        return kind_of_membarrier(call);
    case SYS_prlimit64:
        return FAULT_LIMIT;
    case SYS_openat:
        return FAULT_CPUS;
    case SYS_clone3:
    case SYS_clone:
        return FAULT_THREAD;
    case SYS_futex:
        return is_in_syscall(call->instruction_pointer) ? FAULT_FUTEX : FAULT_NONE;
    default:
        return FAULT_NONE;
    }
}

/* What the kernel says in such a case. */
static int error_of(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_PURGE:
    case FAULT_THREAD:
        return EAGAIN;
    case FAULT_ADVISE:
        return EINVAL;
    case FAULT_REGISTER:
    case FAULT_LIMIT:
        return EPERM;
    case FAULT_CPUS:
        return EMFILE;
    case FAULT_FUTEX:
        return EINTR;
    default:
        return ENOMEM;
    }
}

/* No call in here may be one that is filtered. */
static void *supervise(void *arg)
{
    static struct seccomp_notif asked;
    static struct seccomp_notif_resp answer;
    int file;

    (void)arg;
    while ((file = atomic_load_explicit(&listener, memory_order_acquire)) < 0)
        syscall(SYS_sched_yield);
    for (;;) {
        memset(&asked, 0, sizeof asked);
        if (ioctl(file, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
            continue; /* EINTR, or the asker died */
        memset(&answer, 0, sizeof answer);
        answer.id = asked.id;
        enum fault_kind kind = kind_of(&asked.data);
        if (injector_must_fail(kind))
            answer.error = -error_of(kind);
        else
            answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(file, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    return NULL;
}

bool injector_knows(enum fault_kind kind)
{
    (void)kind;
    return true;
}

#define ASK(number)                                                                                          \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)

const char *injector_install(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ASK(SYS_mmap),
        ASK(SYS_mprotect),
        ASK(SYS_munmap),
        ASK(SYS_madvise),
        ASK(SYS_membarrier),
        ASK(SYS_prlimit64),
        ASK(SYS_openat),
        ASK(SYS_clone3),
        ASK(SYS_clone),
        ASK(SYS_futex),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    pthread_t supervisor;

    if (pthread_create(&supervisor, NULL, supervise, NULL) != 0)
        return "no thread to supervise";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return "no_new_privs cannot be set";
    long file = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (file < 0)
        return "the kernel has no seccomp notifications (5.5), or does not allow them";
    atomic_store_explicit(&listener, (int)file, memory_order_release);
    return NULL;
}
