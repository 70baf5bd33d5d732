/*
 * refused - what the system may take back after a pool was made, and what a
 * process may have used up before. Against the library that users link.
 *
 * A plain main; each case in a process of its own. The last line is "N passed, N
 * failed".
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"
#include "worker.h"

/* A broken rule is printed and ends the case. */
#define HOLDS(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "not true: %s (line %d)\n", #condition, __LINE__);                               \
            return 1;                                                                                        \
        }                                                                                                    \
    } while (0)

/* ------------------------------------------------------------ membarrier, by a filter that comes later */

enum { COUNT = 20 };

struct sleeper {
    struct worker worker;
    bufpool_t *pool;
    void *buffers[2 * COUNT];
};

static void get_and_put(void *arg)
{
    struct sleeper *sleeper = arg;
    get_many(sleeper->pool, 4096, sleeper->buffers, COUNT);
    put_many(sleeper->pool, sleeper->buffers, COUNT);
}

static void get_more(void *arg)
{
    struct sleeper *sleeper = arg;
    get_many(sleeper->pool, 4096, sleeper->buffers, 2 * COUNT);
}

static void put_and_rest(void *arg)
{
    struct sleeper *sleeper = arg;
    put_many(sleeper->pool, sleeper->buffers, 2 * COUNT);
    bufpool_thread_idle(sleeper->pool);
}

/* As a server's sandbox does once it has set itself up. */
static void forbid_membarrier(void)
{
    refuse_call(SYS_membarrier, EPERM);
}

static bool has_twice(void *const *buffers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (is_among(buffers[i], buffers, i))
            return true;
    }
    return false;
}

/*
 * Fails when a collection takes a sleeper's block although no barrier ran (the
 * sleeper might just be in it), or when what it has swapped out is never seen
 * again: the block waits in limbo for its own thread.
 */
static int a_barrier_that_is_refused_claims_nothing_and_strands_nothing(void *arg)
{
    struct sleeper sleeper = {.pool = still_pool()};

    (void)arg;
    worker_start(&sleeper.worker);
    worker_do(&sleeper.worker, get_and_put, &sleeper);
    HOLDS(stats_of(sleeper.pool).remote_reclaim == 1);
    forbid_membarrier();
    bufpool_collect(sleeper.pool);

    bufpool_stats_t stats = stats_of(sleeper.pool);
    HOLDS(stats.private_bytes == COUNT * (size_t)4096);
    HOLDS(stats.remote_reclaim == 0);
    HOLDS(accounts_and_pages_fault(sleeper.pool) == NULL);

    worker_do(&sleeper.worker, get_more, &sleeper);
    HOLDS(!has_twice(sleeper.buffers, 2 * COUNT));
    HOLDS(stats_of(sleeper.pool).carves == 2 * COUNT); /* the first COUNT were found again */
    worker_do(&sleeper.worker, put_and_rest, &sleeper);
    bufpool_trim(sleeper.pool);
    stats = stats_of(sleeper.pool);
    HOLDS(idle_bytes(&stats) == 0 && stats.in_use_bytes == 0);
    HOLDS(accounts_and_pages_fault(sleeper.pool) == NULL);
    worker_end(&sleeper.worker);
    bufpool_destroy(sleeper.pool);
    return 0;
}

/* Fails when a thread that ends leaves behind what a refused collection has swapped out. */
static int a_thread_takes_its_limbo_along(void *arg)
{
    struct sleeper sleeper = {.pool = still_pool()};

    (void)arg;
    worker_start(&sleeper.worker);
    worker_do(&sleeper.worker, get_and_put, &sleeper);
    forbid_membarrier();
    bufpool_collect(sleeper.pool);
    worker_end(&sleeper.worker);
    HOLDS(stats_of(sleeper.pool).shared_bytes == COUNT * (size_t)4096);
    get_many(sleeper.pool, 4096, sleeper.buffers, COUNT);
    HOLDS(stats_of(sleeper.pool).carves == COUNT);
    put_many(sleeper.pool, sleeper.buffers, COUNT);
    HOLDS(accounts_and_pages_fault(sleeper.pool) == NULL);
    bufpool_destroy(sleeper.pool);
    return 0;
}

/* ------------------------------------------------------------ keys of thread-specific data */

/* Fails when create goes on without the key by which it hears of a thread's end. */
static int create_without_a_free_key_is_eagain_and_works_later(void *arg)
{
    enum { KEYS_MOST = 4096 };
    static pthread_key_t keys[KEYS_MOST];
    bufpool_t *pool = (bufpool_t *)0x5a5a;
    size_t count = 0;

    (void)arg;
    while (count < KEYS_MOST && pthread_key_create(&keys[count], NULL) == 0)
        count++;
    HOLDS(count > 0 && count < KEYS_MOST);
    HOLDS(bufpool_create(&pool, NULL) == -EAGAIN);
    HOLDS(pool == (bufpool_t *)0x5a5a);
    pthread_key_delete(keys[0]);
    pool = still_pool();
    bufpool_put(pool, bufpool_get(pool, 4096));
    HOLDS(accounts_and_pages_fault(pool) == NULL);
    bufpool_destroy(pool);
    return 0;
}

/* libc asks for a thread's slots of later keys only when one is set. */
static bool calloc_fails;
void *__libc_calloc(size_t count, size_t size);

void *calloc(size_t count, size_t size)
{
    return calloc_fails ? NULL : __libc_calloc(count, size);
}

/* Fails when a thread whose end nobody will hear of gets a private cache: it would be lost with it. */
static int a_thread_whose_key_cannot_be_set_works_without_a_cache(void *arg)
{
    enum { KEYS = 40 }; /* the first 32 have their slots in the thread itself */
    pthread_key_t keys[KEYS];
    void *buffers[COUNT];

    (void)arg;
    for (size_t i = 0; i < KEYS; i++)
        HOLDS(pthread_key_create(&keys[i], NULL) == 0);
    bufpool_t *pool = still_pool();
    calloc_fails = true;
    get_many(pool, 4096, buffers, COUNT);
    put_many(pool, buffers, COUNT);
    calloc_fails = false;
    bufpool_stats_t stats = stats_of(pool);
    HOLDS(stats.threads == 0 && stats.private_bytes == 0 && stats.in_use_bytes == 0);
    HOLDS(accounts_and_pages_fault(pool) == NULL);
    bufpool_put(pool, bufpool_get(pool, 4096));
    HOLDS(stats_of(pool).threads == 1);
    HOLDS(accounts_and_pages_fault(pool) == NULL);
    bufpool_destroy(pool);
    return 0;
}

#define CASE(name)                                                                                           \
    {                                                                                                        \
#name, name                                                                                          \
    }
static const struct {
    const char *name;
    int (*run)(void *arg);
} cases[] = {
    CASE(a_barrier_that_is_refused_claims_nothing_and_strands_nothing),
    CASE(a_thread_takes_its_limbo_along),
    CASE(create_without_a_free_key_is_eagain_and_works_later),
    CASE(a_thread_whose_key_cannot_be_set_works_without_a_cache),
};

int main(void)
{
    unsigned count[2] = {0, 0};

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct child_end end = child_run(cases[i].run, NULL);
        bool good = child_exited(&end, 0) && end.errors[0] == '\0';
        printf("%s %s%s%s\n", good ? "pass" : "FAIL", cases[i].name, good ? "" : ": ", end.errors);
        count[good]++;
    }
    printf("%u passed, %u failed\n", count[true], count[false]);
    return count[false] != 0;
}
