/*
 * What net/http's Transport promises of its idle connections, and fatih/pool and gomemcache of theirs,
 * named after their own tests. Sockets are pairs: the kernel says when the other end is gone.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <unistd.h>

#include "host.h"
#include "pools.h"

enum { SECOND = 1000 };

/* Fails when a key stays in the books without a connection: addresses come and go. */
Test(nethttp, TestTransportIdleCacheKeys_a_key_lives_as_long_as_it_has_connections)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    char key[8];

    config.idle_timeout_ms = SECOND;
    host_start(&host, &config);
    cr_assert(eq(u64, host_stats(&host).keys, 0));
    for (int i = 0; i < 3 * CONNPOOL_MAX_KEYS; i++) {
        snprintf(key, sizeof key, "%d", i);
        give(&host, take_key(&host, key));
        cr_assert(eq(u64, host_stats(&host).keys, 1));
        cr_assert(eq(sz, host_pass(&host, 2 * SECOND), 1));
        cr_assert(eq(u64, host_stats(&host).keys, 0));
    }
    host_end(&host);
}

/* Fails when a key keeps more than its share idle, or another's: gomemcache's MaxIdleConns is the same. */
Test(nethttp, TestTransportMaxPerHostIdleConns_a_key_keeps_so_many_and_no_more)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[6];

    config.max_idle_per_key = 2;
    host_start(&host, &config);
    for (int i = 0; i < 6; i++)
        held[i] = take_key(&host, i < 3 ? "a" : "b");
    static const bool kept[] = {true, true, false, true, true, false};
    for (int i = 0; i < 6; i++)
        cr_assert(eq(int, give(&host, held[i]), kept[i]));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.idle, 4));
    cr_assert(eq(u64, stats.closed_limit, 2));
    host_end(&host);
}

/* Fails when an open that is under way does not count: a burst would open one for each request. */
Test(nethttp, TestTransportMaxConnsPerHostIncludeDialInProgress, .timeout = 60)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    struct taker takers[10];

    config.max_open_per_key = 1;
    host_start(&host, &config);
    host.holds = true;
    taker_start(&takers[0], &host, "a", FOREVER);
    host_wait_opening(&host, 1);
    cr_assert(eq(int, try_take_key(&host, "a"), -EAGAIN));
    takers_queue(takers + 1, 9, &host, "a");
    cr_assert(eq(u64, host.asked, 1));
    host.holds = false;
    for (int i = 0; i < 10; i++) {
        cr_assert(eq(int, taker_join(&takers[i]), 0));
        cr_assert(give(&host, takers[i].lease));
    }
    cr_assert(eq(u64, host_stats(&host).opens, 1));
    host_end(&host);
}

/* Fails when a key's place is not given back with its connection, however that ended. */
Test(nethttp, TestTransportDecrementConnWhenIdleConnRemoved_each_end_gives_the_key_its_place_back)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.max_open = 2;
    config.max_open_per_key = 1;
    config.idle_timeout_ms = SECOND;
    config.max_lifetime_ms = 10 * SECOND;
    host_start(&host, &config);
    connpool_lease_t anchor = take_key(&host, "anchor"); /* one place is left for the others */
    for (int i = 0; i < 300; i++) {
        connpool_lease_t lease = take_key(&host, "a");
        cr_assert(eq(int, try_take_key(&host, "a"), -EAGAIN));
        if (i % 5 == 0)
            connpool_mark_unusable(host.pool, lease);
        connection_of(lease)->is_dirty = i % 5 == 1;
        host.now_ms += i % 5 == 2 ? 11 * SECOND : 0;
        give(&host, lease);
        if (i % 5 == 3)
            host_pass(&host, 2 * SECOND);
        if (i % 5 == 4)
            cr_assert(eq(int, try_take_key(&host, "b"), 0), "which evicts a's");
    }
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.closed_unusable, 60));
    cr_assert(eq(u64, stats.closed_reset, 60));
    cr_assert(eq(u64, stats.closed_old, 60));
    cr_assert(ge(u64, stats.closed_idle, 60));
    cr_assert(ge(u64, stats.closed_evicted, 60));
    give(&host, anchor);
    host_end(&host);
}

/* Fails when nobody hears that the other end has closed an idle connection. */
Test(nethttp, TestTransportRemovesDeadIdleConnections_the_kernel_tells_of_the_other_end)
{
    enum { COUNT = 5, GONE = 3 };
    struct host host = {.has_sockets = true};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[COUNT];

    host_start(&host, &config);
    take_many(&host, held, COUNT);
    cr_assert(eq(sz, give_many(&host, held, COUNT), COUNT));
    for (int i = 0; i < GONE; i++) {
        close(connection_of(held[i])->far_end);
        connection_of(held[i])->far_end = -1;
    }
    cr_assert(eq(sz, connpool_keep(host.pool), GONE));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.closed_gone, GONE));
    cr_assert(eq(u64, stats.idle, COUNT - GONE));
    for (int i = 0; i < COUNT - GONE; i++) {
        held[i] = take(&host);
        cr_assert(gt(u64, connection_of(held[i])->serial, GONE));
    }
    give_many(&host, held, COUNT - GONE);
    host_end(&host);
}

