/*
 * What vitess' smartconnpool promises, named after its own tests (pool_test.go): what is opened, kept
 * and closed. Its settings are keys here: what a connection was opened for. Who waits is in
 * smartconnpool_waits.c, its storms in storms.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "lending.h"
#include "pools.h"

/* Fails when a released connection passes by those that wait, or when the bounds of a resize are not met. */
Test(smartconnpool, TestOpen_what_is_released_goes_to_who_waits_and_a_bad_one_is_opened_anew, .timeout = 120)
{
    enum { OPEN = 5, MORE = 6 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[MORE];
    struct borrower borrowers[OPEN];

    config.max_open = OPEN;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, OPEN);
    cr_assert(eq(u64, rig_stats(&rig).waits, 0));
    for (int i = 0; i < OPEN; i++) {
        borrower_queue(&borrowers[i], pool, NULL, FOR_EVER);
        cr_assert(connpool_release(pool, held[i]));
        cr_assert(eq(int, borrower_end(&borrowers[i]), 0));
        cr_assert(eq(ptr, borrowers[i].lease.resource, held[i].resource));
    }
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.waits, OPEN));
    cr_assert(eq(u64, stats.opens, OPEN));
    for (int i = 0; i < OPEN; i++)
        cr_assert(connpool_release(pool, borrowers[i].lease));

    connpool_lease_t bad = lease_from(pool);
    connpool_mark_unusable(pool, bad);
    cr_assert(not(connpool_release(pool, bad)));
    leases_from(pool, held, OPEN);
    cr_assert(eq(u64, rig_stats(&rig).opens, OPEN + 1));
    leases_end(pool, held, OPEN);

    cr_assert(eq(int, connpool_resize(pool, 3, 3, 0), 0));
    cr_assert(eq(u64, rig_stats(&rig).open, 3));
    cr_assert(eq(int, connpool_resize(pool, MORE, MORE, 0), 0));
    leases_from(pool, held, MORE);
    cr_assert(eq(u64, rig_stats(&rig).opens, OPEN + 1 + 3));
    leases_end(pool, held, MORE);
    cr_assert(eq(int, connpool_close(pool, 0), 0));
    cr_assert(eq(u64, rig_stats(&rig).open, 0));
    cr_assert(rig_ends(&rig));
}

/* Fails when one that is too old is kept by a release, or when what failed to open counts as open. */
Test(smartconnpool, TestConnReopen_too_old_at_release_is_closed_and_the_next_is_new)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.max_open = 1;
    config.max_lifetime_ms = 10 * SECOND;
    config.idle_timeout_ms = 200 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    rig.now_ms += 11 * SECOND;
    cr_assert(not(connpool_release(pool, lease)));
    lease = lease_from(pool);
    cr_assert(eq(u64, connection_of(lease)->number, 2));
    rig.now_ms += 11 * SECOND;
    cr_assert(not(connpool_release(pool, lease)));
    rig.refuses = -ECONNREFUSED;
    cr_assert(eq(int, try_lease(pool), -ECONNREFUSED));
    cr_assert(eq(u64, rig_stats(&rig).open, 0));
    cr_assert(rig_ends(&rig));
}

/* Fails when the time that one is lent out counts as idle, or when an idle one outlives its time. */
Test(smartconnpool, TestIdleTimeout_what_is_lent_out_is_never_idle)
{
    enum { OPEN = 5 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[OPEN];

    config.idle_timeout_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, OPEN);
    cr_assert(eq(sz, rig_pass(&rig, 1000 * SECOND), 0));
    cr_assert(eq(sz, leases_end(pool, held, OPEN), OPEN));
    cr_assert(eq(sz, rig_pass(&rig, 9 * SECOND), 0));
    cr_assert(eq(sz, rig_pass(&rig, 2 * SECOND), OPEN));
    cr_assert(eq(u64, rig_stats(&rig).closed_idle, OPEN));
    cr_assert(rig_ends(&rig));
}

