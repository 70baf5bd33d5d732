/*
 * What vitess' smartconnpool promises, named after its own tests (pool_test.go): what is opened, kept
 * and closed. Its settings are keys here: what a connection was opened for. Who waits is in
 * smartconnpool_waits.c, its storms in storms.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "host.h"
#include "pools.h"

enum { SECOND = 1000 };

/* Fails when a released connection passes by those that wait, or when the bounds of a resize are not met. */
Test(smartconnpool, TestOpen_what_is_released_goes_to_who_waits_and_a_bad_one_is_opened_anew, .timeout = 120)
{
    enum { OPEN = 5, MORE = 6 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[MORE];
    struct taker takers[OPEN];

    config.max_open = OPEN;
    host_start(&host, &config);
    take_many(&host, held, OPEN);
    cr_assert(eq(u64, host_stats(&host).waits, 0));
    for (int i = 0; i < OPEN; i++) {
        takers_queue(&takers[i], 1, &host, NULL);
        cr_assert(give(&host, held[i]));
        cr_assert(eq(int, taker_join(&takers[i]), 0));
        cr_assert(eq(ptr, takers[i].lease.resource, held[i].resource));
    }
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.waits, OPEN));
    cr_assert(eq(u64, stats.opens, OPEN));
    for (int i = 0; i < OPEN; i++)
        cr_assert(give(&host, takers[i].lease));

    connpool_lease_t bad = take(&host);
    connpool_mark_unusable(host.pool, bad);
    cr_assert(not(give(&host, bad)));
    take_many(&host, held, OPEN);
    cr_assert(eq(u64, host_stats(&host).opens, OPEN + 1));
    give_many(&host, held, OPEN);

    cr_assert(eq(int, connpool_resize(host.pool, 3, 3, 0), 0));
    cr_assert(eq(u64, host_stats(&host).open, 3));
    cr_assert(eq(int, connpool_resize(host.pool, MORE, MORE, 0), 0));
    take_many(&host, held, MORE);
    cr_assert(eq(u64, host_stats(&host).opens, OPEN + 1 + 3));
    give_many(&host, held, MORE);
    cr_assert(eq(int, connpool_close(host.pool, 0), 0));
    cr_assert(eq(u64, host_stats(&host).open, 0));
    host_end(&host);
}

/* Fails when one that is too old is kept by a release, or when what failed to open counts as open. */
Test(smartconnpool, TestConnReopen_too_old_at_release_is_closed_and_the_next_is_new)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.max_open = 1;
    config.max_lifetime_ms = 10 * SECOND;
    config.idle_timeout_ms = 200 * SECOND;
    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    host.now_ms += 11 * SECOND;
    cr_assert(not(give(&host, lease)));
    lease = take(&host);
    cr_assert(eq(u64, connection_of(lease)->serial, 2));
    host.now_ms += 11 * SECOND;
    cr_assert(not(give(&host, lease)));
    host.refuses = -ECONNREFUSED;
    cr_assert(eq(int, try_take(&host), -ECONNREFUSED));
    cr_assert(eq(u64, host_stats(&host).open, 0));
    host_end(&host);
}

/* Fails when the time that one is lent out counts as idle, or when an idle one outlives its time. */
Test(smartconnpool, TestIdleTimeout_what_is_lent_out_is_never_idle)
{
    enum { OPEN = 5 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[OPEN];

    config.idle_timeout_ms = 10 * SECOND;
    host_start(&host, &config);
    take_many(&host, held, OPEN);
    cr_assert(eq(sz, host_pass(&host, 1000 * SECOND), 0));
    cr_assert(eq(sz, give_many(&host, held, OPEN), OPEN));
    cr_assert(eq(sz, host_pass(&host, 9 * SECOND), 0));
    cr_assert(eq(sz, host_pass(&host, 2 * SECOND), OPEN));
    cr_assert(eq(u64, host_stats(&host).closed_idle, OPEN));
    host_end(&host);
}

/* Fails when a server that is gone keeps idle connections from expiring, or is asked at every look. */
Test(smartconnpool, TestIdleTimeoutCreateFail_expiry_does_not_depend_on_opening_others)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    config.idle_timeout_ms = 10 * SECOND;
    host_start(&host, &config);
    give(&host, take(&host));
    host.refuses = -ECONNREFUSED;
    host_pass(&host, 11 * SECOND);
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.open, 0));
    cr_assert(eq(u64, stats.closed_idle, 1));
    cr_assert(eq(u64, host.asked, 1));
    host_end(&host);
}

