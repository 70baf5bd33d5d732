/*
 * What MyBatis' PooledDataSource and JedisPool promise, named after their own tests, where commons-pool's do
 * not say it already.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "lending.h"
#include "misuse.h"
#include "pools.h"
#include "process.h"

/* Fails when more than the bounds are in use or idle, or when the accounts count anything that did not
 * happen. */
Test(mybatis, shouldProperlyMaintainPoolOf3ActiveAnd2IdleConnections)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[3];

    config.max_open = 3;
    config.max_idle = 2;
    connpool_t *pool = rig_start(&rig, &config);
    for (uint64_t round = 1; round <= 2; round++) {
        leases_from(pool, held, 3);
        cr_assert(eq(u64, rig_stats(&rig).in_use, 3));
        cr_assert(eq(u64, rig_stats(&rig).idle, 0));
        cr_assert(eq(sz, leases_end(pool, held, 3), 2));
        connpool_stats_t stats = rig_stats(&rig);
        cr_assert(eq(u64, stats.idle, 2));
        cr_assert(eq(u64, stats.acquires, 3 * round));
        cr_assert(eq(u64, stats.closed_limit, round));
        cr_assert(eq(u64, stats.waits + stats.timeouts + stats.overdue + stats.misuses, 0));
        uint64_t uses = 0;
        for (int i = 0; i < CONNPOOL_BUCKETS; i++)
            uses += stats.use_histogram[i];
        cr_assert(eq(u64, uses, 3 * round));
    }
    cr_assert(rig_ends(&rig));
}

/* Fails when two leases of one connection are equal. */
Test(mybatis, PoppedConnectionShouldBeNotEqualToClosedConnection)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t first = lease_from(pool);
    connpool_release(pool, first);
    connpool_lease_t second = lease_from(pool);
    cr_assert(eq(ptr, first.resource, second.resource));
    cr_assert(ne(u64, first.ticket, second.ticket));
    connpool_release(pool, second);
    cr_assert(rig_ends(&rig));
}

static int end_with_leases_out(void *arg)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[10];

    (void)arg;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, 10);
    leases_end(pool, held, 5);
    connpool_destroy(pool);
    return rig.closed == 10 && rig.faults == 0 ? 0 : 1;
}

/* Fails when destroy leaves a connection open because somebody still has it, or does so in silence. */
Test(mybatis, forceCloseAllShouldRemoveAllActiveAndIdleConnection, .timeout = 60)
{
    struct child_end end = child_run(end_with_leases_out, NULL);
    cr_assert(child_exited(&end, 0), "%s", end.errors);
    cr_assert(strstr(end.errors, "'made'") != NULL && strstr(end.errors, "5") != NULL, "%s", end.errors);
}

/* Fails when the next borrower finds what the last one left: an open transaction, another database. */
Test(jedis, returnResourceShouldResetState_each_release_resets_before_anybody_else_gets_it, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrower;

    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    for (uint64_t i = 1; i <= 10; i++) {
        connpool_lease_t lease = lease_from(pool);
        cr_assert(eq(u64, rig.resets, 2 * i - 2));
        borrower_queue(&borrower, pool, NULL, FOR_EVER);
        cr_assert(connpool_release(pool, lease));
        cr_assert(eq(int, borrower_end(&borrower), 0));
        cr_assert(eq(u64, rig.resets, 2 * i - 1), "for a waiter as well");
        cr_assert(connpool_release(pool, borrower.lease));
    }
    cr_assert(eq(u64, rig_stats(&rig).opens, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when what is closed anyway is reset first, by a connection that may not answer. */
Test(jedis, returnResourceDestroysResourceOnException_a_marked_connection_is_not_reset)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    connpool_mark_unusable(pool, lease);
    cr_assert(not(connpool_release(pool, lease)));
    cr_assert(eq(u64, rig.resets, 0));
    cr_assert(eq(u64, rig.closed, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when a broken connection that is released twice is closed twice. */
Test(jedis, closeBrokenResourceTwice_it_is_closed_once_and_the_second_release_is_named)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct misuse_record misuse;

    misuse_record(&misuse);
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    connpool_mark_unusable(pool, lease);
    cr_assert(not(connpool_release(pool, lease)));
    cr_assert(not(connpool_release(pool, lease)));
    cr_assert(eq(u32, misuse.calls, 1));
    cr_assert(eq(u64, rig.closed, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when in use is not what is in use. */
Test(jedis, getNumActiveReturnsTheCorrectNumber_also_when_the_pool_is_closed)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[2];

    connpool_t *pool = rig_start(&rig, &config);
    for (uint64_t i = 0; i < 2; i++) {
        held[i] = lease_from(pool);
        cr_assert(eq(u64, rig_stats(&rig).in_use, i + 1));
    }
    cr_assert(connpool_release(pool, held[0]));
    cr_assert(eq(u64, rig_stats(&rig).in_use, 1));
    cr_assert(eq(int, connpool_close(pool, 0), -ETIMEDOUT));
    cr_assert(eq(u64, rig_stats(&rig).in_use, 1));
    cr_assert(not(connpool_release(pool, held[1])));
    cr_assert(eq(u64, rig_stats(&rig).in_use, 0));
    cr_assert(rig_ends(&rig));
}
