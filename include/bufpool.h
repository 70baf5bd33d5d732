/*
 * bufpool - a lock-free, size-classed buffer pool for network servers.
 *
 * A buffer is borrowed with bufpool_get and given back with bufpool_put. Free
 * buffers wait in a private cache per thread, then in a depot that all threads
 * share, and go home to the system when two collections found them idle; or
 * earlier, to make room, while the pool grows in other tiers.
 *
 * Words used below. A pool has *tiers*, each of buffers of one *size*
 * (nominal) and *capacity* (what fits: the size, and from 16 KiB on 192 bytes
 * more for the header that servers put in front of a power of two). A buffer is
 * *in use* or *idle*; an idle one is *private* (in a thread's cache), *shared*
 * (in the depot, in the shard of one CPU), *victim* (idle for one collection) or
 * *cold* (waiting for its pages to be given back). All of these have pages, are
 * *backed*; a get that finds none *carves* one out of address space that has no
 * pages yet, or no longer. A *collection* is one step of ageing. Limits and
 * accounts count capacity.
 *
 * Threads: every function may be called from any thread at any time, except
 * that bufpool_destroy must be the last call on its pool. A buffer may be put
 * by another thread than the one that got it, at no extra cost.
 *
 * The first use of a pool starts one thread for the process, named "bufpool",
 * all signals blocked, that collects all pools with a collect_interval_ms and
 * sleeps without a timer while there is nothing to collect. It never ends: a
 * process whose main thread leaves by pthread_exit does not end with the last of
 * its own threads.
 *
 * fork: in the child buffers in use stay valid; idle ones are forgotten, and the
 * accounts begin at 0: a buffer the parent got counts once it is put.
 *
 * A NULL pool means bufpool_default(), everywhere but in bufpool_create and
 * bufpool_destroy. Where that cannot be created, gets return NULL with the errno
 * of bufpool_create, functions that return an int return it negated, the others
 * return 0 or do nothing.
 *
 * Included with this header: bufpool/stats.h, the accounts of a pool; and with
 * BUFPOOL_INLINE defined bufpool/inline.h. bufpool/debug.h tells of the debug
 * words, bufpool/conf.h of the environment that configures the default pool, bufpool/malloc.h is malloc on
 * the default pool.
 */
#ifndef BUFPOOL_H
#define BUFPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BUFPOOL_API __attribute__((visibility("default")))
#define BUFPOOL_MUST_USE __attribute__((warn_unused_result))
#else
#define BUFPOOL_API
#define BUFPOOL_MUST_USE
#endif

/*
 * Who takes back what a function returns, and with which argument. gcc from 11 on
 * checks that, most of all with -fanalyzer: a leak, a buffer put twice or used
 * after its put. It says nothing of sizes (all up to the capacity may be written)
 * nor of aliases (a buffer may hold pointers that its last borrower left). Define
 * BUFPOOL_NO_PAIRS, before the header is included, to be without; so are files
 * with BUFPOOL_INLINE, where gcc sees puts that end in no call.
 */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11 && !defined(BUFPOOL_INLINE) &&                \
    !defined(BUFPOOL_NO_PAIRS)
#define BUFPOOL_FREED_BY(function, argument) __attribute__((malloc(function, argument)))
#else
#define BUFPOOL_FREED_BY(function, argument)
#endif

typedef struct bufpool bufpool_t;

/* ------------------------------------------------------------ configuration */

/*
 * Flags of a pool.
 *
 * COOPERATIVE  A collection does not reach into other threads' private caches
 *              (no membarrier, so no interrupt on other CPUs): a thread hands
 *              its own over at its next slow path, in bufpool_thread_idle, or
 *              when it collects or trims itself.
 * SCRUB_ON_PUT Every buffer is overwritten with zeros when it is put.
 * HUGE_PAGES   Ask for transparent huge pages; by default they are refused,
 *              because one touched buffer would then cost 2 MiB.
 * PAGE_ALIGNED Buffers of tiers from 4096 bytes on are aligned to 4096, and
 *              have no headroom.
 */
