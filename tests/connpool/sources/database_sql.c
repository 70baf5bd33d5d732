/*
 * What Go's database/sql promises of its pool, named after its own tests (sql_test.go).
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "lending.h"
#include "pools.h"
#include "worker.h"

/* Fails when a bound that is lowered leaves idle connections above it, or a release goes beyond it. */
Test(sql, TestMaxIdleConns_lowering_the_bound_closes_idle_connections_now)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_t *pool = rig_start(&rig, &config);

    cr_assert(connpool_release(pool, lease_from(pool)));
    cr_assert(eq(u64, rig_stats(&rig).idle, 1));
    cr_assert(eq(int, connpool_resize(pool, 16, 0, 0), 0));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.idle, 0));
    cr_assert(eq(u64, stats.closed_limit, 1));
    cr_assert(not(connpool_release(pool, lease_from(pool))), "none may be idle");
    cr_assert(eq(u64, rig_stats(&rig).open, 0));
    cr_assert(rig_ends(&rig));
}

/* Fails when waiters open connections of their own, or when a wider bound opens any by itself. */
Test(sql, TestMaxOpenConns_any_number_of_threads_opens_no_more_than_the_bound, .timeout = 120)
{
    enum { OPEN = 10, WAITERS = 40 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[OPEN];
    static struct borrower borrowers[WAITERS];

    config.max_open = OPEN;
    config.max_idle = OPEN;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, OPEN);
    borrowers_queue(borrowers, WAITERS, pool, NULL);
    leases_end(pool, held, OPEN);
    for (int i = 0; i < WAITERS; i++) {
        cr_assert(eq(int, borrower_end(&borrowers[i]), 0));
        connpool_release(pool, borrowers[i].lease);
    }
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.opens, OPEN));
    cr_assert(eq(u64, stats.idle, OPEN));
    cr_assert(eq(u64, stats.waits, WAITERS));

    cr_assert(eq(int, connpool_resize(pool, 5, 5, 0), 0));
    cr_assert(eq(u64, rig_stats(&rig).idle, 5));
    cr_assert(eq(int, connpool_resize(pool, 100, 5, 0), 0));
    stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.idle, 5));
    cr_assert(eq(u64, stats.opens, OPEN));
    cr_assert(rig_ends(&rig));
}

/* Fails when what is lent out is closed under its borrower, or stays beyond the new bound. */
Test(sql, TestMaxOpenConnsOnBusy_what_is_above_a_lowered_bound_is_closed_when_released)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[3];

    config.max_open = 3;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, 3);
    cr_assert(eq(int, connpool_resize(pool, 2, 2, 0), 0));
    cr_assert(eq(u64, rig_stats(&rig).open, 3), "all are in use");
    cr_assert(eq(int, try_lease(pool), -EAGAIN));
    cr_assert(eq(sz, leases_end(pool, held, 3), 2));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open, 2));
    cr_assert(eq(u64, stats.closed_limit, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when an open that fails wakes nobody, so that those behind it wait for ever. */
Test(sql, TestPendingConnsAfterErr_failing_opens_leave_nobody_waiting, .timeout = 120)
{
    enum { OPEN = 2, TAKERS = 2 * OPEN + 2 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[TAKERS];

    config.max_open = OPEN;
    config.max_idle = 0;
    connpool_t *pool = rig_start(&rig, &config);
    rig.holds = true;
    rig.refuses = -ECONNREFUSED;
    for (int i = 0; i < OPEN; i++)
        borrower_start(&borrowers[i], pool, NULL, FOR_EVER);
    await_opening(pool, OPEN);
    borrowers_queue(borrowers + OPEN, TAKERS - OPEN, pool, NULL);
    rig.holds = false;
    for (int i = 0; i < TAKERS; i++)
        cr_assert(eq(int, borrower_end(&borrowers[i]), -ECONNREFUSED));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open, 0));
    cr_assert(eq(u64, stats.opening, 0));
    cr_assert(eq(u64, stats.waiters, 0));

    rig.refuses = 0;
    rig.now_ms += SECOND; /* beyond any back-off */
    connpool_lease_t held[OPEN];
    leases_from(pool, held, OPEN);
    leases_end(pool, held, OPEN);
    cr_assert(rig_ends(&rig));
}

/* Fails when a release leaves its slot taken. */
Test(sql, TestSingleOpenConn_one_connection_serves_any_number_of_uses)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    for (int i = 0; i < 1000; i++)
        cr_assert(eq(int, try_lease(pool), 0));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.opens, 1));
    cr_assert(eq(u64, stats.hits, 999));
    cr_assert(rig_ends(&rig));
}