/* Fails when a server that is gone keeps idle connections from expiring, or is asked at every look. */
Test(smartconnpool, TestIdleTimeoutCreateFail_expiry_does_not_depend_on_opening_others)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    config.idle_timeout_ms = 10 * SECOND;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_release(pool, lease_from(pool));
    rig.refuses = -ECONNREFUSED;
    rig_pass(&rig, 11 * SECOND);
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open, 0));
    cr_assert(eq(u64, stats.closed_idle, 1));
    cr_assert(eq(u64, rig.asked, 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when a lifetime of 0 ends anything, or when one that is not over does. */
Test(smartconnpool, TestMaxLifetime_none_is_for_ever_and_another_ends_at_release)
{
    for (uint32_t lifetime = 0; lifetime <= 10 * SECOND; lifetime += 10 * SECOND) {
        struct rig rig;
        connpool_config_t config = rig_config_full(&rig);

        config.max_lifetime_ms = lifetime;
        connpool_t *pool = rig_start(&rig, &config);
        connpool_lease_t lease = lease_from(pool);
        rig.now_ms += 5 * SECOND;
        cr_assert(connpool_release(pool, lease));
        lease = lease_from(pool);
        rig.now_ms += 20 * SECOND;
        cr_assert(eq(int, connpool_release(pool, lease), lifetime == 0));
        cr_assert(eq(u64, rig_stats(&rig).closed_old, lifetime != 0));
        cr_assert(rig_ends(&rig));
    }
}

/* Fails when one lives longer than max_lifetime_ms, shorter than that less its jitter, or all end at once. */
Test(smartconnpool, TestExtendedLifetimeTimeout_lifetimes_are_spread_between_their_bounds)
{
    enum { COUNT = 200, LIFE = 100 * SECOND, JITTER = 40 * SECOND };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[COUNT];

    config.max_open = COUNT;
    config.idle_timeout_ms = 0;
    config.max_lifetime_ms = LIFE;
    config.lifetime_jitter_ms = JITTER;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, COUNT);
    leases_end(pool, held, COUNT);
    cr_assert(eq(sz, rig_pass(&rig, LIFE - JITTER - 1), 0));
    size_t closed = 0, most = 0;
    for (int i = 0; i < 10; i++) {
        size_t now = rig_pass(&rig, JITTER / 10);
        closed += now;
        most = now > most ? now : most;
    }
    closed += rig_pass(&rig, 2);
    cr_assert(eq(sz, closed, COUNT));
    cr_assert(lt(sz, most, COUNT / 2), "a tenth each, by chance");
    cr_assert(eq(u64, rig_stats(&rig).closed_old, COUNT));
    cr_assert(rig_ends(&rig));
}

/* Fails when the default jitter, of a lifetime of half an hour, ends those of a short one as soon as they
 * begin. */
Test(smartconnpool, TestExtendedLifetimeTimeout_a_short_lifetime_has_a_short_jitter)
{
    enum { COUNT = 50 };
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_config_t defaults = CONNPOOL_CONFIG_INIT;
    connpool_lease_t held[COUNT];

    config.max_open = COUNT;
    config.max_lifetime_ms = 10 * SECOND;
    config.lifetime_jitter_ms = defaults.lifetime_jitter_ms;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, COUNT);
    rig.now_ms += 2 * SECOND;
    cr_assert(eq(sz, leases_end(pool, held, COUNT), COUNT));
    cr_assert(eq(u64, rig_stats(&rig).closed_old, 0));
    cr_assert(rig_ends(&rig));
}

/* Fails when more than the bound stay idle, or fewer. */
Test(smartconnpool, TestMaxIdleCount_releases_beyond_the_bound_close)
{
    static const size_t bounds[] = {2, SIZE_MAX};
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        connpool_config_t config = rig_config_full(&rig);
        connpool_lease_t held[5];

        config.max_idle = bounds[i];
        connpool_t *pool = rig_start(&rig, &config);
        leases_from(pool, held, 5);
        size_t kept = bounds[i] < 5 ? bounds[i] : 5;
        cr_assert(eq(sz, leases_end(pool, held, 5), kept));
        cr_assert(eq(u64, rig_stats(&rig).closed_limit, 5 - kept));
        cr_assert(rig_ends(&rig));
    }
}