#define BUFPOOL_COOPERATIVE 1u
#define BUFPOOL_SCRUB_ON_PUT 2u
#define BUFPOOL_HUGE_PAGES 4u
#define BUFPOOL_PAGE_ALIGNED 8u

/*
 * What bufpool_create is told. Start from BUFPOOL_CONFIG_INIT and change what
 * you need; a field left alone has its default, and 0 means 0 (a zeroed struct is
 * refused). Sizes are in bytes. The struct and all it points to are copied.
 */
typedef struct bufpool_config {
    size_t struct_size;           /* set by BUFPOOL_CONFIG_INIT; lets the struct grow */
    const char *name;             /* in dumps and misuse reports; NULL is "bufpool"; cut to the whole
                                     characters of 31 bytes; control characters, and bytes that are no
                                     UTF-8, become ? */
    size_t min_size;              /* smallest tier; 512 */
    size_t max_size;              /* largest tier; 1 MiB */
    size_t tier_steps;            /* tiers a doubling: 1 (default), 2 or 4 */
    const size_t *tiers;          /* explicit sizes instead of the three above, in any order */
    size_t tiers_count;           /* how many, at most 64 */
    size_t tier_span;             /* address space a tier, rounded up to a power of two; 16 GiB, and less
                                     where the system has less */
    size_t max_bytes;             /* backed (in use and idle) and oversized at most; SIZE_MAX */
    size_t max_cached_bytes;      /* private, shared and victim at most; SIZE_MAX; 0 caches nothing */
    size_t min_cached_bytes;      /* idle bytes that no collection releases, the newest stay; 0 */
    size_t max_thread_bytes;      /* sizes one thread's private cache, refuses nothing; 2 MiB */
    uint32_t collect_interval_ms; /* 1000; 0: only when bufpool_collect is called */
    uint32_t flags;               /* BUFPOOL_COOPERATIVE and the like; 0 */
    const char *debug;            /* debug words, see bufpool/debug.h; NULL: environment BUFPOOL_DEBUG */
} bufpool_config_t;

/* Every default, as a brace initialiser for C11 and C++17. */
#define BUFPOOL_CONFIG_INIT                                                                                  \
    {                                                                                                        \
        sizeof(bufpool_config_t), NULL, 512, (size_t)1 << 20, 1, NULL, 0, (size_t)1 << 34, SIZE_MAX,         \
            SIZE_MAX, 0, (size_t)2 << 20, 1000, 0, NULL                                                      \
    }

/*
 * bufpool_create - make a pool; a NULL config means all defaults.
 *
 * Reserves address space, commits next to none of it. Sizes that are no
 * multiple of 64 are rounded up to one, and equal sizes merge. Tiers double
 * from min_size, in tier_steps equal steps a doubling, and the last is
 * max_size.
 *
 * Returns 0, or a negative errno with *pool untouched and nothing allocated:
 *   -EINVAL  a size of zero or above 1 GiB, more than 64 tiers, min_size above
 *            max_size, tier_steps not 1, 2 or 4, min_cached_bytes above
 *            max_cached_bytes or max_bytes, an unknown flag or debug word (also
 *            of the environment; a line on stderr lists the known ones), tiers
 *            without tiers_count or the reverse, a NULL pool, a struct_size that
 *            is too small or a struct with a non-zero tail that this library
 *            does not know
 *   -ENOMEM  not even 8 MiB of address space a tier to be had
 *   -EAGAIN  4096 pools are alive
 *
 * May block (system calls, and a lock shared with bufpool_destroy, fork and
 * thread exit).
 */
BUFPOOL_API int bufpool_create(bufpool_t **pool, const bufpool_config_t *config);

