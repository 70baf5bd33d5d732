/*
 * What HikariCP's ConcurrentBag promises, named after its own tests: who has what, whatever is released
 * twice, by many at once, or elsewhere.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "host.h"
#include "misuse.h"
#include "pools.h"

/* Fails when a second release is taken for a first: two would then share the connection. */
Test(hikaricp, testDoubleClose_a_second_release_is_named_and_changes_nothing)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct misuse_record misuse;

    misuse_record(&misuse);
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    cr_assert(give(&host, lease));
    cr_assert(not(give(&host, lease)));
    cr_assert(eq(u32, misuse.calls, 1));
    cr_assert(strstr(misuse.line, "host") != NULL, "%s", misuse.line);
    cr_assert(not(connpool_touch(host.pool, lease)));
    cr_assert(eq(u32, misuse.calls, 1), "touch only asks");
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.idle, 1));
    cr_assert(eq(u64, stats.misuses, 1));
    host_end(&host);
}

static _Atomic uint64_t misuses;

static void count_misuse(const char *message, void *arg)
{
    (void)message;
    (void)arg;
    atomic_fetch_add(&misuses, 1);
}

struct returning {
    struct host *host;
    connpool_lease_t lease;
    pthread_barrier_t together;
    _Atomic uint64_t kept;
};

static void *return_it(void *arg)
{
    struct returning *returning = arg;
    pthread_barrier_wait(&returning->together);
    if (give(returning->host, returning->lease))
        atomic_fetch_add(&returning->kept, 1);
    return NULL;
}

/* Fails when two of many releases of one lease at once both believe they were the first. */
Test(hikaricp, testConcurrentClose_of_many_releases_at_once_one_counts, .timeout = 60)
{
    enum { THREADS = 8, ROUNDS = 50 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct returning returning = {.host = &host};

    bufpool_on_misuse(count_misuse, NULL);
    host_start(&host, &config);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        pthread_t threads[THREADS];
        returning.lease = take(&host);
        returning.kept = 0;
        MUST(pthread_barrier_init(&returning.together, NULL, THREADS) == 0);
        for (int i = 0; i < THREADS; i++)
            MUST(pthread_create(&threads[i], NULL, return_it, &returning) == 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&returning.together);
        cr_assert(eq(u64, returning.kept, 1));
        cr_assert(eq(u64, misuses, round * (THREADS - 1)));
        cr_assert(eq(u64, host_stats(&host).idle, 1));
    }
    host_end(&host);
}

/* Fails when a lease of one pool is taken back by another: the bag says, not borrowed from here. */
Test(hikaricp, testConcurrentBag_what_was_not_borrowed_here_is_not_taken_back)
{
    struct host ours = {0}, theirs = {0};
    connpool_config_t config = host_config(&ours);
    struct misuse_record misuse;

    misuse_record(&misuse);
    host_start(&ours, &config);
    config = host_config(&theirs);
    host_start(&theirs, &config);
    connpool_lease_t lease = take(&theirs);
    cr_assert(not(give(&ours, lease)));
    cr_assert(eq(u32, misuse.calls, 1));
    connpool_lease_t made_up = {.resource = &ours, .ticket = UINT64_MAX};
    cr_assert(not(give(&ours, made_up)));
    connpool_mark_unusable(ours.pool, made_up);
    cr_assert(eq(u32, misuse.calls, 3));
    cr_assert(eq(u64, host_stats(&ours).open, 0));
    cr_assert(give(&theirs, lease));
    host_end(&ours);
    host_end(&theirs);
}

/* Fails when what a thread released last is out of reach once the thread is gone. */
Test(hikaricp, testConcurrentBagForLeaks_threads_that_end_take_no_connection_with_them, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    host_start(&host, &config);
    for (int i = 0; i < 200; i++) {
        struct taker taker;
        taker_start(&taker, &host, NULL, FOREVER);
        cr_assert(eq(int, taker_join(&taker), 0));
        cr_assert(give(&host, taker.lease));
    }
    cr_assert(eq(u64, host_stats(&host).opens, 1));
    host_end(&host);
}
