/*
 * What HikariCP promises, named after its own tests: its house keeper, its leak detection, and a server that
 * is gone. Its ConcurrentBag is in hikaricp_bag.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "lending.h"
#include "process.h"
#include "until.h"

/* Fails when one that is idle for long is not checked, is checked at every look, or is closed though alive.
 */
Test(hikaricp, testKeepalive_an_idle_connection_is_checked_at_intervals)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.check_interval_ms = 5 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_release(pool, lease_from(pool));
    for (int i = 0; i < 60; i++)
        rig_pass(&rig, SECOND);
    cr_assert(ge(u64, rig.checks, 60 / 7));
    cr_assert(le(u64, rig.checks, 60 / 5));
    cr_assert(eq(u64, rig_stats(&rig).idle, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when one that its check calls dead stays idle, or when one that is lent out is checked. */
Test(hikaricp, testKeepalive2_a_dead_idle_connection_goes_before_anybody_gets_it)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.check_interval_ms = 5 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t used = lease_from(pool);
    connpool_lease_t idle = lease_from(pool);
    connection_of(used)->is_dead = connection_of(idle)->is_dead = true;
    connpool_release(pool, idle);
    cr_assert(eq(sz, rig_pass(&rig, 6 * SECOND), 1));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_check, 1));
    cr_assert(eq(u64, stats.in_use, 1));
    cr_assert(eq(u64, rig.checks, 1));
    connpool_release(pool, used);
    cr_assert(rig_ends(&rig));
}

/* Fails when the keeper opens too few, too many, or when min_idle counts those that are lent out. */
Test(hikaricp, testConnectionIdleFill_the_keeper_opens_ahead_up_to_the_bound)
{
    enum { LENT = 7, OPEN = 10 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[LENT];

    config.max_open = OPEN;
    config.min_idle = 5;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, LENT);
    cr_assert(eq(sz, rig_pass(&rig, SECOND), OPEN - LENT));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open, OPEN));
    cr_assert(eq(u64, stats.idle, OPEN - LENT));
    cr_assert(eq(sz, leases_end(pool, held, LENT), LENT));
    cr_assert(eq(u64, rig_stats(&rig).idle, OPEN));
    cr_assert(rig_ends(&rig));
}

/* Fails when what was thrown away is not replaced: testBackfill with one, testEvictAllRefill with all. */
Test(hikaricp, testEvictAllRefill_min_idle_comes_back_after_all_were_thrown_away)
{
    static const size_t counts[] = {1, 5};
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        connpool_config_t config = rig_config_full(&rig);
        connpool_lease_t held[5];

        config.min_idle = counts[i];
        connpool_t *pool = rig_start(&rig, &config);
        cr_assert(eq(sz, connpool_keep(pool), counts[i]));
        leases_from(pool, held, counts[i]);
        for (size_t j = 0; j < counts[i]; j++)
            connpool_mark_unusable(pool, held[j]);
        cr_assert(eq(sz, leases_end(pool, held, counts[i]), 0));
        cr_assert(eq(u64, rig_stats(&rig).open, 0));
        rig_pass(&rig, SECOND);
        cr_assert(eq(u64, rig_stats(&rig).idle, counts[i]));
        cr_assert(rig_ends(&rig));
    }
}

/* Fails when the peak of a day stays open all night, or when less than min_idle is left. */
Test(hikaricp, rampUpDownTest_idle_connections_shrink_to_min_idle_after_a_peak)
{
    enum { PEAK = 60, LEAST = 5 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[PEAK];

    config.max_open = PEAK;
    config.min_idle = LEAST;
    config.idle_timeout_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, PEAK);
    leases_end(pool, held, PEAK);
    for (int i = 0; i < 30; i++) {
        rig_pass(&rig, SECOND);
        cr_assert(ge(u64, rig_stats(&rig).idle, LEAST));
    }
    cr_assert(eq(u64, rig_stats(&rig).idle, LEAST));
    cr_assert(rig_ends(&rig));
}

/* Fails when create needs the server, when one that is gone is asked at every look, or its return is missed.
 */