/*
 * bufpool_destroy - give back all memory of a pool. NULL does nothing.
 *
 * No other call on the pool may run or come later; a later one is reported as
 * misuse, as long as no new pool has taken the handle. Buffers still out are
 * told on stderr, one line a tier, and their memory goes all the same.
 *
 * May block: waits for the background collection to leave the pool.
 */
BUFPOOL_API void bufpool_destroy(bufpool_t *pool);

/*
 * bufpool_default - the process-wide pool, created at the first call and never
 * destroyed: with all defaults, but for what the environment's BUFPOOL_CONF says
 * (bufpool/conf.h).
 *
 * Returns NULL with errno set where it cannot be created; the next call tries
 * again.
 */
BUFPOOL_API bufpool_t *bufpool_default(void);

/* ------------------------------------------------------------ borrow and give back */

/*
 * bufpool_put - give a buffer back. It is no longer yours, whatever comes back.
 *
 * Returns true where the pool kept the buffer, false where it refused it: an
 * oversized one is released at once, one beyond max_cached_bytes waits for the
 * next collection. Neither needs anything from you. NULL: true, nothing happens.
 * errno is untouched.
 *
 * Misuse - a pointer that no get of this pool returned, or a buffer put twice in
 * a row on one thread - is reported (see bufpool_on_misuse), returns false and
 * files nothing. A double put with others in between may be noticed late, or not
 * before two borrowers hold the same buffer; with the debug word `state` every
 * one is named when it is made.
 *
 * Progress: wait-free and without a system call while the private cache has
 * room; lock-free otherwise, but for the kernel. Never needs memory.
 */
BUFPOOL_API bool bufpool_put(bufpool_t *pool, void *buffer);

/*
 * bufpool_get - borrow a buffer of at least `size` bytes.
 *
 * The bytes are whatever the last borrower left there. The address is aligned
 * to 64 (with BUFPOOL_PAGE_ALIGNED to 4096, from that tier on). The tier is the
 * smallest whose capacity fits; size 0 is served by the smallest tier. A size
 * above the largest capacity, or one whose tier's address space is used up, is
 * served by the system, counted as oversized, and never pooled.
 *
 * Returns NULL with errno ENOMEM when max_bytes is reached or the system is
 * out of memory, after everything idle was given back to make room. errno is
 * untouched on success. A destroyed pool is misuse: NULL, EINVAL.
 *
 * Progress: wait-free and without a system call while the private cache has a
 * buffer; lock-free otherwise, but for the kernel.
 *
 * Ordering: a bufpool_put of a buffer happens before the get that returns it.
 */
BUFPOOL_API BUFPOOL_MUST_USE BUFPOOL_FREED_BY(bufpool_put, 2) void *bufpool_get(bufpool_t *pool, size_t size);

/*
 * bufpool_get_zeroed - bufpool_get with every byte up to the capacity zero.
 *
 * Costs a memset of the capacity; a buffer's earlier borrower leaves nothing.
 */
BUFPOOL_API BUFPOOL_MUST_USE BUFPOOL_FREED_BY(bufpool_put, 2) void *bufpool_get_zeroed(bufpool_t *pool,
                                                                                       size_t size);

/*
 * bufpool_resize - realloc's contract.
 *
 * (NULL, n) gets; (buffer, 0) puts and returns NULL; otherwise the bytes up to
 * the smaller of the two capacities are kept. The address stays while the size
 * stays in the same tier; an oversized buffer stays while the new size is
 * oversized too and fits. Anything else costs one get, one copy and one put. On
 * failure NULL with errno ENOMEM, and the buffer is as it was. Misuse: NULL,
 * EINVAL.
 */
BUFPOOL_API BUFPOOL_MUST_USE BUFPOOL_FREED_BY(bufpool_put, 2) void *bufpool_resize(bufpool_t *pool,
                                                                                   void *buffer, size_t size);

/*
 * bufpool_capacity - how many bytes of a borrowed buffer the caller may use: at
 * least the size asked for (with the debug word `canary` just that). A pointer
 * that is no buffer of this pool is misuse: 0; of a buffer that is not borrowed
 * the answer means nothing, and is misuse with `state`. Wait-free.
 */