/* Fails when a lifetime of 0 ends anything, or when one that is not over does. */
Test(smartconnpool, TestMaxLifetime_none_is_for_ever_and_another_ends_at_release)
{
    for (uint32_t lifetime = 0; lifetime <= 10 * SECOND; lifetime += 10 * SECOND) {
        struct host host = {0};
        connpool_config_t config = host_config(&host);

        config.max_lifetime_ms = lifetime;
        host_start(&host, &config);
        connpool_lease_t lease = take(&host);
        host.now_ms += 5 * SECOND;
        cr_assert(give(&host, lease));
        lease = take(&host);
        host.now_ms += 20 * SECOND;
        cr_assert(eq(int, give(&host, lease), lifetime == 0));
        cr_assert(eq(u64, host_stats(&host).closed_old, lifetime != 0));
        host_end(&host);
    }
}

/* Fails when one lives longer than max_lifetime_ms, shorter than that less its jitter, or all end at once. */
Test(smartconnpool, TestExtendedLifetimeTimeout_lifetimes_are_spread_between_their_bounds)
{
    enum { COUNT = 200, LIFE = 100 * SECOND, JITTER = 40 * SECOND };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[COUNT];

    config.max_open = COUNT;
    config.idle_timeout_ms = 0;
    config.max_lifetime_ms = LIFE;
    config.lifetime_jitter_ms = JITTER;
    host_start(&host, &config);
    take_many(&host, held, COUNT);
    give_many(&host, held, COUNT);
    cr_assert(eq(sz, host_pass(&host, LIFE - JITTER - 1), 0));
    size_t closed = 0, most = 0;
    for (int i = 0; i < 10; i++) {
        size_t now = host_pass(&host, JITTER / 10);
        closed += now;
        most = now > most ? now : most;
    }
    closed += host_pass(&host, 2);
    cr_assert(eq(sz, closed, COUNT));
    cr_assert(lt(sz, most, COUNT / 2), "a tenth each, by chance");
    cr_assert(eq(u64, host_stats(&host).closed_old, COUNT));
    host_end(&host);
}

/* Fails when the default jitter, of a lifetime of half an hour, ends those of a short one as soon as they
 * begin. */
Test(smartconnpool, TestExtendedLifetimeTimeout_a_short_lifetime_has_a_short_jitter)
{
    enum { COUNT = 50 };
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_config_t defaults = CONNPOOL_CONFIG_INIT;
    connpool_lease_t held[COUNT];

    config.max_open = COUNT;
    config.max_lifetime_ms = 10 * SECOND;
    config.lifetime_jitter_ms = defaults.lifetime_jitter_ms;
    host_start(&host, &config);
    take_many(&host, held, COUNT);
    host.now_ms += 2 * SECOND;
    cr_assert(eq(sz, give_many(&host, held, COUNT), COUNT));
    cr_assert(eq(u64, host_stats(&host).closed_old, 0));
    host_end(&host);
}

/* Fails when more than the bound stay idle, or fewer. */
Test(smartconnpool, TestMaxIdleCount_releases_beyond_the_bound_close)
{
    static const size_t bounds[] = {2, SIZE_MAX};
    for (int i = 0; i < 2; i++) {
        struct host host = {0};
        connpool_config_t config = host_config(&host);
        connpool_lease_t held[5];

        config.max_idle = bounds[i];
        host_start(&host, &config);
        take_many(&host, held, 5);
        size_t kept = bounds[i] < 5 ? bounds[i] : 5;
        cr_assert(eq(sz, give_many(&host, held, 5), kept));
        cr_assert(eq(u64, host_stats(&host).closed_limit, 5 - kept));
        host_end(&host);
    }
}