Test(hikaricp, testInitializationFailure_a_server_that_is_gone_is_asked_ever_more_rarely)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.min_idle = 3;
    rig.refuses = -ECONNREFUSED;
    rig_start(&rig, &config);
    for (int i = 0; i < 6000; i++)
        rig_pass(&rig, 10);
    /* 100 ms, 200, ... 3,200, then 5,000, each with up to a quarter less: 16 to 21 in a minute. */
    cr_assert(ge(u64, rig.asked, 16));
    cr_assert(le(u64, rig.asked, 24));
    cr_assert(eq(u64, rig_stats(&rig).open, 0));
    rig.refuses = 0;
    for (int i = 0; i < 510; i++)
        rig_pass(&rig, 10);
    cr_assert(eq(u64, rig_stats(&rig).idle, 3));
    cr_assert(rig_ends(&rig));
}

/*
 * HikariCP's borrower waits for the server until its timeout; ours is told at once, so that a server can
 * answer 503. Fails when it is not, when each acquire asks a server that is gone, or when its return is
 * missed.
 */
Test(hikaricp, testConnectionRetries_a_refusal_is_told_at_once_and_asked_again_after_the_backoff)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    connpool_t *pool = rig_start(&rig, &config);
    rig.refuses = -ECONNREFUSED;
    for (int i = 0; i < 50; i++)
        cr_assert(eq(int, try_lease(pool), -ECONNREFUSED));
    cr_assert(eq(u64, rig.asked, 1));
    rig.refuses = 0;
    cr_assert(eq(int, try_lease(pool), -ECONNREFUSED), "not asked yet");
    rig.now_ms += 100;
    cr_assert(eq(int, try_lease(pool), 0));
    cr_assert(eq(u64, rig.asked, 2));
    cr_assert(rig_ends(&rig));
}

/* Fails when an overdue lease is not reported, is reported again and again, or though it was touched. */
Test(hikaricp, testLeakDetection_an_overdue_lease_is_reported_once)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.overdue_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lost = lease_from(pool);
    connpool_lease_t busy = lease_from(pool);
    for (int i = 0; i < 40; i++) {
        rig_pass(&rig, SECOND);
        cr_assert(connpool_touch(pool, busy));
    }
    cr_assert(eq(u64, rig.reports, 1));
    cr_assert(strstr(rig.report, "'made'") != NULL, "%s", rig.report);
    cr_assert(strchr(rig.report, '\n') == NULL);
    cr_assert(eq(u64, rig_stats(&rig).overdue, 1));
    cr_assert(connpool_release(pool, lost), "it was only reported");
    cr_assert(connpool_release(pool, busy));

    lost = lease_from(pool);
    rig_pass(&rig, 11 * SECOND);
    cr_assert(eq(u64, rig.reports, 2), "another lease is another report");
    cr_assert(connpool_release(pool, lost));
    cr_assert(rig_ends(&rig));
}

/* Fails when an open that ends after close leaves its connection behind, or lends it out. */
Test(hikaricp, testShutdown1_what_is_being_opened_when_the_pool_closes_is_closed, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[3];

    connpool_t *pool = rig_start(&rig, &config);
    rig.holds = true;
    for (int i = 0; i < 3; i++)
        borrower_start(&borrowers[i], pool, NULL, FOR_EVER);
    await_opening(pool, 3);
    connpool_close(pool, 0);
    rig.holds = false;
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, borrower_end(&borrowers[i]), -ESHUTDOWN));
    cr_assert(eq(int, connpool_close(pool, FOR_EVER), 0));
    cr_assert(eq(u64, rig.opened, 3));
    cr_assert(eq(u64, rig.closed, 3));
    cr_assert(rig_ends(&rig));
}

/* Fails when a pool's keeper outlives it. */
Test(hikaricp, testHouseKeeperCleanup_a_destroyed_pool_leaves_no_thread, .timeout = 60)
{
    size_t before = entry_count("/proc/self/task");
    for (int round = 0; round < 20; round++) {
        struct rig rigs[2];
        for (int i = 0; i < 2; i++) {
            connpool_config_t config = rig_config_full(&rigs[i]);
            config.flags = 0;
            config.min_idle = (size_t)round % 3;
            rig_start(&rigs[i], &config);
        }
        cr_assert(eq(int, try_lease(rigs[0].pool), 0));
        cr_assert(rig_destroy(&rigs[0]));
        cr_assert(rig_destroy(&rigs[1]));
        /* A thread that was joined leaves the list when the kernel has come to it. */
        WAIT_UNTIL(entry_count("/proc/self/task") == before);
    }
}
