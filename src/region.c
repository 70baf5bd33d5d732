#include "region.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook.h"

size_t region_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void *map(size_t size, int protection, enum hook_call call)
{
    if (hook_call_fails(call)) {
        errno = ENOMEM;
        return NULL;
    }
    void *address = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return address == MAP_FAILED ? NULL : address;
}

void *region_reserve(size_t size)
{
    return map(size, PROT_NONE, HOOK_RESERVE);
}

void *region_map(size_t size)
{
    return map(size, PROT_READ | PROT_WRITE, HOOK_MAP);
}

void region_release(void *address, size_t size)
{
    munmap(address, size);
}

bool region_commit(void *address, size_t size)
{
    if (hook_call_fails(HOOK_COMMIT)) {
        errno = ENOMEM;
        return false;
    }
    return mprotect(address, size, PROT_READ | PROT_WRITE) == 0;
}

void region_decommit(void *address, size_t size)
{
    /* One call where madvise and mprotect would be two. It can fail for want of a
     * mapping's slot only where it splits one; then the pages go, the access stays. */
    if (mmap(address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
        madvise(address, size, MADV_DONTNEED);
}

bool region_purge(void *address, size_t size)
{
    /* relaxed: a hint that saves calls, carries nothing. */
    static _Atomic bool refused;

    if (atomic_load_explicit(&refused, memory_order_relaxed))
        return false;
    int errno_before = errno; /* nobody is told why */
    errno = 0;
    bool purged = !hook_call_fails(HOOK_PURGE) && madvise(address, size, MADV_DONTNEED) == 0;
    if (errno == EINVAL) /* mlockall: madvise(2) */
        atomic_store_explicit(&refused, true, memory_order_relaxed);
    errno = errno_before;
    return purged;
}

void region_advise(void *address, size_t size, bool huge_pages)
{
    /* Advice may be unknown to the kernel (EINVAL), and then nothing is lost. */
    madvise(address, size, MADV_DONTDUMP);
    madvise(address, size, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

size_t region_reserve_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return limit.rlim_cur / 2;
}

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

bool barrier_register(void)
{
#if defined(__SANITIZE_THREAD__)
    return false; /* it cannot see the barrier and would report every hand-off */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return false;
#endif
#endif
    if (hook_call_fails(HOOK_MEMBARRIER))
        return false;
    return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

bool barrier_all(void)
{
    return !hook_call_fails(HOOK_BARRIER) && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}
