/*
 * What HikariCP promises, named after its own tests: its house keeper, its leak detection, and a server that
 * is gone. Its ConcurrentBag is in hikaricp_bag.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "host.h"
#include "pools.h"

enum { SECOND = 1000 };

/* Fails when one that is idle for long is not checked, is checked at every look, or is closed though alive.
 */
Test(hikaricp, testKeepalive_an_idle_connection_is_checked_at_intervals)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.check_interval_ms = 5 * SECOND;
    host_start(&host, &config);
    give(&host, take(&host));
    for (int i = 0; i < 60; i++)
        host_pass(&host, SECOND);
    cr_assert(ge(u64, host.checks, 60 / 7));
    cr_assert(le(u64, host.checks, 60 / 5));
    cr_assert(eq(u64, host_stats(&host).idle, 1));
    host_end(&host);
}

/* Fails when one that its check calls dead stays idle, or when one that is lent out is checked. */
Test(hikaricp, testKeepalive2_a_dead_idle_connection_goes_before_anybody_gets_it)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.check_interval_ms = 5 * SECOND;
    host_start(&host, &config);
    connpool_lease_t used = take(&host);
    connpool_lease_t idle = take(&host);
    connection_of(used)->is_dead = connection_of(idle)->is_dead = true;
    give(&host, idle);
    cr_assert(eq(sz, host_pass(&host, 6 * SECOND), 1));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.closed_check, 1));
    cr_assert(eq(u64, stats.in_use, 1));
    cr_assert(eq(u64, host.checks, 1));
    give(&host, used);
    host_end(&host);
}

/* Fails when the keeper opens too few, too many, or when min_idle counts those that are lent out. */
Test(hikaricp, testConnectionIdleFill_the_keeper_opens_ahead_up_to_the_bound)
{
    enum { LENT = 7, OPEN = 10 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[LENT];

    config.max_open = OPEN;
    config.min_idle = 5;
    host_start(&host, &config);
    take_many(&host, held, LENT);
    cr_assert(eq(sz, host_pass(&host, SECOND), OPEN - LENT));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.open, OPEN));
    cr_assert(eq(u64, stats.idle, OPEN - LENT));
    cr_assert(eq(sz, give_many(&host, held, LENT), LENT));
    cr_assert(eq(u64, host_stats(&host).idle, OPEN));
    host_end(&host);
}

/* Fails when what was thrown away is not replaced: testBackfill with one, testEvictAllRefill with all. */
Test(hikaricp, testEvictAllRefill_min_idle_comes_back_after_all_were_thrown_away)
{
    static const size_t counts[] = {1, 5};
    for (int i = 0; i < 2; i++) {
        struct host host = {0};
        connpool_config_t config = host_config(&host);
        connpool_lease_t held[5];

        config.min_idle = counts[i];
        host_start(&host, &config);
        cr_assert(eq(sz, connpool_keep(host.pool), counts[i]));
        take_many(&host, held, counts[i]);
        for (size_t j = 0; j < counts[i]; j++)
            connpool_mark_unusable(host.pool, held[j]);
        cr_assert(eq(sz, give_many(&host, held, counts[i]), 0));
        cr_assert(eq(u64, host_stats(&host).open, 0));
        host_pass(&host, SECOND);
        cr_assert(eq(u64, host_stats(&host).idle, counts[i]));
        host_end(&host);
    }
}

/* Fails when the peak of a day stays open all night, or when less than min_idle is left. */
Test(hikaricp, rampUpDownTest_idle_connections_shrink_to_min_idle_after_a_peak)
{
    enum { PEAK = 60, LEAST = 5 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[PEAK];

    config.max_open = PEAK;
    config.min_idle = LEAST;
    config.idle_timeout_ms = 10 * SECOND;
    host_start(&host, &config);
    take_many(&host, held, PEAK);
    give_many(&host, held, PEAK);
    for (int i = 0; i < 30; i++) {
        host_pass(&host, SECOND);
        cr_assert(ge(u64, host_stats(&host).idle, LEAST));
    }
    cr_assert(eq(u64, host_stats(&host).idle, LEAST));
    host_end(&host);
}

/* Fails when create needs the server, when one that is gone is asked at every look, or its return is missed.
 */
Test(hikaricp, testInitializationFailure_a_server_that_is_gone_is_asked_ever_more_rarely)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.min_idle = 3;
    host.refuses = -ECONNREFUSED;
    host_start(&host, &config);
    for (int i = 0; i < 6000; i++)
        host_pass(&host, 10);
    /* 100 ms, 200, ... 3,200, then 5,000, each with up to a quarter less: 16 to 21 in a minute. */
    cr_assert(ge(u64, host.asked, 16));
    cr_assert(le(u64, host.asked, 24));
    cr_assert(eq(u64, host_stats(&host).open, 0));
    host.refuses = 0;
    for (int i = 0; i < 510; i++)
        host_pass(&host, 10);
    cr_assert(eq(u64, host_stats(&host).idle, 3));
    host_end(&host);
}

