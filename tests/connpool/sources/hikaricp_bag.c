/*
 * What HikariCP's ConcurrentBag promises, named after its own tests: who has what, whatever is released
 * twice, by many at once, or elsewhere.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "lending.h"
#include "misuse.h"
#include "pools.h"

/* Fails when a second release is taken for a first: two would then share the connection. */
Test(hikaricp, testDoubleClose_a_second_release_is_named_and_changes_nothing)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct misuse_record misuse;

    misuse_record(&misuse);
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    cr_assert(connpool_release(pool, lease));
    cr_assert(not(connpool_release(pool, lease)));
    cr_assert(eq(u32, misuse.calls, 1));
    cr_assert(strstr(misuse.line, "'made'") != NULL, "%s", misuse.line);
    cr_assert(not(connpool_touch(pool, lease)));
    cr_assert(eq(u32, misuse.calls, 1), "touch only asks");
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.idle, 1));
    cr_assert(eq(u64, stats.misuses, 1));
    cr_assert(rig_ends(&rig));
}

static _Atomic uint64_t misuses;

static void count_misuse(const char *message, void *arg)
{
    (void)message;
    (void)arg;
    atomic_fetch_add(&misuses, 1);
}

struct returning {
    connpool_t *pool;
    connpool_lease_t lease;
    pthread_barrier_t together;
    _Atomic uint64_t kept;
};

static void *return_it(void *arg)
{
    struct returning *returning = arg;
    pthread_barrier_wait(&returning->together);
    if (connpool_release(returning->pool, returning->lease))
        atomic_fetch_add(&returning->kept, 1);
    return NULL;
}

/* Fails when two of many releases of one lease at once both believe they were the first. */
Test(hikaricp, testConcurrentClose_of_many_releases_at_once_one_counts, .timeout = 60)
{
    enum { THREADS = 8, ROUNDS = 50 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct returning returning;

    bufpool_on_misuse(count_misuse, NULL);
    connpool_t *pool = returning.pool = rig_start(&rig, &config);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        pthread_t threads[THREADS];
        returning.lease = lease_from(pool);
        returning.kept = 0;
        MUST(pthread_barrier_init(&returning.together, NULL, THREADS) == 0);
        for (int i = 0; i < THREADS; i++)
            MUST(pthread_create(&threads[i], NULL, return_it, &returning) == 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&returning.together);
        cr_assert(eq(u64, returning.kept, 1));
        cr_assert(eq(u64, misuses, round * (THREADS - 1)));
        cr_assert(eq(u64, rig_stats(&rig).idle, 1));
    }
    cr_assert(rig_ends(&rig));
}

/* Fails when a lease of one pool is taken back by another: the bag says, not borrowed from here. */
Test(hikaricp, testConcurrentBag_what_was_not_borrowed_here_is_not_taken_back)
{
    struct rig our_rig, their_rig;
    connpool_config_t config = rig_config_full(&our_rig);
    struct misuse_record misuse;

    misuse_record(&misuse);
    connpool_t *ours = rig_start(&our_rig, &config);
    config = rig_config_full(&their_rig);
    connpool_t *theirs = rig_start(&their_rig, &config);
    connpool_lease_t lease = lease_from(theirs);
    cr_assert(not(connpool_release(ours, lease)));
    cr_assert(eq(u32, misuse.calls, 1));
    connpool_lease_t made_up = {.resource = &our_rig, .ticket = UINT64_MAX};
    cr_assert(not(connpool_release(ours, made_up)));
    connpool_mark_unusable(ours, made_up);
    cr_assert(eq(u32, misuse.calls, 3));
    cr_assert(eq(u64, rig_stats(&our_rig).open, 0));
    cr_assert(connpool_release(theirs, lease));
    cr_assert(rig_ends(&our_rig));
    cr_assert(rig_ends(&their_rig));
}

/* Fails when what a thread released last is out of reach once the thread is gone. */
Test(hikaricp, testConcurrentBagForLeaks_threads_that_end_take_no_connection_with_them, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    connpool_t *pool = rig_start(&rig, &config);
    for (int i = 0; i < 200; i++) {
        struct borrower borrower;
        borrower_start(&borrower, pool, NULL, FOR_EVER);
        cr_assert(eq(int, borrower_end(&borrower), 0));
        cr_assert(connpool_release(pool, borrower.lease));
    }
    cr_assert(eq(u64, rig_stats(&rig).opens, 1));
    cr_assert(rig_ends(&rig));
}
