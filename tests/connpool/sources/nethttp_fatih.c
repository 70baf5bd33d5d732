/*
 * What net/http's Transport promises of its idle connections, and fatih/pool and gomemcache of theirs,
 * named after their own tests. Sockets are pairs: the kernel says when the other end is gone.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <unistd.h>

#include "lending.h"
#include "pools.h"

/* Fails when a key stays in the books without a connection: addresses come and go. */
Test(nethttp, TestTransportIdleCacheKeys_a_key_lives_as_long_as_it_has_connections)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    char key[8];

    config.idle_timeout_ms = SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    cr_assert(eq(u64, rig_stats(&rig).keys, 0));
    for (int i = 0; i < 3 * CONNPOOL_MAX_KEYS; i++) {
        snprintf(key, sizeof key, "%d", i);
        connpool_release(pool, lease_of(pool, key));
        cr_assert(eq(u64, rig_stats(&rig).keys, 1));
        cr_assert(eq(sz, rig_pass(&rig, 2 * SECOND), 1));
        cr_assert(eq(u64, rig_stats(&rig).keys, 0));
    }
    cr_assert(rig_ends(&rig));
}

/* Fails when a key keeps more than its share idle, or another's: gomemcache's MaxIdleConns is the same. */
Test(nethttp, TestTransportMaxPerHostIdleConns_a_key_keeps_so_many_and_no_more)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[6];

    config.max_idle_per_key = 2;
    connpool_t *pool = rig_start(&rig, &config);
    for (int i = 0; i < 6; i++)
        held[i] = lease_of(pool, i < 3 ? "a" : "b");
    static const bool kept[] = {true, true, false, true, true, false};
    for (int i = 0; i < 6; i++)
        cr_assert(eq(int, connpool_release(pool, held[i]), kept[i]));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.idle, 4));
    cr_assert(eq(u64, stats.closed_limit, 2));
    cr_assert(rig_ends(&rig));
}

/* Fails when an open that is under way does not count: a burst would open one for each request. */
Test(nethttp, TestTransportMaxConnsPerHostIncludeDialInProgress, .timeout = 60)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    struct borrower borrowers[10];

    config.max_open_per_key = 1;
    connpool_t *pool = rig_start(&rig, &config);
    rig.holds = true;
    borrower_start(&borrowers[0], pool, "a", FOR_EVER);
    await_opening(pool, 1);
    cr_assert(eq(int, try_lease_of(pool, "a"), -EAGAIN));
    borrowers_queue(borrowers + 1, 9, pool, "a");
    cr_assert(eq(u64, rig.asked, 1));
    rig.holds = false;
    for (int i = 0; i < 10; i++) {
        cr_assert(eq(int, borrower_end(&borrowers[i]), 0));
        cr_assert(connpool_release(pool, borrowers[i].lease));
    }
    cr_assert(eq(u64, rig_stats(&rig).opens, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when a key's place is not given back with its connection, however that ended. */
Test(nethttp, TestTransportDecrementConnWhenIdleConnRemoved_each_end_gives_the_key_its_place_back)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.max_open = 2;
    config.max_open_per_key = 1;
    config.idle_timeout_ms = SECOND;
    config.max_lifetime_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t anchor = lease_of(pool, "anchor"); /* one place is left for the others */
    for (int i = 0; i < 300; i++) {
        connpool_lease_t lease = lease_of(pool, "a");
        cr_assert(eq(int, try_lease_of(pool, "a"), -EAGAIN));
        if (i % 5 == 0)
            connpool_mark_unusable(pool, lease);
        connection_of(lease)->is_dirty = i % 5 == 1;
        rig.now_ms += i % 5 == 2 ? 11 * SECOND : 0;
        connpool_release(pool, lease);
        if (i % 5 == 3)
            rig_pass(&rig, 2 * SECOND);
        if (i % 5 == 4)
            cr_assert(eq(int, try_lease_of(pool, "b"), 0), "which evicts a's");
    }
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_unusable, 60));
    cr_assert(eq(u64, stats.closed_reset, 60));
    cr_assert(eq(u64, stats.closed_old, 60));
    cr_assert(ge(u64, stats.closed_idle, 60));
    cr_assert(ge(u64, stats.closed_evicted, 60));
    connpool_release(pool, anchor);
    cr_assert(rig_ends(&rig));
}

/* Fails when nobody hears that the other end has closed an idle connection. */
Test(nethttp, TestTransportRemovesDeadIdleConnections_the_kernel_tells_of_the_other_end)
{
    enum { COUNT = 5, GONE = 3 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[COUNT];

    rig.has_sockets = true;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, COUNT);
    cr_assert(eq(sz, leases_end(pool, held, COUNT), COUNT));
    for (int i = 0; i < GONE; i++) {
        connection_hang_up(connection_of(held[i]));
    }
    cr_assert(eq(sz, connpool_keep(pool), GONE));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_gone, GONE));
    cr_assert(eq(u64, stats.idle, COUNT - GONE));
    for (int i = 0; i < COUNT - GONE; i++) {
        held[i] = lease_from(pool);
        cr_assert(gt(u64, connection_of(held[i])->number, GONE));
    }
    leases_end(pool, held, COUNT - GONE);
    cr_assert(rig_ends(&rig));
}