/* Fails when a connection that the other end closed while it was lent out is given to the next. */
Test(nethttp, TestStressSurpriseServerCloses_what_was_closed_in_use_is_never_lent_out_again)
{
    struct host host = {.has_sockets = true};
    connpool_config_t config = host_config(&host);

    host_start(&host, &config);
    for (uint64_t i = 1; i <= 500; i++) {
        connpool_lease_t lease = take(&host);
        cr_assert(eq(u64, connection_of(lease)->serial, i));
        close(connection_of(lease)->far_end);
        connection_of(lease)->far_end = -1;
        /* Heard while it is lent out, or just after: the kernel tells either way, and nobody gets it. */
        if (i % 2 == 0)
            cr_assert(eq(sz, connpool_keep(host.pool), 0));
        cr_assert(eq(int, give(&host, lease), i % 2 != 0));
        cr_assert(eq(sz, connpool_keep(host.pool), i % 2));
        cr_assert(eq(u64, host_stats(&host).closed_gone, i));
    }
    host_end(&host);
}

/* Fails when create takes bounds that contradict each other, as fatih's takes an initial capacity above its
 * maximum. */
Test(fatih, TestNew_bounds_that_contradict_each_other_are_refused)
{
    struct host host = {0};
    connpool_config_t good = host_config(&host);
    connpool_t *pool = (connpool_t *)&host;

    good.max_open = 30;
    for (int i = 0; i < 5; i++) {
        connpool_config_t config = good;
        config.min_idle = i == 0 ? 31 : 0;
        config.max_open = i == 1 ? 0 : i == 2 ? CONNPOOL_MAX_OPEN + 1 : config.max_open;
        config.open = i == 3 ? NULL : config.open;
        config.close = i == 4 ? NULL : config.close;
        cr_assert(eq(int, connpool_create(&pool, &config), -EINVAL));
        cr_assert(eq(ptr, pool, &host), "untouched");
    }
    host_start(&host, &good);
    host_end(&host);
}

/* Fails when what is open ahead is not lent out first. */
Test(fatih, TestPool_Get_lends_out_the_initial_ones_then_opens)
{
    enum { INITIAL = 5 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[INITIAL + 1];

    config.min_idle = INITIAL;
    host_start(&host, &config);
    cr_assert(eq(sz, connpool_keep(host.pool), INITIAL), "TestPool_UsedCapacity");
    for (uint64_t i = 0; i < INITIAL; i++) {
        held[i] = take(&host);
        cr_assert(eq(u64, host_stats(&host).idle, INITIAL - 1 - i));
    }
    cr_assert(eq(u64, host_stats(&host).opens, INITIAL));
    held[INITIAL] = take(&host);
    cr_assert(eq(u64, host_stats(&host).opens, INITIAL + 1));
    cr_assert(eq(u64, host_stats(&host).hits, INITIAL));
    cr_assert(eq(sz, give_many(&host, held, INITIAL + 1), INITIAL + 1));
    host_end(&host);
}

/* Fails when one is kept by a pool that is closed, or lent out by it. */
Test(fatih, TestPool_Put_all_come_back_but_not_into_a_closed_pool)
{
    enum { MOST = 30 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[MOST];

    config.max_open = MOST;
    host_start(&host, &config);
    take_many(&host, held, MOST);
    cr_assert(eq(sz, give_many(&host, held, MOST), MOST));
    cr_assert(eq(u64, host_stats(&host).idle, MOST));
    held[0] = take(&host);
    connpool_close(host.pool, 0);
    cr_assert(not(give(&host, held[0])));
    cr_assert(eq(int, try_take(&host), -ESHUTDOWN), "TestPool_Close");
    cr_assert(eq(u64, host_stats(&host).open, 0));
    host_end(&host);
}

/* Fails when an address gets another's connection, or not the one it used last: gomemcache's free lists. */
Test(gomemcache, TestLocalhost_each_address_has_connections_of_its_own)
{
    static const char *const servers[] = {"10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"};
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.max_idle_per_key = 2;
    host_start(&host, &config);
    for (int i = 0; i < 300; i++) {
        connpool_lease_t lease = take_key(&host, servers[i % 3]);
        cr_assert(eq(u64, connection_of(lease)->serial, i % 3 + 1));
        cr_assert(give(&host, lease));
    }
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.opens, 3));
    cr_assert(eq(u64, stats.hits, 297));
    cr_assert(eq(u64, stats.keys, 3));
    host_end(&host);
}
