#include "collector.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "collect.h"
#include "hook.h"
#include "region.h"
#include "registry.h"
#include "wait.h"

/* Enough for a collection: 2 KiB of records, 3 KiB of claims, 16 KiB of sums; and for a misuse handler. */
#define STACK_BYTES ((size_t)256 << 10)

struct collector {
    struct bufpool *only; /* its one pool; NULL: all that have none of their own */
    _Atomic bool running;
    _Atomic bool stopping; /* relaxed: `work` orders it */
    /* The pool the collector is in. seq_cst [alive]: set, then the pool's `alive` read; destroy the other way
     * round. */
    _Atomic(struct bufpool *) working;
    struct event work; /* something to do, or a clock to look at */
    struct event left; /* out of a pool */
    pthread_t thread;  /* to be joined, where it has one pool */
};

static struct collector common;

int collector_init(struct bufpool *pool, bool own)
{
    pool->collector = &common;
    if (!own)
        return 0;
    pool->collector = region_map(round_up(sizeof(struct collector), pool->page));
    if (pool->collector == NULL)
        return -ENOMEM;
    pool->collector->only = pool;
    return 0;
}

void collector_end(struct bufpool *pool)
{
    if (pool->collector != &common)
        region_release(pool->collector, round_up(sizeof(struct collector), pool->page));
}

/* Returns when to come again, WAIT_FOREVER if it was left quiet. */
static uint64_t visit(struct bufpool *pool, uint64_t now)
{
    if (atomic_load_explicit(&pool->quiet, memory_order_seq_cst))
        return WAIT_FOREVER;
    if (pool->due_ms == 0)
        pool->due_ms = now + pool->collect_interval_ms;
    if (now < pool->due_ms)
        return pool->due_ms;

    struct collected collected = collect_run(pool, COLLECT_AGE, NULL);
    pool->due_ms = now + pool->collect_interval_ms;
    /* In cooperative mode a thread may fill its unsealed bins unseen: keep the timer. */
    if (!collected.idle || !atomic_load_explicit(&pool->remote, memory_order_relaxed))
        return pool->due_ms;
    hook_reach(HOOK_COLLECTOR_PARKS);
    atomic_store_explicit(&pool->quiet, true, memory_order_seq_cst);
    if (collect_has_work(pool)) {
        atomic_store_explicit(&pool->quiet, false, memory_order_seq_cst);
        return pool->due_ms;
    }
    pool->due_ms = 0;
    return WAIT_FOREVER;
}

static uint64_t visit_all(struct collector *collector, uint64_t now)
{
    uint64_t next = WAIT_FOREVER;
    uint32_t numbers = registry_numbers();

    for (uint32_t i = 0; i < numbers; i++) {
        struct bufpool *pool = registry_pool(i);
        if (pool == NULL)
            continue;
        atomic_store_explicit(&collector->working, pool, memory_order_seq_cst);
        /* Nothing of it is read before: its handle may be another pool's by now, just being made. */
        if (pool_is_alive(pool) && pool->collector == collector && pool->collect_interval_ms != 0)
            next = min_u64(next, visit(pool, now));
        atomic_store_explicit(&collector->working, NULL, memory_order_seq_cst);
        if (!pool_is_alive(pool))
            event_signal(&collector->left);
    }
    return next;
}

static void *collector_main(void *arg)
{
    struct collector *collector = arg;

    while (!atomic_load_explicit(&collector->stopping, memory_order_relaxed)) {
        uint32_t seen = event_seen(&collector->work);
        uint64_t next =
            collector->only != NULL ? visit(collector->only, clock_ms()) : visit_all(collector, clock_ms());
        hook_reach(HOOK_COLLECTOR_WAITS);
        if (!atomic_load_explicit(&collector->stopping, memory_order_relaxed))
            event_wait(&collector->work, seen, next);
    }
    return NULL;
}

static bool start(struct collector *collector)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    /* acq_rel: of several that start it one does. */
    if (atomic_exchange_explicit(&collector->running, true, memory_order_acq_rel))
        return true;
    sigfillset(&all);
    bool started = false;
    if (!hook_call_fails(HOOK_THREAD) && pthread_attr_init(&attributes) == 0) {
        if (collector->only == NULL) {
            pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
            pthread_attr_setstacksize(&attributes, STACK_BYTES);
        }
        pthread_sigmask(SIG_BLOCK, &all,
                        &before); /* the thread inherits the mask: signals are the program's */
        started = pthread_create(&collector->thread, &attributes, collector_main, collector) == 0;
        if (started)
            pthread_setname_np(collector->thread, "bufpool");
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
    }
    if (!started)
        atomic_store_explicit(&collector->running, false, memory_order_release);
    return started;
}

void collector_wake_for(struct bufpool *pool)
{
    int errno_before = errno;

    if (!atomic_exchange_explicit(&pool->quiet, false, memory_order_seq_cst))
        return; /* somebody else did */
    if (start(pool->collector))
        event_signal(&pool->collector->work);
    else
        atomic_store_explicit(&pool->quiet, true, memory_order_seq_cst); /* the next slow path tries again */
    errno = errno_before;
}

void collector_stop(struct bufpool *pool)
{
    struct collector *collector = pool->collector;

    if (collector->only == NULL)
        return;
    atomic_store_explicit(&collector->stopping, true, memory_order_relaxed);
    event_signal(&collector->work);
    if (atomic_exchange_explicit(&collector->running, true, memory_order_acq_rel)) /* none comes any more */
        pthread_join(collector->thread, NULL);
}

void collector_leave(struct bufpool *pool)
{
    for (;;) {
        uint32_t seen = event_seen(&common.left);
        if (atomic_load_explicit(&common.working, memory_order_seq_cst) != pool)
            return;
        event_wait(&common.left, seen, WAIT_FOREVER);
    }
}

static void forget_thread(struct collector *collector)
{
    atomic_store_explicit(&collector->running, false, memory_order_relaxed);
    atomic_store_explicit(&collector->working, NULL, memory_order_relaxed);
    memset(&collector->work, 0, sizeof collector->work);
    memset(&collector->left, 0, sizeof collector->left);
}

void collector_after_fork(void)
{
    forget_thread(&common);
}

void collector_of_pool_after_fork(struct bufpool *pool)
{
    if (pool->collector != &common)
        forget_thread(pool->collector);
}

void collector_use_clock(uint64_t (*now_ms)(void))
{
    clock_use(now_ms);
}

void collector_wake(void)
{
    event_signal(&common.work);
    for (uint32_t i = 0; i < registry_numbers(); i++) {
        struct bufpool *pool = registry_pool(i);
        if (pool != NULL && pool->collector != &common)
            event_signal(&pool->collector->work);
    }
}
