#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "counters/counters.h"
#include "pools.h"

/* Is there a thread besides the one with this number that does not sleep? One that has ended does not count.
 */
static bool is_another_awake(long self)
{
    DIR *tasks = opendir("/proc/self/task");
    bool awake = false;

    MUST(tasks != NULL);
    for (struct dirent *task; !awake && (task = readdir(tasks)) != NULL;) {
        char file[300], line[128], state = 'S';
        if (task->d_name[0] == '.' || strtol(task->d_name, NULL, 10) == self)
            continue;
        snprintf(file, sizeof file, "/proc/self/task/%s/status", task->d_name);
        FILE *status = fopen(file, "re");
        while (status != NULL && fgets(line, sizeof line, status) != NULL)
            sscanf(line, "State: %c", &state);
        if (status != NULL)
            fclose(status);
        awake = state != 'S';
    }
    closedir(tasks);
    return awake;
}

void settle_threads(void)
{
    if (!UNDER_SANITIZER)
        return;
    while (is_another_awake(syscall(SYS_gettid)))
        sched_yield();
}

static void child_body(int (*body)(void *arg), void *arg, const int errors[2])
{
    const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
    struct rlimit no_core = {0, 0};

    /* The test runner's handlers would report the child's death as the test's. */
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        signal(fatal[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(errors[1], STDERR_FILENO);
    close(errors[0]);
    close(errors[1]);
    exit_directly(body(arg));
}

struct child_end child_run(int (*body)(void *arg), void *arg)
{
    struct child_end end = {0};
    int errors[2];
    size_t used = 0;

    MUST(pipe2(errors, O_CLOEXEC) == 0);
    fflush(NULL);
    settle_threads();
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        child_body(body, arg, errors);
        return end; /* never; child_body ends the process */
    }
    close(errors[1]);
    for (;;) {
        ssize_t got = read(errors[0], end.errors + used, sizeof end.errors - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    close(errors[0]);
    while (waitpid(child, &end.status, 0) < 0)
        MUST(errno == EINTR);
    return end;
}

bool child_exited(const struct child_end *end, int code)
{
    return WIFEXITED(end->status) && WEXITSTATUS(end->status) == code;
}

bool child_died(const struct child_end *end, int signal)
{
    return WIFSIGNALED(end->status) && WTERMSIG(end->status) == signal;
}

unsigned count_lines(const char *text)
{
    unsigned lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void filter_two_system_calls(long first, long second, unsigned for_them, unsigned for_others)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)first, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, for_them),
        BPF_STMT(BPF_RET | BPF_K, for_others),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};

    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

static void filter_system_calls(long number, unsigned for_it, unsigned for_others)
{
    filter_two_system_calls(number, number, for_it, for_others);
}

void forbid_system_calls_but(long first, long second)
{
    counters_write();
    filter_two_system_calls(first, second, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS);
}

void forbid_system_calls(void)
{
    counters_write();
    filter_system_calls(SYS_exit_group, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS);
}

void trap_system_call(long number)
{
    filter_system_calls(number, SECCOMP_RET_TRAP, SECCOMP_RET_ALLOW);
}

void refuse_call(int number, int error)
{
    filter_system_calls(number, SECCOMP_RET_ERRNO | (unsigned)error, SECCOMP_RET_ALLOW);
}

void exit_directly(int code)
{
    counters_write();
    syscall(SYS_exit_group, code);
}

/* fopen would allocate, and so change what is measured. */
static int open_self(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    MUST(file >= 0);
    return file;
}

size_t status_bytes(const char *field)
{
    char text[8192];
    int file = open_self("/proc/self/status");
    ssize_t got = read(file, text, sizeof text - 1);

    close(file);
    MUST(got > 0);
    text[got] = '\0';
    const char *line = strstr(text, field);
    MUST(line != NULL && line[strlen(field)] == ':');
    return strtoull(line + strlen(field) + 1, NULL, 10) * KIB;
}

size_t map_count(void)
{
    char text[16384];
    int file = open_self("/proc/self/maps");
    size_t lines = 0;
    ssize_t got;

    while ((got = read(file, text, sizeof text - 1)) > 0) {
        text[got] = '\0';
        lines += count_lines(text);
    }
    close(file);
    return lines;
}

size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

uint64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

size_t entry_count(const char *directory)
{
    size_t count = 0;
    DIR *list = opendir(directory);

    MUST(list != NULL);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

static void limit_to(int resource, size_t bytes)
{
    struct rlimit limit;
    MUST(getrlimit(resource, &limit) == 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    MUST(setrlimit(resource, &limit) == 0);
}

void memory_forbid(void)
{
    /* The stack grows by the same rule as mmap: have its pages now. */
    volatile char stack[128 * KIB];
    for (size_t i = 0; i < sizeof stack; i += 512)
        stack[i] = 1;
    /*
     * The kernel lets an mprotect pass RLIMIT_DATA where the same range would
     * not fit RLIMIT_AS either, so that one keeps some room; and a limit of 0
     * means none at all, for the sake of old programs.
     */
    limit_to(RLIMIT_AS, status_bytes("VmSize") + 64 * MIB);
    limit_to(RLIMIT_DATA, page_bytes());
}

void memory_allow(void)
{
    limit_to(RLIMIT_AS, SIZE_MAX);
    limit_to(RLIMIT_DATA, SIZE_MAX);
}

bool page_is_present(const void *address)
{
    unsigned char present = 0;
    uintptr_t page = (uintptr_t)address & ~(uintptr_t)(page_bytes() - 1);

    /* ENOMEM: nothing is mapped there at all. */
    return mincore((void *)page, page_bytes(), &present) == 0 && (present & 1) != 0;
}

size_t present_bytes(const void *from, size_t bytes)
{
    size_t page = page_bytes();
    uintptr_t first = (uintptr_t)from & ~(uintptr_t)(page - 1);
    size_t present = 0;

    for (uintptr_t at = first; at < (uintptr_t)from + bytes; at += page)
        present += page_is_present((const void *)at) ? page : 0;
    return present;
}

bool is_readable(const void *address)
{
    int ends[2];
    MUST(pipe(ends) == 0);
    bool readable = write(ends[1], address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return readable;
}
