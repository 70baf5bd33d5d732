/*
 * hook - fault points and schedule points for tests.
 *
 * In the library that users link (BUFPOOL_HOOKS not defined) every hook is an
 * empty inline function. The tests link a second build of the same sources in
 * which a system call can be made to fail, and a thread can be held at a named
 * point of a protocol.
 */
#ifndef HOOK_H
#define HOOK_H

#include <stdbool.h>

/* The calls to the kernel or to libc that can fail. */
enum hook_call {
    HOOK_RESERVE,    /* mmap(PROT_NONE) of address space */
    HOOK_MAP,        /* mmap of books: tables, blocks, pools */
    HOOK_COMMIT,     /* mprotect of a span that grows, of its books, or of an oversized buffer */
    HOOK_PURGE,      /* madvise(MADV_DONTNEED) */
    HOOK_MEMBARRIER, /* the registration at create */
    HOOK_BARRIER,    /* the barrier in a collection */
    HOOK_THREAD      /* pthread_create of the collector */
};

/* Where a protocol can be stopped; each is just behind the step it names. */
enum hook_point {
    HOOK_COLLECT_LOCKED,   /* the collection's try-lock is taken */
    HOOK_COLLECT_IN_HAND,  /* a magazine is popped, not yet pushed to its next generation */
    HOOK_COLLECT_SWAPPING, /* a record's block is read, not yet swapped */
    HOOK_COLLECT_SWAPPED,  /* a record's block is swapped, no membarrier yet */
    HOOK_COLLECT_FENCED,   /* membarrier done, nothing claimed yet */
    HOOK_COLLECT_CLAIMED,  /* a swapped-out block is ours, still full */
    HOOK_PURGE_CLAIMED,    /* a batch of cold buffers is claimed, not yet purged */
    HOOK_PURGE_RELEASED,   /* its pages are gone, the buffers not yet given back as unbacked */
    HOOK_SPAN_CHOSEN,      /* a free buffer is chosen by what it was a moment ago, not yet taken */
    HOOK_COLLECTOR_PARKS,  /* a collection found nothing; the collector has not said that it sleeps */
    HOOK_COLLECTOR_WAITS,  /* the background collector is about to sleep */
    HOOK_DEPOT_POPPED,     /* a caller of get has popped a magazine */
    HOOK_DEPOT_PUSHING     /* a caller of put is about to push a full magazine */
};

#ifdef BUFPOOL_HOOKS
/* NULL takes a hook out. Set them while no other thread is in the library. */
void hook_on_call(bool (*must_fail)(enum hook_call call));
void hook_on_point(void (*reached)(enum hook_point point));

bool hook_call_fails(enum hook_call call);
void hook_reach(enum hook_point point);
#else
static inline bool hook_call_fails(enum hook_call call)
{
    (void)call;
    return false;
}

static inline void hook_reach(enum hook_point point)
{
    (void)point;
}
#endif

#endif /* HOOK_H */
