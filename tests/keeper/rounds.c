/*
 * What the keeper's rounds do, on a clock of the test's own: opened ahead, closed in time, checked.
 */
#include "lending.h"
#include "pools.h"
#include "property.h"

/* Fails when min_idle is not opened ahead, or more than that. */
static bool min_idle_is_opened_ahead(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle = 3;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease;

    REQUIRE(conn_stats(pool).open == 0);
    REQUIRE(connpool_keep(pool) == 3 && rig.opened == 3);
    REQUIRE(conn_stats(pool).idle == 3 && conn_stats(pool).min_idle == 3);
    REQUIRE(rig_pass(&rig, 1000) == 0);
    /* What is lent out is not idle: one more. */
    lease = lease_from(pool);
    REQUIRE(rig.opened == 3);
    REQUIRE(rig_pass(&rig, 1000) == 1 && conn_stats(pool).idle == 3);
    connpool_release(pool, lease);
    REQUIRE(rig_pass(&rig, 1000) == 0 && conn_stats(pool).idle == 4);
    return rig_ends(&rig);
}

/* Fails when a round opens beyond max_open, or beyond max_idle what release would close again. */
static bool no_round_opens_beyond_the_limits(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.max_open = config.min_idle = 4;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[3];

    leases_from(pool, lease, 3);
    REQUIRE(connpool_keep(pool) == 1);
    REQUIRE(conn_stats(pool).open == 4);
    leases_end(pool, lease, 3);
    REQUIRE(rig_ends(&rig));

    config = rig_config_still(&rig);
    config.min_idle = config.max_idle = 2;
    config.min_idle_most = 16;
    pool = rig_start(&rig, &config);
    leases_from(pool, lease, 3);
    connpool_keep(pool);
    leases_end(pool, lease, 3);
    for (int i = 0; i < 10; i++) {
        rig_pass(&rig, 1000);
        REQUIRE(conn_stats(pool).idle == 2 && conn_stats(pool).closed_limit == 3);
    }
    return rig_ends(&rig);
}

/* Fails when an idle connection is closed at the time-out and not behind it, or fewer than min_idle are left.
 */
static bool the_idle_time_out_leaves_min_idle(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle = 2;
    config.idle_timeout_ms = 600000;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease;

    make_idle(pool, 6);
    REQUIRE(rig_pass(&rig, 300000) == 0);
    lease = lease_from(pool); /* used half way: it outlives the others */
    connpool_release(pool, lease);
    REQUIRE(rig_pass(&rig, 300000) == 0);
    REQUIRE(rig_pass(&rig, 1) == 4 && conn_stats(pool).closed_idle == 4);
    REQUIRE(rig_pass(&rig, 10000000) == 0 && conn_stats(pool).idle == 2);
    return rig_ends(&rig);
}

/* Fails when jitter is left out (all at once), longer than asked for, or the lifetime is exceeded. */
static bool lifetimes_end_one_by_one_within_the_jitter(void)
{
    enum { COUNT = 200, LIFE = 1800000, JITTER = 45000 };
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    uint64_t quarter[4] = {0}, closed = 0;
    config.max_open = COUNT;
    config.max_lifetime_ms = LIFE;
    config.lifetime_jitter_ms = JITTER;
    connpool_t *pool = rig_start(&rig, &config);

    make_idle(pool, COUNT);
    REQUIRE(rig_pass(&rig, LIFE - JITTER - 1) == 0);
    for (uint64_t age = LIFE - JITTER; age <= LIFE; age++) {
        size_t now = rig_pass(&rig, 1);
        closed += now;
        quarter[(age - (LIFE - JITTER)) * 4 / (JITTER + 1)] += now;
    }
    REQUIRE(closed == COUNT && conn_stats(pool).closed_old == COUNT);
    for (int i = 0; i < 4; i++) /* none of 200 in one of them: by chance once in 10^24 */
        REQUIRE(quarter[i] != 0);
    return rig_ends(&rig);
}

/* Fails when what is old is kept because it is in use, or replaced late. */
static bool what_is_old_goes_at_release_and_is_replaced(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle = 1;
    config.max_lifetime_ms = 60000;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease;

    connpool_keep(pool);
    lease = lease_from(pool);
    REQUIRE(rig_pass(&rig, 60000) == 1); /* the one opened ahead in its place */
    REQUIRE(conn_stats(pool).in_use == 1 && conn_stats(pool).idle == 1);
    REQUIRE(!connpool_release(pool, lease));
    REQUIRE(conn_stats(pool).closed_old == 1);
    /* And an idle one is closed and replaced in one round. */
    REQUIRE(rig_pass(&rig, 60000) == 2 && conn_stats(pool).idle == 1);
    return rig_ends(&rig);
}

/* Fails when dead ones are not found, live ones are closed, or one is checked twice an interval. */
static bool idle_connections_are_checked_once_an_interval(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.check_interval_ms = 30000;
    connpool_t *pool = rig_start(&rig, &config);

    make_idle(pool, 8);
    rig_pass(&rig, 30000);
    REQUIRE(rig.checks == 0);
    rig_pass(&rig, 1);
    REQUIRE(rig.checks == 8);
    rig_pass(&rig, 15000);
    REQUIRE(rig.checks == 8);
    for (struct connection *one = rig.connections; one != NULL; one = one->next)
        one->is_dead = one->number == 4 || one->number == 6;
    REQUIRE(rig_pass(&rig, 15001) == 2);
    REQUIRE(rig.checks == 16 && conn_stats(pool).closed_check == 2 && conn_stats(pool).idle == 6);
    return rig_ends(&rig);
}

/* Fails when resize does not reach the keeper. */
static bool a_resize_moves_min_idle(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle = 1;
    config.idle_timeout_ms = 1000;
    connpool_t *pool = rig_start(&rig, &config);

    REQUIRE(connpool_keep(pool) == 1);
    MUST(connpool_resize(pool, 8, 8, 5) == 0);
    REQUIRE(connpool_keep(pool) == 4 && conn_stats(pool).min_idle == 5);
    MUST(connpool_resize(pool, 8, 8, 2) == 0);
    REQUIRE(rig_pass(&rig, 1001) == 3 && conn_stats(pool).idle == 2);
    return rig_ends(&rig);
}

/* Fails when a round opens in a pool that is closed. */
static bool a_closed_pool_is_left_alone(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle = 3;
    connpool_t *pool = rig_start(&rig, &config);

    REQUIRE(connpool_keep(pool) == 3);
    MUST(connpool_close(pool, 0) == 0);
    REQUIRE(rig_pass(&rig, 1000) == 0 && rig.opened == 3);
    return rig_ends(&rig);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(min_idle_is_opened_ahead),
        PROPERTY(no_round_opens_beyond_the_limits),
        PROPERTY(the_idle_time_out_leaves_min_idle),
        PROPERTY(lifetimes_end_one_by_one_within_the_jitter),
        PROPERTY(what_is_old_goes_at_release_and_is_replaced),
        PROPERTY(idle_connections_are_checked_once_an_interval),
        PROPERTY(a_resize_moves_min_idle),
        PROPERTY(a_closed_pool_is_left_alone),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
