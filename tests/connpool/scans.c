/*
 * What a look at all slots finds. The pools lend by use, so that no guess comes before the look.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>

#include "lending.h"
#include "pools.h"

static struct rig rig;

TestSuite(connpool_scans, .timeout = 100);

static connpool_t *pool_of(size_t max_open)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = max_open;
    config.order = CONNPOOL_LRU;
    return rig_start(&rig, &config);
}

static void acquire_all(connpool_t *pool, connpool_lease_t *lease, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lease[i] = lease_from(pool);
}

/* Fails when a slot at the edge of a group is passed over, or one whose neighbours are closed. */
Test(connpool_scans, find_what_is_idle_among_slots_that_were_open_once)
{
    enum { COUNT = 200 };
    static const size_t left[] = {0, 1, 63, 64, 127, 128, 191, 192, 199};
    enum { LEFT = sizeof left / sizeof left[0] };
    connpool_t *pool = pool_of(COUNT);
    connpool_lease_t lease[COUNT], again[LEFT];

    acquire_all(pool, lease, COUNT);
    for (size_t i = 0, next = 0; i < COUNT; i++) {
        if (next < LEFT && left[next] == i)
            next++;
        else
            connpool_mark_unusable(pool, lease[i]);
        connpool_release(pool, lease[i]);
    }
    cr_assert(eq(u64, conn_stats(pool).idle, LEFT));
    acquire_all(pool, again, LEFT);
    cr_assert(eq(u64, rig.opened, COUNT), "an idle one was not found");
    for (size_t i = 0; i < LEFT; i++) {
        cr_assert(eq(u64, connection_of(again[i])->number, left[i] + 1));
        connpool_release(pool, again[i]);
    }
    cr_assert(rig_ends(&rig));
}

/* Fails when a slot that was closed and opened again is not looked at, or given twice. */
Test(connpool_scans, find_what_is_idle_in_slots_that_were_opened_again)
{
    enum { COUNT = 130 };
    connpool_t *pool = pool_of(COUNT);
    connpool_lease_t lease[COUNT];

    acquire_all(pool, lease, COUNT);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++)
            if (i % 3 != 0) {
                connpool_mark_unusable(pool, lease[i]);
                connpool_release(pool, lease[i]);
                lease[i] = lease_from(pool);
            }
        uint64_t opened = rig.opened;
        for (size_t i = 0; i < COUNT; i++)
            connpool_release(pool, lease[i]);
        acquire_all(pool, lease, COUNT);
        cr_assert(eq(u64, rig.opened, opened), "an idle one was not found");
    }
    for (size_t i = 0; i < COUNT; i++)
        connpool_release(pool, lease[i]);
    cr_assert(rig_ends(&rig));
}

static void assert_none_is_free(connpool_t *pool)
{
    connpool_lease_t lease;

    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, connpool_acquire(pool, 0, &lease), -EAGAIN));
}

/* A pool of two whose only idle one is being checked by the keeper. */
static connpool_t *pool_in_check;

static bool check_that_looks_on(void *resource, void *arg)
{
    (void)resource;
    (void)arg;
    assert_none_is_free(pool_in_check);
    return true;
}

/* Fails when those who were refused have it noted that none is idle, and one way back does not clear that. */
Test(connpool_scans, find_what_came_back_after_others_were_refused)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 2;
    config.order = CONNPOOL_LRU;
    config.check = check_that_looks_on;
    config.check_interval_ms = 1000;

    for (int resets = 0; resets < 2; resets++) { /* a release with a reset makes idle in another place */
        config.reset = resets ? rig_reset : NULL;
        connpool_t *pool = pool_in_check = rig_start(&rig, &config);
        connpool_lease_t lease[2] = {lease_from(pool), lease_from(pool)};
        assert_none_is_free(pool);
        connpool_release(pool, lease[0]);
        lease[0] = lease_from(pool);
        assert_none_is_free(pool);
        connpool_release(pool, lease[1]);
        connpool_release(pool, lease[0]);
        lease[1] = lease_from(pool);
        rig.now_ms += 2000;
        cr_assert(eq(u64, connpool_keep(pool), 0));
        lease[0] = lease_from(pool);
        cr_assert(eq(u64, conn_stats(pool).opens, 2));
        connpool_release(pool, lease[0]);
        connpool_release(pool, lease[1]);
        MUST(connpool_close(pool, 0) == 0);
        connpool_destroy(pool);
    }
}

/* Fails when who waits for another key's is not seen by a release, or the look by one key is taken for all.
 */
Test(connpool_scans, of_one_key_say_nothing_of_another)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 2;
    config.max_open_per_key = 1;
    config.order = CONNPOOL_LRU;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t a = lease_of(pool, "a"), b = lease_of(pool, "b");
    struct borrower waiter;

    assert_none_is_free(pool);
    connpool_release(pool, b);
    cr_assert(eq(int, connpool_acquire_key(pool, "a", 1, 0, &b), -EAGAIN)); /* at its limit; b's is idle */
    b = lease_of(pool, "b");
    cr_assert(eq(u64, conn_stats(pool).opens, 2));
    borrower_start(&waiter, pool, "a", FOR_EVER);
    cr_assert(eq(int, connpool_acquire_key(pool, "b", 1, 0, &b), -EAGAIN));
    connpool_release(pool, a);
    cr_assert(eq(int, borrower_end(&waiter), 0));
    connpool_release(pool, waiter.lease);
    connpool_release(pool, b);
    cr_assert(rig_ends(&rig));
}

/* Fails when the number of no slot is given out, or each open looks at all that are open: 2^32 looks then. */
Test(connpool_scans, all_connections_that_a_pool_may_have)
{
    connpool_t *pool = pool_of(CONNPOOL_MAX_OPEN);
    connpool_lease_t *lease = malloc(CONNPOOL_MAX_OPEN * sizeof *lease);

    MUST(lease != NULL);
    acquire_all(pool, lease, CONNPOOL_MAX_OPEN);
    assert_none_is_free(pool);
    cr_assert(eq(u64, conn_stats(pool).in_use, CONNPOOL_MAX_OPEN));
    connpool_release(pool, lease[CONNPOOL_MAX_OPEN - 1]);
    lease[CONNPOOL_MAX_OPEN - 1] = lease_from(pool);
    cr_assert(eq(u64, rig.opened, CONNPOOL_MAX_OPEN));
    for (size_t i = 0; i < CONNPOOL_MAX_OPEN; i++)
        connpool_release(pool, lease[i]);
    free(lease);
    cr_assert(rig_ends(&rig));
}
