/*
 * What connpool.h says of create, acquire, release and their callbacks, of one thread.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "lending.h"
#include "pools.h"
#include "process.h"

static struct rig rig;

/* Fails when a bad configuration is taken, or leaves something in *pool. */
Test(connpool_contract, create_refuses_what_its_contract_refuses)
{
    connpool_config_t good = rig_config(&rig);
    connpool_t *untouched = (connpool_t *)&good, *pool = untouched;
    char key[CONNPOOL_MAX_KEY + 1] = "k";
    connpool_member_t long_key = {key, sizeof key, false}, no_key = {key, 0, false};
    connpool_config_t bad[16];

    for (size_t i = 0; i < 16; i++)
        bad[i] = good;
    bad[0].open = NULL;
    bad[1].close = NULL;
    bad[2].max_open = 0;
    bad[3].max_open = CONNPOOL_MAX_OPEN + 1;
    bad[4].max_open_per_key = 0;
    bad[5].min_idle = 17;
    bad[6].min_idle = 2, bad[6].max_idle = 1;
    bad[7].min_idle = 2, bad[7].min_idle_most = 1;
    bad[8].max_lifetime_most_ms = bad[8].max_lifetime_ms - 1;
    bad[9].flags = 8;
    bad[10].order = (enum connpool_order)4;
    bad[11].members = &long_key, bad[11].members_count = 1;
    bad[12].members = &no_key, bad[12].members_count = 1;
    bad[13].members = &long_key, bad[13].members_count = CONNPOOL_MAX_MEMBERS + 1;
    bad[14].struct_size = sizeof good - 1;
    bad[15].members_count = 1;
    for (size_t i = 0; i < 16; i++) {
        cr_assert(eq(int, connpool_create(&pool, &bad[i]), -EINVAL), "%zu", i);
        cr_assert(eq(ptr, pool, untouched));
    }
    cr_assert(eq(int, connpool_create(&pool, NULL), -EINVAL));
    cr_assert(eq(int, connpool_create(NULL, &good), -EINVAL));
    connpool_destroy(NULL);
    cr_assert(eq(u64, rig.opened, 0));
}

