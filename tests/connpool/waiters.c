/*
 * Who waits is served in order of arrival, once, or not at all. The order is made by starting one only when
 * the last is in the queue.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "lending.h"
#include "pools.h"

static struct rig rig;

/* A wake-up that is lost ends the test all the same. */
TestSuite(connpool_waiters, .timeout = 500);

enum { CROWD = 8 };

static connpool_t *pool_of(size_t max_open, size_t max_waiters)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = max_open;
    config.max_waiters = max_waiters;
    return rig_start(&rig, &config);
}

/* Fails when anybody is served out of turn, by a release or by a close. */
Test(connpool_waiters, are_served_in_order_of_arrival)
{
    connpool_t *pool = pool_of(1, SIZE_MAX);
    connpool_lease_t lease = lease_from(pool);
    struct borrower crowd[CROWD];

    for (int i = 0; i < CROWD; i++)
        borrower_queue(&crowd[i], pool, NULL, FOR_EVER);
    for (int i = 0; i < CROWD; i++) {
        if (i % 2 == 1)
            connpool_mark_unusable(pool, lease); /* then it is room that is passed on */
        connpool_release(pool, lease);
        cr_assert(eq(int, borrower_end(&crowd[i]), 0));
        for (int j = i + 1; j < CROWD; j++)
            cr_assert(not(crowd[j].is_back), "%d was served before %d", j, i);
        lease = crowd[i].lease;
    }
    connpool_release(pool, lease);
    connpool_stats_t stats = conn_stats(pool);
    cr_assert(eq(u64, stats.waits, CROWD));
    cr_assert(eq(u64, stats.hits, 0));
    cr_assert(eq(u64, stats.waiters, 0));
    uint64_t timed = 0;
    for (int i = 0; i < CONNPOOL_BUCKETS; i++)
        timed += stats.wait_histogram[i];
    cr_assert(eq(u64, timed, CROWD));
    cr_assert(rig_ends(&rig));
}

static _Thread_local struct borrower *comes_in_release;

/* The clock of a release, read after it has looked who waits and before it makes its connection idle. */
static void let_the_guest_in(struct rig *ours)
{
    struct borrower *guest = comes_in_release;

    comes_in_release = NULL;
    if (guest != NULL) {
        borrower_queue(guest, ours->pool, NULL, 200000);
        /* It has looked at every word, too: that it did under the lock, which this takes. */
        MUST(connpool_resize(ours->pool, 1, SIZE_MAX, 0) == 0);
    }
}

/* Fails when a release does not look again, and the one who came in between sleeps beside an idle connection.
 */
Test(connpool_waiters, one_who_comes_in_the_middle_of_a_release_is_served_by_it)
{
    struct borrower guest;
    connpool_config_t config = rig_config(&rig);
    config.max_open = 1;
    rig.on_clock = let_the_guest_in;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);

    comes_in_release = &guest;
    cr_assert(connpool_release(pool, lease));
    cr_assert(eq(ptr, comes_in_release, NULL));
    cr_assert(eq(int, borrower_end(&guest), 0));
    connpool_release(pool, guest.lease);
    cr_assert(rig_ends(&rig));
}

/* Fails when a connection goes to one whose time was over, and is lost with it. */
Test(connpool_waiters, one_whose_time_is_over_is_never_served)
{
    connpool_t *pool = pool_of(1, SIZE_MAX);
    connpool_lease_t lease = lease_from(pool);
    struct borrower late, patient;

    borrower_queue(&patient, pool, NULL, FOR_EVER);
    /* Not by borrower_start: it may be gone before it was seen. */
    late = (struct borrower){.error = connpool_acquire(pool, 20, &late.lease)};
    cr_assert(eq(int, late.error, -ETIMEDOUT));
    cr_assert(eq(u64, conn_stats(pool).waiters, 1));
    connpool_release(pool, lease);
    cr_assert(eq(int, borrower_end(&patient), 0));
    connpool_release(pool, patient.lease);
    cr_assert(eq(u64, conn_stats(pool).idle, 1));
    cr_assert(rig_ends(&rig));
}

/* Three wait, of whom `leaving` leaves when his time is over. False: the machine was too slow for so short a
 * time, and he had left before all three were there. */
static bool one_of_three_leaves(connpool_t *pool, int leaving, uint32_t timeout_ms)
{
    connpool_lease_t lease = lease_from(pool);
    struct borrower waiter[3];

    for (int i = 0; i < 3; i++)
        borrower_queue(&waiter[i], pool, NULL, i == leaving ? timeout_ms : FOR_EVER);
    bool was_there = conn_stats(pool).waiters == 3;
    cr_assert(eq(int, borrower_end(&waiter[leaving]), -ETIMEDOUT));
    for (int i = 0; i < 3; i++) {
        if (i == leaving)
            continue;
        connpool_release(pool, lease);
        cr_assert(eq(int, borrower_end(&waiter[i]), 0));
        lease = waiter[i].lease;
    }
    connpool_release(pool, lease);
    return was_there;
}