BUFPOOL_API size_t bufpool_capacity(bufpool_t *pool, const void *buffer);

/*
 * bufpool_get_batch - bufpool_get, `count` times, into buffers[0..].
 *
 * Returns how many it got, with errno ENOMEM when fewer than asked; the rest of
 * the array is untouched.
 */
BUFPOOL_API size_t bufpool_get_batch(bufpool_t *pool, size_t size, void **buffers, size_t count);

/*
 * bufpool_put_batch - bufpool_put for each of buffers[0..count-1], of any mix of
 * tiers. Consumes every entry; a NULL is skipped and not counted, a bad one is
 * reported and the others are still put. Returns how many the pool kept.
 */
BUFPOOL_API size_t bufpool_put_batch(bufpool_t *pool, void **buffers, size_t count);

/* ------------------------------------------------------------ idle memory */

/*
 * bufpool_reserve - top the tier of `size` up to `count` idle buffers, with
 * every page of theirs touched.
 *
 * They are shared, count as no gets and no carves, and age like others unless
 * min_cached_bytes holds them.
 *
 * Returns 0; -EINVAL for a size above the largest capacity; -ENOMEM with
 * nothing kept when memory, max_bytes or max_cached_bytes has no room.
 */
BUFPOOL_API int bufpool_reserve(bufpool_t *pool, size_t size, size_t count);

/*
 * bufpool_collect - run one collection: cold goes home, victims become cold and
 * go home with it (all but min_cached_bytes), shared become victims, and so do
 * the buffers in the private caches of all threads, sleeping ones too (in
 * cooperative mode: of this thread).
 *
 * Never waits for another thread. Of two at once one returns 0 and does
 * nothing, unless the other has made no progress since somebody last looked:
 * then it takes over.
 *
 * Returns the bytes of pages given back to the system.
 */
BUFPOOL_API size_t bufpool_collect(bufpool_t *pool);

/*
 * bufpool_trim - give everything idle back to the system now, whatever its age
 * and whatever min_cached_bytes says. Private caches of threads that are inside
 * a call are skipped. Returns the bytes given back.
 */
BUFPOOL_API size_t bufpool_trim(bufpool_t *pool);

/*
 * bufpool_thread_idle - move this thread's private cache to the depot, where
 * others find it. For a thread about to wait for long in cooperative mode.
 */
BUFPOOL_API void bufpool_thread_idle(bufpool_t *pool);

/* ------------------------------------------------------------ misuse */

/*
 * Called with one line (no newline) that names pool, rule, call, address, tier,
 * the buffer's number there and the thread (of connections and workers: what they have), outside any internal
 * state: it may use the pool. On the thread that made the fault; of a double put found late, on the thread
 * that collects, often the pool's own. May run on several threads at once.
 */
typedef void (*bufpool_misuse_fn)(const char *message, void *arg);

/*
 * bufpool_on_misuse - set what happens when a caller's bug is found, for all
 * pools of the process, at any time. NULL restores the default: print the line on
 * stderr and abort.
 */
BUFPOOL_API void bufpool_on_misuse(bufpool_misuse_fn handler, void *arg);

/*
 * bufpool_report_misuse - tell that handler of a caller's bug, as pools do: for libraries that stand on
 * this one. The message is one line without its end. Comes back unless the handler does not. errno is
 * untouched.
 */
BUFPOOL_API void bufpool_report_misuse(const char *message);

#ifdef __cplusplus
}
#endif

#include <bufpool/stats.h>

/* ------------------------------------------------------------ calls compiled in */

/*
 * BUFPOOL_INLINE, defined before this header is included, compiles the hit of
 * bufpool_get and bufpool_put into their callers: bufpool/inline.h says what that
 * is worth and what it asks for.
 */
#ifdef BUFPOOL_INLINE
#include <bufpool/inline.h>
#endif

#endif /* BUFPOOL_H */