/* Fails when a release loses its connection, or an acquire opens although one is idle. */
Test(connpool_contract, an_idle_connection_is_lent_before_a_new_one_is_opened)
{
    connpool_config_t config = rig_config(&rig);
    connpool_t *pool = rig_start(&rig, &config);

    for (int i = 0; i < 1000; i++) {
        connpool_lease_t lease = lease_from(pool);
        cr_assert(eq(u64, connection_of(lease)->number, 1));
        cr_assert(connpool_release(pool, lease));
    }
    connpool_stats_t stats = conn_stats(pool);
    cr_assert(eq(u64, stats.opens, 1));
    cr_assert(eq(u64, stats.acquires, 1000));
    cr_assert(eq(u64, stats.hits, 999));
    cr_assert(eq(u64, stats.idle, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when max_open is exceeded, a full pool blocks who does not wait, or a failed acquire writes to its
 * lease. */
Test(connpool_contract, a_full_pool_lends_nothing_and_leaves_the_lease_untouched)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 3;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lent[3], lease = {.resource = &lease, .ticket = 7};

    for (int i = 0; i < 3; i++)
        lent[i] = lease_from(pool);
    cr_assert(eq(int, connpool_acquire(pool, 0, &lease), -EAGAIN));
    cr_assert(eq(int, connpool_acquire(pool, 1, &lease), -ETIMEDOUT));
    cr_assert(eq(ptr, lease.resource, &lease));
    cr_assert(eq(u64, lease.ticket, 7));
    connpool_stats_t stats = conn_stats(pool);
    cr_assert(eq(u64, stats.timeouts, 2));
    cr_assert(eq(u64, stats.waits, 1));
    cr_assert(eq(u64, stats.in_use, 3));
    for (int i = 0; i < 3; i++)
        cr_assert(connpool_release(pool, lent[i]));
    cr_assert(rig_ends(&rig));
}

/* Fails when an error of open is swallowed, keeps room taken, or is asked for again before the pause is over.
 */
Test(connpool_contract, a_failed_open_gives_its_error_until_the_pause_is_over)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 1;
    config.backoff_ms = 100;
    config.backoff_most_ms = 300;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = {0};
    /* Each pause twice the last, up to the most, less a quarter at most. */
    const uint64_t pauses[] = {100, 200, 300, 300};

    rig.refuses = -ECONNREFUSED;
    for (uint64_t i = 0; i < 4; i++) {
        cr_assert(eq(int, connpool_acquire(pool, 0, &lease), -ECONNREFUSED));
        cr_assert(eq(u64, rig.asked, i + 1));
        rig.now_ms += pauses[i] - pauses[i] / 4 - 1;
        cr_assert(eq(int, connpool_acquire(pool, 0, &lease), -ECONNREFUSED));
        cr_assert(eq(u64, rig.asked, i + 1), "asked again within pause %d", (int)i);
        rig.now_ms += pauses[i] / 4 + 1;
    }
    rig.refuses = 0;
    lease = lease_from(pool);
    connpool_stats_t stats = conn_stats(pool);
    cr_assert(eq(u64, stats.open_failures, 4));
    cr_assert(eq(u64, stats.opens, 1));
    connpool_release(pool, lease);

    /* It works again: the next failure begins with the first pause. */
    lease = lease_from(pool);
    connpool_mark_unusable(pool, lease);
    connpool_release(pool, lease);
    rig.refuses = -EIO;
    cr_assert(eq(int, connpool_acquire(pool, 0, &lease), -EIO));
    rig.now_ms += 100;
    rig.refuses = 0;
    connpool_release(pool, lease_from(pool));
    cr_assert(rig_ends(&rig));
}

/* Fails when open is told another time than what is left, or none. */
Test(connpool_contract, open_is_told_how_much_time_there_is)
{
    connpool_config_t config = rig_config(&rig);
    config.open_timeout_ms = 5000;
    connpool_t *pool = rig_start(&rig, &config);
    const uint32_t asked[] = {0, 1, 4000, 6000, FOR_EVER};
    const uint32_t told[] = {5000, 1, 4000, 5000, 5000};
    connpool_lease_t lease[5];

    for (int i = 0; i < 5; i++) {
        cr_assert(eq(int, connpool_acquire(pool, asked[i], &lease[i]), 0));
        cr_assert(rig.open_may_ms <= told[i] && rig.open_may_ms > 0, "%d", i);
        if (asked[i] == 0 || asked[i] > 5000)
            cr_assert(eq(u32, rig.open_may_ms, told[i]));
    }
    for (int i = 0; i < 5; i++)
        connpool_release(pool, lease[i]);
    cr_assert(rig_ends(&rig));
}

/* Fails when a connection that was marked, spoilt or is too old is lent again, or its reason is another's. */
Test(connpool_contract, release_closes_what_is_not_fit_and_says_so)
{
    connpool_config_t config = rig_config(&rig);
    config.reset = rig_reset;
    config.max_lifetime_ms = 500;
    config.lifetime_jitter_ms = 0;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    connpool_mark_unusable(pool, lease);
    connpool_mark_unusable(pool, lease);
    cr_assert(not(connpool_release(pool, lease)));
    cr_assert(eq(u64, rig.resets, 0));

    lease = lease_from(pool);
    connection_of(lease)->is_dirty = true;
    cr_assert(not(connpool_release(pool, lease)));

    lease = lease_from(pool);
    rig.now_ms += 499;
    cr_assert(connpool_release(pool, lease));
    lease = lease_from(pool);
    rig.now_ms += 1;
    cr_assert(not(connpool_release(pool, lease)));

    connpool_stats_t stats = conn_stats(pool);
    cr_assert(eq(u64, stats.closed_unusable, 1));
    cr_assert(eq(u64, stats.closed_reset, 1));
    cr_assert(eq(u64, stats.closed_old, 1));
    cr_assert(eq(u64, stats.opens, 3));
    cr_assert(rig_ends(&rig));
}

/* Fails when lifetimes do not differ, or one is longer than max_lifetime or shorter than that by more than
 * the jitter. */
Test(connpool_contract, lifetimes_are_spread_over_the_jitter)
{
    enum { COUNT = 200 };
    connpool_config_t config = rig_config(&rig);
    config.max_open = COUNT;
    config.max_lifetime_ms = 1000;
    config.lifetime_jitter_ms = 400;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[COUNT];
    bool is_open[COUNT];
    unsigned left = COUNT, steps_that_closed = 0;

    for (int i = 0; i < COUNT; i++)
        lease[i] = lease_from(pool);
    for (uint64_t age = 0; age <= 1000; age += 50, rig.now_ms += 50) {
        unsigned before = left;
        for (int i = 0; i < COUNT; i++) {
            is_open[i] = lease[i].ticket != 0 && connpool_release(pool, lease[i]);
            left -= lease[i].ticket != 0 && !is_open[i];
            lease[i].ticket = 0;
        }
        for (unsigned i = 0; i < left; i++)
            lease[i] = lease_from(pool);
        cr_assert(age >= 600 || left == COUNT, "at %d ms %u are left", (int)age, left);
        steps_that_closed += left != before;
    }
    cr_assert(eq(u32, left, 0));
    cr_assert(steps_that_closed >= 6, "all ended in %u steps of 50 ms", steps_that_closed);
    cr_assert(rig_ends(&rig));
}

/* Fails when a dead one is lent, a live one closed, or a dead one keeps others from being tried. */
Test(connpool_contract, check_on_acquire_closes_dead_ones_and_tries_the_next)
{
    connpool_config_t config = rig_config(&rig);
    config.flags |= CONNPOOL_CHECK_ON_ACQUIRE;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[4];

    for (int i = 0; i < 4; i++)
        lease[i] = lease_from(pool);
    cr_assert(eq(u64, rig.checks, 0), "a new one needs no check");
    for (int i = 3; i > 0; i--)
        connection_of(lease[i])->is_dead = true;
    for (int i = 0; i < 4; i++)
        connpool_release(pool, lease[i]);
    lease[0] = lease_from(pool);
    cr_assert(eq(u64, connection_of(lease[0])->number, 1));
    cr_assert(eq(u64, rig.checks, 4));
    cr_assert(eq(u64, conn_stats(pool).closed_check, 3));
    connpool_release(pool, lease[0]);
    cr_assert(rig_ends(&rig));
}

/* Fails when a use is timed wrongly, or not at all. */
Test(connpool_contract, uses_are_counted_by_their_time)
{
    connpool_config_t config = rig_config(&rig);
    connpool_t *pool = rig_start(&rig, &config);
    const uint64_t used_ms[] = {0, 1, 3, 1000};
    const unsigned bucket[] = {0, 10, 12, 20}; /* below 1, 1,024, 4,096, 1,048,576 us */

    for (int i = 0; i < 4; i++) {
        connpool_lease_t lease = lease_from(pool);
        rig.now_ms += used_ms[i];
        connpool_release(pool, lease);
        cr_assert(eq(u64, conn_stats(pool).use_histogram[bucket[i]], 1), "%d", i);
    }
    cr_assert(rig_ends(&rig));
}

static int destroy_with_leases(void *arg)
{
    connpool_config_t config = rig_config(&rig);
    config.name = "wires";
    connpool_t *pool = rig_start(&rig, &config);

    (void)arg;
    for (int i = 0; i < 3; i++)
        (void)lease_from(pool);
    connpool_destroy(pool);
    return rig.closed == 3 && rig.faults == 0 ? 0 : 1;
}

/* Fails when destroy forgets a connection that is lent out, or does not say so. */
Test(connpool_contract, destroy_closes_what_is_lent_out_and_tells)
{
    struct child_end end = child_run(destroy_with_leases, NULL);

    cr_assert(child_exited(&end, 0), "%s", end.errors);
    cr_assert(strstr(end.errors, "connpool: pool 'wires': destroyed with 3 connections lent out\n") != NULL,
              "%s", end.errors);
}

/* Fails when touch does not know a lease that is over, or calls it misuse. */
Test(connpool_contract, touch_knows_whether_the_lease_runs)
{
    connpool_config_t config = rig_config(&rig);
    config.overdue_ms = 10;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    cr_assert(connpool_touch(pool, lease));
    cr_assert(connpool_touch(pool, lease));
    cr_assert(connpool_release(pool, lease));
    cr_assert(not(connpool_touch(pool, lease)));
    connpool_lease_t next = lease_from(pool);
    cr_assert(not(connpool_touch(pool, lease)));
    cr_assert(connpool_touch(pool, next));
    connpool_release(pool, next);
    cr_assert(eq(u64, conn_stats(pool).misuses, 0));
    cr_assert(rig_ends(&rig));
}