/* Fails when a connection that the other end closed while it was lent out is given to the next. */
Test(nethttp, TestStressSurpriseServerCloses_what_was_closed_in_use_is_never_lent_out_again)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    rig.has_sockets = true;
    connpool_t *pool = rig_start(&rig, &config);
    for (uint64_t i = 1; i <= 500; i++) {
        connpool_lease_t lease = lease_from(pool);
        cr_assert(eq(u64, connection_of(lease)->number, i));
        connection_hang_up(connection_of(lease));
        /* Heard while it is lent out, or just after: the kernel tells either way, and nobody gets it. */
        if (i % 2 == 0)
            cr_assert(eq(sz, connpool_keep(pool), 0));
        cr_assert(eq(int, connpool_release(pool, lease), i % 2 != 0));
        cr_assert(eq(sz, connpool_keep(pool), i % 2));
        cr_assert(eq(u64, rig_stats(&rig).closed_gone, i));
    }
    cr_assert(rig_ends(&rig));
}

/* Fails when create takes bounds that contradict each other, as fatih's takes an initial capacity above its
 * maximum. */
Test(fatih, TestNew_bounds_that_contradict_each_other_are_refused)
{
    struct rig rig;
    connpool_config_t good = rig_config_full(&rig);
    connpool_t *untouched = (connpool_t *)&rig, *refused = untouched;

    good.max_open = 30;
    for (int i = 0; i < 5; i++) {
        connpool_config_t config = good;
        config.min_idle = i == 0 ? 31 : 0;
        config.max_open = i == 1 ? 0 : i == 2 ? CONNPOOL_MAX_OPEN + 1 : config.max_open;
        config.open = i == 3 ? NULL : config.open;
        config.close = i == 4 ? NULL : config.close;
        cr_assert(eq(int, connpool_create(&refused, &config), -EINVAL));
        cr_assert(eq(ptr, refused, untouched));
    }
    rig_start(&rig, &good);
    cr_assert(rig_ends(&rig));
}

/* Fails when what is open ahead is not lent out first. */
Test(fatih, TestPool_Get_lends_out_the_initial_ones_then_opens)
{
    enum { INITIAL = 5 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[INITIAL + 1];

    config.min_idle = INITIAL;
    connpool_t *pool = rig_start(&rig, &config);
    cr_assert(eq(sz, connpool_keep(pool), INITIAL), "TestPool_UsedCapacity");
    for (uint64_t i = 0; i < INITIAL; i++) {
        held[i] = lease_from(pool);
        cr_assert(eq(u64, rig_stats(&rig).idle, INITIAL - 1 - i));
    }
    cr_assert(eq(u64, rig_stats(&rig).opens, INITIAL));
    held[INITIAL] = lease_from(pool);
    cr_assert(eq(u64, rig_stats(&rig).opens, INITIAL + 1));
    cr_assert(eq(u64, rig_stats(&rig).hits, INITIAL));
    cr_assert(eq(sz, leases_end(pool, held, INITIAL + 1), INITIAL + 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when one is kept by a pool that is closed, or lent out by it. */
Test(fatih, TestPool_Put_all_come_back_but_not_into_a_closed_pool)
{
    enum { MOST = 30 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[MOST];

    config.max_open = MOST;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, MOST);
    cr_assert(eq(sz, leases_end(pool, held, MOST), MOST));
    cr_assert(eq(u64, rig_stats(&rig).idle, MOST));
    held[0] = lease_from(pool);
    connpool_close(pool, 0);
    cr_assert(not(connpool_release(pool, held[0])));
    cr_assert(eq(int, try_lease(pool), -ESHUTDOWN), "TestPool_Close");
    cr_assert(eq(u64, rig_stats(&rig).open, 0));
    cr_assert(rig_ends(&rig));
}

/* Fails when an address gets another's connection, or not the one it used last: gomemcache's free lists. */
Test(gomemcache, TestLocalhost_each_address_has_connections_of_its_own)
{
    static const char *const servers[] = {"10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"};
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.max_idle_per_key = 2;
    connpool_t *pool = rig_start(&rig, &config);
    for (int i = 0; i < 300; i++) {
        connpool_lease_t lease = lease_of(pool, servers[i % 3]);
        cr_assert(eq(u64, connection_of(lease)->number, i % 3 + 1));
        cr_assert(connpool_release(pool, lease));
    }
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.opens, 3));
    cr_assert(eq(u64, stats.hits, 297));
    cr_assert(eq(u64, stats.keys, 3));
    cr_assert(rig_ends(&rig));
}