/* Fails when create opens by itself, or when close leaves something in the accounts. */
Test(sql, TestStats_nothing_is_open_before_the_first_use_and_after_close)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    connpool_t *pool = rig_start(&rig, &config);
    cr_assert(eq(u64, rig_stats(&rig).open, 0));
    connpool_release(pool, lease_from(pool));
    cr_assert(eq(u64, rig_stats(&rig).open, 1));
    cr_assert(eq(int, connpool_close(pool, 0), 0));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open, 0));
    cr_assert(eq(u64, stats.closed_end, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when the age of one connection ends another, or when one is lent out that is too old. */
Test(sql, TestConnMaxLifetime_only_what_is_too_old_is_replaced)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.max_lifetime_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t first = lease_from(pool);
    rig.now_ms += SECOND;
    connpool_lease_t second = lease_from(pool);
    cr_assert(connpool_release(pool, first));
    cr_assert(connpool_release(pool, second));
    cr_assert(eq(u64, rig_stats(&rig).idle, 2));

    cr_assert(eq(sz, rig_pass(&rig, 9 * SECOND + SECOND / 2), 1));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_old, 1));
    connpool_lease_t held[2];
    leases_from(pool, held, 2);
    cr_assert(eq(ptr, held[0].resource, second.resource));
    cr_assert(eq(u64, rig_stats(&rig).opens, 3));
    leases_end(pool, held, 2);
    cr_assert(rig_ends(&rig));
}

/* Fails when a waiter is given what had become unfit while it was lent out, or gets nothing in its place. */
static void fresh_out_of_the_pool(bool is_old, bool is_dirty)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrower;

    config.max_open = 1;
    config.max_lifetime_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    borrower_queue(&borrower, pool, NULL, FOR_EVER);
    rig.now_ms += is_old ? 11 * SECOND : 0;
    connection_of(lease)->is_dirty = is_dirty;
    bool is_kept = connpool_release(pool, lease);
    cr_assert(eq(int, borrower_end(&borrower), 0));
    cr_assert(eq(int, is_kept, !is_old && !is_dirty));
    cr_assert(eq(int, borrower.lease.resource == lease.resource, is_kept));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_old, is_old));
    cr_assert(eq(u64, stats.closed_reset, is_dirty));
    cr_assert(connpool_release(pool, borrower.lease));
    cr_assert(rig_ends(&rig));
}

Test(sql, TestConnExpiresFreshOutOfPool_a_waiter_gets_a_new_one_for_what_became_unfit, .timeout = 60)
{
    fresh_out_of_the_pool(false, false);
    fresh_out_of_the_pool(true, false);
    fresh_out_of_the_pool(false, true);
}

/* Fails when acquire gives up after so many dead ones: database/sql asks three times. */
Test(sql, TestManyErrBadConn_any_number_of_dead_idle_connections_is_passed_over)
{
    enum { COUNT = 12 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[COUNT];

    config.flags |= CONNPOOL_CHECK_ON_ACQUIRE;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, COUNT);
    for (int i = 0; i < COUNT; i++)
        connection_of(held[i])->is_dead = true;
    cr_assert(eq(sz, leases_end(pool, held, COUNT), COUNT));
    connpool_lease_t lease = lease_from(pool);
    cr_assert(eq(u64, connection_of(lease)->number, COUNT + 1));
    cr_assert(eq(u64, rig_stats(&rig).closed_check, COUNT));
    connpool_release(pool, lease);
    cr_assert(rig_ends(&rig));
}

