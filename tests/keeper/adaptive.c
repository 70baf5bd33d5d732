/*
 * min_idle and max_lifetime between their bounds: the rule by itself, and in a pool.
 */
#include "../../src/connpool/adapt.h"

#include "lending.h"
#include "pools.h"
#include "property.h"

enum { WINDOW = CONN_WINDOW_MS };

/* Fails when the demand waits to grow, falls in the window of its peak or the next, or by more than a
 * quarter. */
static bool the_demand_grows_at_once_and_fades_by_quarters(void)
{
    struct conn_adapt load = {0};
    const uint64_t fading[] = {100, 100, 75, 56, 42, 31, 23, 17, 12, 9, 6, 4, 3, 2, 1, 0, 0};
    uint64_t now = 5000;

    conn_adapt_see(&load, 3, now);
    REQUIRE(load.demand == 3);
    conn_adapt_see(&load, 100, now + 1);
    for (size_t i = 0; i < sizeof fading / sizeof fading[0]; i++) {
        REQUIRE(load.demand == fading[i]);
        now += WINDOW;
        conn_adapt_see(&load, 0, now);
    }
    return true;
}

/* Fails when a peak in a window does not carry it, or a day without a look takes more than a moment. */
static bool a_peak_carries_its_window_and_the_next(void)
{
    struct conn_adapt load = {0};
    uint64_t now = 1;

    conn_adapt_see(&load, 0, now);
    for (int i = 0; i < 100; i++, now += WINDOW) {
        conn_adapt_see(&load, 40, now + WINDOW / 2); /* once a window */
        conn_adapt_see(&load, 0, now + WINDOW - 1);
        REQUIRE(load.demand == 40);
    }
    conn_adapt_see(&load, 0, now + UINT64_C(1000) * 365 * 86400000);
    REQUIRE(load.demand == 0);
    conn_adapt_see(&load, 7, now + UINT64_C(1000) * 365 * 86400000 + 1);
    REQUIRE(load.demand == 7);
    return true;
}

/* Fails when a bound is passed, when what is in use is asked for once more, or the lifetime is not in
 * proportion. */
static bool both_stay_between_their_bounds(void)
{
    struct conn_adapt load = {.demand = 10};

    REQUIRE(conn_adapt_idle(&load, 10, 2, 8) == 2); /* all of it is there */
    REQUIRE(conn_adapt_idle(&load, 6, 2, 8) == 4);
    REQUIRE(conn_adapt_idle(&load, 0, 2, 8) == 8);
    REQUIRE(conn_adapt_idle(&load, 12, 2, 8) == 2);
    REQUIRE(conn_adapt_idle(&load, 0, 3, 3) == 3); /* no upper bound: it stays */

    REQUIRE(conn_adapt_lifetime(&load, 20, 1000, 3000) == 2000);
    REQUIRE(conn_adapt_lifetime(&load, 10, 1000, 3000) == 3000);
    REQUIRE(conn_adapt_lifetime(&load, 5, 1000, 3000) == 3000);
    REQUIRE(conn_adapt_lifetime(&load, 10, 1000, 0) == 1000);
    REQUIRE(conn_adapt_lifetime(&load, 10, 0, 0) == UINT64_MAX);
    load.demand = 0;
    REQUIRE(conn_adapt_lifetime(&load, 10, 1000, 3000) == 1000);
    return true;
}

/* Fails when a pool's min_idle does not follow its load, or what it no longer asks for does not time out. */
static bool a_pool_keeps_what_its_load_will_want_again(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle = 1;
    config.min_idle_most = 8;
    config.idle_timeout_ms = 30000;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[10];

    connpool_keep(pool);
    REQUIRE(conn_stats(pool).min_idle == 1);
    leases_from(pool, lease, 10);
    connpool_keep(pool);
    REQUIRE(conn_stats(pool).min_idle == 1 && conn_stats(pool).open == 11);
    leases_end(pool, lease, 4);
    connpool_keep(pool);
    REQUIRE(conn_stats(pool).min_idle == 4);
    leases_end(pool, lease + 4, 6);
    connpool_keep(pool);
    REQUIRE(conn_stats(pool).min_idle == 8);
    /* Far beyond the time-out, but wanted a window ago. */
    rig_pass(&rig, WINDOW - 1);
    REQUIRE(conn_stats(pool).idle == 8 && conn_stats(pool).closed_idle == 3);
    uint64_t opens = rig.opened;
    leases_from(pool, lease, 8);
    REQUIRE(rig.opened == opens); /* the load comes back without an open */
    leases_end(pool, lease, 8);
    for (int i = 0; i < 20; i++)
        rig_pass(&rig, WINDOW);
    REQUIRE(conn_stats(pool).min_idle == 1 && conn_stats(pool).idle == 1);
    return rig_ends(&rig);
}

/* Fails when an upper bound is opened at rest, or a lifetime does not go with the load. */
static bool a_pool_s_lifetimes_stretch_under_load(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.max_open = 4;
    config.max_lifetime_ms = 600000;
    config.max_lifetime_most_ms = 1000000;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[4];

    connpool_keep(pool);
    REQUIRE(conn_stats(pool).max_lifetime_ms == 600000);
    leases_from(pool, lease, 2);
    connpool_keep(pool);
    REQUIRE(conn_stats(pool).max_lifetime_ms == 800000);
    leases_from(pool, lease + 2, 2);
    connpool_keep(pool);
    REQUIRE(conn_stats(pool).max_lifetime_ms == 1000000);
    atomic_fetch_add(&rig.now_ms, 999999);
    REQUIRE(leases_end(pool, lease, 4) == 4); /* older than at rest, and kept */
    REQUIRE(connpool_keep(pool) == 0 || conn_stats(pool).max_lifetime_ms < 1000000);
    for (int i = 0; i < 20; i++)
        rig_pass(&rig, WINDOW);
    REQUIRE(conn_stats(pool).max_lifetime_ms == 600000 && conn_stats(pool).closed_old == 4);
    return rig_ends(&rig);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(the_demand_grows_at_once_and_fades_by_quarters),
        PROPERTY(a_peak_carries_its_window_and_the_next),
        PROPERTY(both_stay_between_their_bounds),
        PROPERTY(a_pool_keeps_what_its_load_will_want_again),
        PROPERTY(a_pool_s_lifetimes_stretch_under_load),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