/* Fails when the error is another than open's, or when the slot stays taken. */
Test(smartconnpool, TestCreateFail_acquire_says_what_open_said_and_no_slot_is_lost)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[5];

    config.max_open = 5;
    connpool_t *pool = rig_start(&rig, &config);
    rig.refuses = -ENETUNREACH;
    for (int i = 0; i < 20; i++) {
        cr_assert(eq(int, try_lease(pool), -ENETUNREACH));
        rig.now_ms += 10 * SECOND;
    }
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open + stats.opening, 0));
    cr_assert(eq(u64, stats.open_failures, rig.asked));
    cr_assert(gt(u64, rig.asked, 1));
    rig.refuses = 0;
    leases_from(pool, held, 5);
    leases_end(pool, held, 5);
    cr_assert(rig_ends(&rig));
}

/* Fails when a marked connection's slot depends on a new one being opened. */
Test(smartconnpool, TestCreateFailOnPut_a_bad_connection_leaves_though_the_server_is_gone)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);

    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    rig.refuses = -ECONNREFUSED;
    connpool_mark_unusable(pool, lease);
    cr_assert(not(connpool_release(pool, lease)));
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.open, 0));
    cr_assert(eq(u64, rig.asked, 1), "release opens nothing");
    cr_assert(rig_ends(&rig));
}

/* Fails when a connection is lent for what it was not opened for, or when each key has a limit of its own. */
Test(smartconnpool, TestMultiSettings_keys_share_one_limit_and_their_waiters_are_served, .timeout = 60)
{
    static const char *const keys[] = {"", "foo", "bar", "bar", "foo"};
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[5];
    struct borrower borrowers[5];

    config.max_open = 5;
    connpool_t *pool = rig_start(&rig, &config);
    for (int i = 0; i < 5; i++)
        held[i] = lease_of(pool, i == 0 ? NULL : keys[i]);
    for (int i = 0; i < 5; i++)
        borrower_queue(&borrowers[i], pool, i == 0 ? NULL : keys[i], FOR_EVER);
    for (int i = 0; i < 5; i++)
        connpool_release(pool, held[i]);
    for (int i = 0; i < 5; i++) {
        cr_assert(eq(int, borrower_end(&borrowers[i]), 0));
        cr_assert(eq(str, connection_of(borrowers[i].lease)->key, (char *)keys[i]));
        connpool_release(pool, borrowers[i].lease);
    }
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.waits, 5));
    cr_assert(le(u64, stats.open, 5));
    cr_assert(rig_ends(&rig));
}

/* Fails when one with another setting is lent out as it is: it makes room, and another is opened. */
Test(smartconnpool, TestMultiSettingsWithReset_idle_ones_of_other_settings_make_room)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[5];

    config.max_open = 5;
    connpool_t *pool = rig_start(&rig, &config);
    held[0] = lease_of(pool, "bar");
    held[1] = lease_of(pool, "bar");
    for (int i = 2; i < 5; i++)
        held[i] = lease_of(pool, "foo");
    leases_end(pool, held, 5);
    for (int i = 0; i < 5; i++)
        held[i] = lease_of(pool, "foo");
    connpool_stats_t stats = rig_stats(&rig);
    cr_assert(eq(u64, stats.closed_evicted, 2));
    cr_assert(eq(u64, stats.opens, 7));
    leases_end(pool, held, 5);
    cr_assert(rig_ends(&rig));
}

/* Fails when one whose state cannot be restored is lent out again. */
Test(smartconnpool, TestApplySettingsFailure_what_cannot_be_reset_is_closed)
{
    struct rig rig;
    connpool_config_t config = rig_config_full(&rig);
    connpool_lease_t held[5];

    config.max_open = 5;
    connpool_t *pool = rig_start(&rig, &config);
    leases_from(pool, held, 5);
    for (int i = 0; i < 3; i++)
        connection_of(held[i])->is_dirty = true;
    cr_assert(eq(sz, leases_end(pool, held, 5), 2));
    cr_assert(eq(u64, rig_stats(&rig).closed_reset, 3));
    cr_assert(eq(u64, rig.resets, 5));
    leases_from(pool, held, 5);
    cr_assert(eq(u64, rig_stats(&rig).opens, 8));
    leases_end(pool, held, 5);
    cr_assert(rig_ends(&rig));
}