/* Fails when what is thrown away keeps its slot. */
Test(sql, TestErrBadConnReconnect_a_bad_connection_costs_no_slot)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.max_open = 2;
    connpool_t *pool = rig_start(&rig, &config);
    for (uint64_t i = 1; i <= 100; i++) {
        connpool_lease_t lease = lease_from(pool);
        connpool_mark_unusable(pool, lease);
        cr_assert(not(connpool_release(pool, lease)));
        connpool_stats_t stats = rig_stats(&rig);
        cr_assert(eq(u64, stats.open, 0));
        cr_assert(eq(u64, stats.closed_unusable, i));
    }
    cr_assert(rig_ends(&rig));
}

/* Fails when an open that ends when all others are idle again is forgotten, or goes beyond max_idle. */
Test(sql, TestConnectionLeak_an_open_that_ends_late_is_accounted_for, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[2];
    struct borrower borrower;

    config.max_open = 3;
    config.max_idle = 2;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, 2);
    rig.holds = true;
    borrower_start(&borrower, pool, NULL, FOR_EVER);
    await_opening(pool, 1);
    cr_assert(eq(sz, leases_end(pool, held, 2), 2));
    rig.holds = false;
    cr_assert(eq(int, borrower_end(&borrower), 0));
    cr_assert(not(connpool_release(pool, borrower.lease)), "two are idle already");
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.idle, 2));
    cr_assert(eq(u64, stats.closed_limit, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when a bound that is not reached closes, or one that is reached closes more than the one released. */
static void uses_one_at_a_time(size_t max_idle, uint64_t closes)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.max_open = 1;
    config.max_idle = max_idle;
    connpool_t *pool = rig_start(&rig, &config);
    for (int i = 0; i < 10; i++)
        connpool_release(pool, lease_from(pool));
    cr_assert(eq(u64, rig_stats(&rig).closed_limit, closes));
    cr_assert(rig_ends(&rig));
}

Test(sql, TestStatsMaxIdleClosedZero_a_bound_that_is_not_reached_closes_none)
{
    uses_one_at_a_time(1, 0);
}

Test(sql, TestStatsMaxIdleClosedTen_each_release_over_the_bound_closes_one)
{
    uses_one_at_a_time(0, 10);
}

/* Fails when the one used last is not the next to be used, so that all stay young and none ever goes. */
Test(sql, TestMaxIdleTime_the_few_in_use_stay_and_the_others_go)
{
    enum { USED = 5, REUSED = 2 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[USED];

    MUST(run_on_cpu(0)); /* the last released of its CPU comes first */
    config.idle_timeout_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, USED);
    leases_end(pool, held, USED);
    for (int i = 0; i < 3; i++) {
        cr_assert(eq(sz, rig_pass(&rig, 3 * SECOND), 0));
        leases_from(pool, held, REUSED);
        leases_end(pool, held, REUSED);
    }
    cr_assert(eq(sz, rig_pass(&rig, 3 * SECOND), USED - REUSED));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_idle, USED - REUSED));
    cr_assert(eq(u64, stats.idle, REUSED));
    cr_assert(rig_ends(&rig));
}

/* Fails when who gave up waiting keeps a place in the queue, and takes a connection with it. */
Test(sql, TestPoolExhaustOnCancel_who_gave_up_takes_nothing_with_him, .timeout = 60)
{
    enum { OPEN = 3 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[OPEN], lease;

    config.max_open = OPEN;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, OPEN);
    for (int i = 0; i < OPEN; i++)
        cr_assert(eq(int, connpool_acquire(pool, 1, &lease), -ETIMEDOUT));
    cr_assert(eq(sz, leases_end(pool, held, OPEN), OPEN));
    for (int i = 0; i < OPEN; i++)
        cr_assert(eq(int, connpool_acquire(pool, 0, &held[i]), 0));
    cr_assert(eq(u64, rig_stats(&rig).timeouts, OPEN));
    cr_assert(eq(sz, leases_end(pool, held, OPEN), OPEN));
    cr_assert(rig_ends(&rig));
}