/*
 * HikariCP's borrower waits for the server until its timeout; ours is told at once, so that a server can
 * answer 503. Fails when it is not, when each acquire asks a server that is gone, or when its return is
 * missed.
 */
Test(hikaricp, testConnectionRetries_a_refusal_is_told_at_once_and_asked_again_after_the_backoff)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    host_start(&host, &config);
    host.refuses = -ECONNREFUSED;
    for (int i = 0; i < 50; i++)
        cr_assert(eq(int, try_take(&host), -ECONNREFUSED));
    cr_assert(eq(u64, host.asked, 1));
    host.refuses = 0;
    cr_assert(eq(int, try_take(&host), -ECONNREFUSED), "not asked yet");
    host.now_ms += 100;
    cr_assert(eq(int, try_take(&host), 0));
    cr_assert(eq(u64, host.asked, 2));
    host_end(&host);
}

/* Fails when an overdue lease is not reported, is reported again and again, or though it was touched. */
Test(hikaricp, testLeakDetection_an_overdue_lease_is_reported_once)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.overdue_ms = 10 * SECOND;
    host_start(&host, &config);
    connpool_lease_t lost = take(&host);
    connpool_lease_t busy = take(&host);
    for (int i = 0; i < 40; i++) {
        host_pass(&host, SECOND);
        cr_assert(connpool_touch(host.pool, busy));
    }
    cr_assert(eq(u64, host.reports, 1));
    cr_assert(strstr(host.report, "host") != NULL, "%s", host.report);
    cr_assert(strchr(host.report, '\n') == NULL);
    cr_assert(eq(u64, host_stats(&host).overdue, 1));
    cr_assert(give(&host, lost), "it was only reported");
    cr_assert(give(&host, busy));

    lost = take(&host);
    host_pass(&host, 11 * SECOND);
    cr_assert(eq(u64, host.reports, 2), "another lease is another report");
    cr_assert(give(&host, lost));
    host_end(&host);
}

/* Fails when an open that ends after close leaves its connection behind, or lends it out. */
Test(hikaricp, testShutdown1_what_is_being_opened_when_the_pool_closes_is_closed, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[3];

    host_start(&host, &config);
    host.holds = true;
    for (int i = 0; i < 3; i++)
        taker_start(&takers[i], &host, NULL, FOREVER);
    host_wait_opening(&host, 3);
    connpool_close(host.pool, 0);
    host.holds = false;
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, taker_join(&takers[i]), -ESHUTDOWN));
    cr_assert(eq(int, connpool_close(host.pool, UINT32_MAX), 0));
    cr_assert(eq(u64, host.opened, 3));
    cr_assert(eq(u64, host.closed, 3));
    host_end(&host);
}

static size_t thread_count(void)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    MUST(tasks != NULL);
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* Fails when a pool's keeper outlives it. */
Test(hikaricp, testHouseKeeperCleanup_a_destroyed_pool_leaves_no_thread, .timeout = 60)
{
    size_t before = thread_count();
    for (int round = 0; round < 20; round++) {
        struct host hosts[2] = {{0}, {0}};
        for (int i = 0; i < 2; i++) {
            connpool_config_t config = host_config(&hosts[i]);
            config.flags = 0;
            config.min_idle = (size_t)round % 3;
            host_start(&hosts[i], &config);
        }
        cr_assert(eq(int, try_take(&hosts[0]), 0));
        host_end(&hosts[0]);
        host_end(&hosts[1]);
        cr_assert(eq(sz, thread_count(), before));
    }
}
