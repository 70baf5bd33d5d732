/*
 * What MyBatis' PooledDataSource and JedisPool promise, named after their own tests, where commons-pool's do
 * not say it already.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "host.h"
#include "misuse.h"
#include "pools.h"
#include "process.h"

/* Fails when more than the bounds are in use or idle, or when the accounts count anything that did not
 * happen. */
Test(mybatis, shouldProperlyMaintainPoolOf3ActiveAnd2IdleConnections)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[3];

    config.max_open = 3;
    config.max_idle = 2;
    host_start(&host, &config);
    for (uint64_t round = 1; round <= 2; round++) {
        take_many(&host, held, 3);
        cr_assert(eq(u64, host_stats(&host).in_use, 3));
        cr_assert(eq(u64, host_stats(&host).idle, 0));
        cr_assert(eq(sz, give_many(&host, held, 3), 2));
        connpool_stats_t stats = host_stats(&host);
        cr_assert(eq(u64, stats.idle, 2));
        cr_assert(eq(u64, stats.acquires, 3 * round));
        cr_assert(eq(u64, stats.closed_limit, round));
        cr_assert(eq(u64, stats.waits + stats.timeouts + stats.overdue + stats.misuses, 0));
        uint64_t uses = 0;
        for (int i = 0; i < CONNPOOL_BUCKETS; i++)
            uses += stats.use_histogram[i];
        cr_assert(eq(u64, uses, 3 * round));
    }
    host_end(&host);
}

/* Fails when two leases of one connection are equal. */
Test(mybatis, PoppedConnectionShouldBeNotEqualToClosedConnection)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    host_start(&host, &config);
    connpool_lease_t first = take(&host);
    give(&host, first);
    connpool_lease_t second = take(&host);
    cr_assert(eq(ptr, first.resource, second.resource));
    cr_assert(ne(u64, first.ticket, second.ticket));
    give(&host, second);
    host_end(&host);
}

static int end_with_leases_out(void *arg)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[10];

    (void)arg;
    host_start(&host, &config);
    take_many(&host, held, 10);
    give_many(&host, held, 5);
    connpool_destroy(host.pool);
    return host.closed == 10 && host.faults == 0 ? 0 : 1;
}

/* Fails when destroy leaves a connection open because somebody still has it, or does so in silence. */
Test(mybatis, forceCloseAllShouldRemoveAllActiveAndIdleConnection, .timeout = 60)
{
    struct child_end end = child_run(end_with_leases_out, NULL);
    cr_assert(child_exited(&end, 0), "%s", end.errors);
    cr_assert(strstr(end.errors, "host") != NULL && strstr(end.errors, "5") != NULL, "%s", end.errors);
}

/* Fails when the next borrower finds what the last one left: an open transaction, another database. */
Test(jedis, returnResourceShouldResetState_each_release_resets_before_anybody_else_gets_it, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker taker;

    config.max_open = 1;
    host_start(&host, &config);
    for (uint64_t i = 1; i <= 10; i++) {
        connpool_lease_t lease = take(&host);
        cr_assert(eq(u64, host.resets, 2 * i - 2));
        takers_queue(&taker, 1, &host, NULL);
        cr_assert(give(&host, lease));
        cr_assert(eq(int, taker_join(&taker), 0));
        cr_assert(eq(u64, host.resets, 2 * i - 1), "for a waiter as well");
        cr_assert(give(&host, taker.lease));
    }
    cr_assert(eq(u64, host_stats(&host).opens, 1));
    host_end(&host);
}

/* Fails when what is closed anyway is reset first, by a connection that may not answer. */
Test(jedis, returnResourceDestroysResourceOnException_a_marked_connection_is_not_reset)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    connpool_mark_unusable(host.pool, lease);
    cr_assert(not(give(&host, lease)));
    cr_assert(eq(u64, host.resets, 0));
    cr_assert(eq(u64, host.closed, 1));
    host_end(&host);
}

/* Fails when a broken connection that is released twice is closed twice. */
Test(jedis, closeBrokenResourceTwice_it_is_closed_once_and_the_second_release_is_named)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct misuse_record misuse;

    misuse_record(&misuse);
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    connpool_mark_unusable(host.pool, lease);
    cr_assert(not(give(&host, lease)));
    cr_assert(not(give(&host, lease)));
    cr_assert(eq(u32, misuse.calls, 1));
    cr_assert(eq(u64, host.closed, 1));
    host_end(&host);
}

/* Fails when in use is not what is in use. */
Test(jedis, getNumActiveReturnsTheCorrectNumber_also_when_the_pool_is_closed)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[2];

    host_start(&host, &config);
    for (uint64_t i = 0; i < 2; i++) {
        held[i] = take(&host);
        cr_assert(eq(u64, host_stats(&host).in_use, i + 1));
    }
    cr_assert(give(&host, held[0]));
    cr_assert(eq(u64, host_stats(&host).in_use, 1));
    cr_assert(eq(int, connpool_close(host.pool, 0), -ETIMEDOUT));
    cr_assert(eq(u64, host_stats(&host).in_use, 1));
    cr_assert(not(give(&host, held[1])));
    cr_assert(eq(u64, host_stats(&host).in_use, 0));
    host_end(&host);
}
