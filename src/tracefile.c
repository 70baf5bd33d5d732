#include "tracefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_NONE (-1)

static struct {
    char path[PATH_MAX];       /* absolute; written at open */
    char own_path[PATH_MAX];   /* the same, or a forked child's */
    bool is_regular;           /* a child can have one beside it */
    bool was_opened;           /* or it was tried */
    _Atomic bool is_recording; /* relaxed: a mode, carries nothing */
    _Atomic int file;          /* FILE_NONE: a child that has not written yet */
    /* relaxed: numbers. */
    _Atomic uint64_t bytes;
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t events;
} trace = {.file = FILE_NONE};

/* System calls by number where libc's are cancellation points: a thread must not end inside a put. */
static int open_file(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | flags, 0600);
}

static void close_file(int file)
{
    syscall(SYS_close, file);
}

/* The first to find that it goes on no longer says so. */
static void stop(const char *why)
{
    char line[PATH_MAX + 160];

    if (!atomic_exchange_explicit(&trace.is_recording, false, memory_order_relaxed))
        return;
    int length =
        snprintf(line, sizeof line, "bufpool: BUFPOOL_TRACE: %s: %s; nothing is recorded from here on\n",
                 trace.own_path, why);
    if (syscall(SYS_write, STDERR_FILENO, line, min_u64((uint64_t)length, sizeof line - 1)) < 0)
        return; /* nobody to tell */
}

/* ------------------------------------------------------------ open */

/* Where it is, whatever the program's folder will be when a child opens its own. */
static void keep_path(int file, const char *asked)
{
    char link[32];
    struct stat state;

    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, trace.path, sizeof trace.path - 1);
    if (length > 0)
        trace.path[length] = '\0';
    else
        snprintf(trace.path, sizeof trace.path, "%s", asked);
    memcpy(trace.own_path, trace.path, sizeof trace.path);
    trace.is_regular = fstat(file, &state) == 0 && S_ISREG(state.st_mode);
}

/*
 * Emptied; FILE_NONE with errno. Two processes in one file would make nothing of
 * it: who finds it locked by another one, say by who started it with the same
 * environment, takes PATH.PID.
 */
static int open_emptied(const char *path)
{
    char beside[PATH_MAX];
    int file = open_file(path, O_CREAT);

    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close_file(file);
        snprintf(beside, sizeof beside, "%s.%d", path, (int)getpid());
        return open_file(beside, O_CREAT | O_TRUNC);
    }
    if (file >= 0 && ftruncate(file, 0) != 0 && errno != EINVAL) { /* EINVAL: nothing to empty in a device */
        close_file(file);
        return FILE_NONE;
    }
    return file;
}

bool tracefile_is_asked(void)
{
    const char *path = secure_getenv("BUFPOOL_TRACE");

    if (path != NULL && *path != '\0' && !trace.was_opened) {
        trace.was_opened = true;
        atomic_store_explicit(&trace.is_recording, true, memory_order_relaxed);
        int file = open_emptied(path);
        if (file >= 0) {
            keep_path(file, path);
            /* release [trace]: its paths come with it. */
            atomic_store_explicit(&trace.file, file, memory_order_release);
        } else {
            int error = errno;
            snprintf(trace.own_path, sizeof trace.own_path, "%s", path);
            stop(strerrordesc_np(error));
        }
    }
    return atomic_load_explicit(&trace.is_recording, memory_order_relaxed);
}

/* A child's first block: of several threads that open the file one is kept. */
static int open_own(void)
{
    int file = open_file(trace.own_path, O_CREAT);
    int expected = FILE_NONE;

    if (file < 0) {
        stop(strerrordesc_np(errno));
        return FILE_NONE;
    }
    /* acq_rel [trace] */
    if (atomic_compare_exchange_strong_explicit(&trace.file, &expected, file, memory_order_acq_rel,
                                                memory_order_acquire))
        return file;
    close_file(file);
    return expected;
}

/* ------------------------------------------------------------ write */

/* Servers that become daemons close every descriptor, and ours may now be anything. */
static bool is_ours(int file)
{
    struct stat by_number, by_path;

    return fstat(file, &by_number) == 0 && stat(trace.own_path, &by_path) == 0 &&
           by_number.st_dev == by_path.st_dev && by_number.st_ino == by_path.st_ino;
}

/* Beyond RLIMIT_FSIZE a write would kill the program. */
static bool has_room(size_t bytes)
{
    struct rlimit limit;
    uint64_t before = atomic_fetch_add_explicit(&trace.bytes, bytes, memory_order_relaxed);

    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           before + bytes <= limit.rlim_cur;
}

static uint32_t check_of(const uint8_t *bytes, size_t length)
{
    uint32_t check = UINT32_C(2166136261);
    for (size_t i = 0; i < length; i++)
        check = (check ^ bytes[i]) * UINT32_C(16777619);
    return check;
}

static void write_whole(const void *block, size_t bytes)
{
    /* acquire [trace] */
    int file = atomic_load_explicit(&trace.file, memory_order_acquire);
    ssize_t written;

    if (file == FILE_NONE && (file = open_own()) == FILE_NONE)
        return;
    if (!is_ours(file)) {
        stop("the file is gone, or its descriptor was closed");
        return;
    }
    if (!has_room(bytes)) {
        stop("no more room under the limit of a file's size");
        return;
    }
    do {
        written = syscall(SYS_write, file, block, bytes);
    } while (written < 0 && errno == EINTR);
    if (written < 0)
        stop(strerrordesc_np(errno));
    else if ((size_t)written != bytes)
        stop("no room for a whole block");
}

void tracefile_append(enum tracefile_kind kind, struct tracefile_head *head, size_t length)
{
    int errno_before = errno;

    if (!atomic_load_explicit(&trace.is_recording, memory_order_relaxed))
        return;
    memcpy(head->magic, "BPT1", sizeof head->magic);
    head->version = 2;
    head->kind = (uint16_t)kind;
    head->length = (uint32_t)length;
    head->check = check_of((const uint8_t *)(head + 1), length);
    write_whole(head, sizeof *head + length);
    errno = errno_before;
}

uint64_t tracefile_number(void)
{
    /* relaxed: of two events in order, the changes of one and the same word are in that order too. */
    return atomic_fetch_add_explicit(&trace.events, 1, memory_order_relaxed);
}

/* ------------------------------------------------------------ fork */

void tracefile_after_fork(void)
{
    int file = atomic_load_explicit(&trace.file, memory_order_relaxed);

    if (!atomic_load_explicit(&trace.is_recording, memory_order_relaxed))
        return;
    if (file != FILE_NONE && is_ours(file))
        close_file(file);
    atomic_store_explicit(&trace.file, FILE_NONE, memory_order_relaxed);
    atomic_store_explicit(&trace.bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&trace.events, 0, memory_order_relaxed);
    int length = snprintf(trace.own_path, sizeof trace.own_path, "%s.%d", trace.path, (int)getpid());
    if (!trace.is_regular || (size_t)length >= sizeof trace.own_path)
        atomic_store_explicit(&trace.is_recording, false, memory_order_relaxed);
    else
        unlink(trace.own_path); /* of a process that had the number before; nobody else writes there */
}