/* Fails when the error is another than open's, or when the slot stays taken. */
Test(smartconnpool, TestCreateFail_acquire_says_what_open_said_and_no_slot_is_lost)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[5];

    config.max_open = 5;
    host_start(&host, &config);
    host.refuses = -ENETUNREACH;
    for (int i = 0; i < 20; i++) {
        cr_assert(eq(int, try_take(&host), -ENETUNREACH));
        host.now_ms += 10 * SECOND;
    }
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.open + stats.opening, 0));
    cr_assert(eq(u64, stats.open_failures, host.asked));
    cr_assert(gt(u64, host.asked, 1));
    host.refuses = 0;
    take_many(&host, held, 5);
    give_many(&host, held, 5);
    host_end(&host);
}

/* Fails when a marked connection's slot depends on a new one being opened. */
Test(smartconnpool, TestCreateFailOnPut_a_bad_connection_leaves_though_the_server_is_gone)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);

    host_start(&host, &config);
    connpool_lease_t lease = take(&host);
    host.refuses = -ECONNREFUSED;
    connpool_mark_unusable(host.pool, lease);
    cr_assert(not(give(&host, lease)));
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.open, 0));
    cr_assert(eq(u64, host.asked, 1), "release opens nothing");
    host_end(&host);
}

/* Fails when a connection is lent for what it was not opened for, or when each key has a limit of its own. */
Test(smartconnpool, TestMultiSettings_keys_share_one_limit_and_their_waiters_are_served, .timeout = 60)
{
    static const char *const keys[] = {"", "foo", "bar", "bar", "foo"};
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[5];
    struct taker takers[5];

    config.max_open = 5;
    host_start(&host, &config);
    for (int i = 0; i < 5; i++)
        held[i] = take_key(&host, i == 0 ? NULL : keys[i]);
    for (int i = 0; i < 5; i++)
        takers_queue(&takers[i], 1, &host, i == 0 ? NULL : keys[i]);
    for (int i = 0; i < 5; i++)
        give(&host, held[i]);
    for (int i = 0; i < 5; i++) {
        cr_assert(eq(int, taker_join(&takers[i]), 0));
        cr_assert(eq(str, connection_of(takers[i].lease)->key, (char *)keys[i]));
        give(&host, takers[i].lease);
    }
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.waits, 5));
    cr_assert(le(u64, stats.open, 5));
    host_end(&host);
}

/* Fails when one with another setting is lent out as it is: it makes room, and another is opened. */
Test(smartconnpool, TestMultiSettingsWithReset_idle_ones_of_other_settings_make_room)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[5];

    config.max_open = 5;
    host_start(&host, &config);
    held[0] = take_key(&host, "bar");
    held[1] = take_key(&host, "bar");
    for (int i = 2; i < 5; i++)
        held[i] = take_key(&host, "foo");
    give_many(&host, held, 5);
    for (int i = 0; i < 5; i++)
        held[i] = take_key(&host, "foo");
    connpool_stats_t stats = host_stats(&host);
    cr_assert(eq(u64, stats.closed_evicted, 2));
    cr_assert(eq(u64, stats.opens, 7));
    give_many(&host, held, 5);
    host_end(&host);
}

/* Fails when one whose state cannot be restored is lent out again. */
Test(smartconnpool, TestApplySettingsFailure_what_cannot_be_reset_is_closed)
{
    struct host host = {0};
    connpool_config_t config = host_config(&host);
    connpool_lease_t held[5];

    config.max_open = 5;
    host_start(&host, &config);
    take_many(&host, held, 5);
    for (int i = 0; i < 3; i++)
        connection_of(held[i])->is_dirty = true;
    cr_assert(eq(sz, give_many(&host, held, 5), 2));
    cr_assert(eq(u64, host_stats(&host).closed_reset, 3));
    cr_assert(eq(u64, host.resets, 5));
    take_many(&host, held, 5);
    cr_assert(eq(u64, host_stats(&host).opens, 8));
    give_many(&host, held, 5);
    host_end(&host);
}