/* Fails when one whose time is over takes others out of the queue with it: it leaves the front, the middle,
 * the end. */
Test(connpool_waiters, may_leave_the_queue_anywhere)
{
    for (int leaving = 0; leaving < 3; leaving++) {
        connpool_t *pool = pool_of(1, SIZE_MAX);

        for (uint32_t timeout_ms = 100; !one_of_three_leaves(pool, leaving, timeout_ms); timeout_ms *= 2)
            MUST(timeout_ms < UINT32_MAX / 2);
        cr_assert(rig_ends(&rig));
    }
}

/* Fails when max_waiters is no limit, or is one too few. */
Test(connpool_waiters, more_than_max_waiters_are_refused)
{
    connpool_t *pool = pool_of(1, 2);
    connpool_lease_t lease = lease_from(pool), none;
    struct borrower waiter[2];

    borrower_queue(&waiter[0], pool, NULL, FOR_EVER);
    borrower_queue(&waiter[1], pool, NULL, FOR_EVER);
    cr_assert(eq(int, connpool_acquire(pool, FOR_EVER, &none), -ENOBUFS));
    cr_assert(eq(int, connpool_acquire(pool, 0, &none), -EAGAIN));
    cr_assert(eq(u64, conn_stats(pool).refusals, 1));
    for (int i = 0; i < 2; i++) {
        connpool_release(pool, lease);
        cr_assert(eq(int, borrower_end(&waiter[i]), 0));
        lease = waiter[i].lease;
    }
    connpool_release(pool, lease);
    cr_assert(rig_ends(&rig));
}

/* Fails when somebody who comes later takes what was given to who waited. */
Test(connpool_waiters, are_not_overtaken)
{
    connpool_t *pool = pool_of(1, SIZE_MAX);
    connpool_lease_t lease = lease_from(pool), none;
    struct borrower waiter;

    for (int i = 0; i < 200; i++) {
        borrower_queue(&waiter, pool, NULL, FOR_EVER);
        cr_assert(connpool_release(pool, lease));
        /* The waiter may not have woken yet; it has the connection all the same. */
        cr_assert(eq(int, connpool_acquire(pool, 0, &none), -EAGAIN));
        cr_assert(eq(int, borrower_end(&waiter), 0));
        lease = waiter.lease;
    }
    connpool_release(pool, lease);
    cr_assert(rig_ends(&rig));
}

/* Fails when the room of an open that failed is lost to those who wait behind. */
Test(connpool_waiters, get_the_room_of_an_open_that_failed)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 1;
    config.backoff_ms = 0;
    config.backoff_most_ms = 0;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    struct borrower crowd[CROWD];

    for (int i = 0; i < CROWD; i++)
        borrower_queue(&crowd[i], pool, NULL, FOR_EVER);
    rig.refuses = -ECONNRESET;
    connpool_mark_unusable(pool, lease);
    connpool_release(pool, lease);
    for (int i = 0; i < CROWD; i++)
        cr_assert(eq(int, borrower_end(&crowd[i]), -ECONNRESET), "%d", i);
    cr_assert(eq(u64, conn_stats(pool).open_failures, CROWD));
    rig.refuses = 0;
    connpool_release(pool, lease_from(pool));
    cr_assert(rig_ends(&rig));
}

/* Fails when those who wait for a server that is gone each ask it again, or sleep on. */
Test(connpool_waiters, hear_at_once_that_the_server_is_gone)
{
    connpool_t *pool = pool_of(1, SIZE_MAX);
    connpool_lease_t lease = lease_from(pool);
    struct borrower crowd[CROWD];

    for (int i = 0; i < CROWD; i++)
        borrower_queue(&crowd[i], pool, NULL, FOR_EVER);
    rig.refuses = -ECONNREFUSED;
    connpool_mark_unusable(pool, lease);
    connpool_release(pool, lease);
    for (int i = 0; i < CROWD; i++)
        cr_assert(eq(int, borrower_end(&crowd[i]), -ECONNREFUSED), "%d", i);
    cr_assert(eq(u64, conn_stats(pool).open_failures, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when a dead connection handed to one that waits costs it its turn. */
Test(connpool_waiters, keep_their_turn_when_what_they_get_is_dead)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 1;
    config.flags |= CONNPOOL_CHECK_ON_ACQUIRE;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    struct borrower waiter[2];

    borrower_queue(&waiter[0], pool, NULL, FOR_EVER);
    borrower_queue(&waiter[1], pool, NULL, FOR_EVER);
    connection_of(lease)->is_dead = true;
    connpool_release(pool, lease);
    cr_assert(eq(int, borrower_end(&waiter[0]), 0));
    cr_assert(eq(u64, connection_of(waiter[0].lease)->number, 2));
    cr_assert(not(waiter[1].is_back));
    connpool_release(pool, waiter[0].lease);
    cr_assert(eq(int, borrower_end(&waiter[1]), 0));
    connpool_release(pool, waiter[1].lease);
    cr_assert(eq(u64, conn_stats(pool).closed_check, 1));
    cr_assert(rig_ends(&rig));
}
