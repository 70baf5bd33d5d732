/*
 * Which connections the keeper leaves, and how many, beyond its first rules: rounds.c and adaptive.c.
 */
#include "lending.h"
#include "pools.h"
#include "property.h"

enum { MANY = 200, KEPT = 7 };

/* Returned in an order, and then unused for too long: the last stay. */
static bool the_last_to_return_are_kept(unsigned first, unsigned step)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.max_open = MANY;
    config.min_idle = KEPT;
    config.idle_timeout_ms = 1000;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[MANY];

    leases_from(pool, lease, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        leases_end(pool, &lease[(first + i * step) % MANY], 1);
        atomic_fetch_add(&rig.now_ms, 1);
    }
    REQUIRE(rig_pass(&rig, 2000) == MANY - KEPT);
    for (unsigned i = 0; i < MANY; i++) {
        struct connection *connection = connection_of(lease[(first + i * step) % MANY]);
        REQUIRE(connection_is_open(connection) == (i >= MANY - KEPT));
    }
    REQUIRE(conn_stats(pool).closed_idle == MANY - KEPT);
    return rig_ends(&rig);
}

/* Fails when those that min_idle keeps are chosen by their place and not by their use. */
static bool the_idle_time_out_closes_first_what_was_unused_for_longest(void)
{
    return the_last_to_return_are_kept(0, 1) && the_last_to_return_are_kept(MANY - 1, MANY - 1) &&
           the_last_to_return_are_kept(5, 73);
}

/* Fails when what a round closes still counts for max_idle, and is replaced a round later. */
static bool what_is_closed_at_max_idle_is_replaced_in_the_same_round(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle = config.max_idle = 2;
    config.max_lifetime_ms = 60000;
    connpool_t *pool = rig_start(&rig, &config);

    REQUIRE(connpool_keep(pool) == 2);
    REQUIRE(rig_pass(&rig, 60000) == 4);
    REQUIRE(conn_stats(pool).closed_old == 2 && conn_stats(pool).idle == 2);
    return rig_ends(&rig);
}

/* Fails when the demand is what is in use at the moment of a round, and a burst that is over is not seen. */
static bool a_burst_between_two_rounds_is_demand(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle_most = 8;
    config.idle_timeout_ms = 1500;
    connpool_t *pool = rig_start(&rig, &config);

    REQUIRE(connpool_keep(pool) == 0);
    for (int i = 0; i < 100; i++) {
        make_idle(pool, 6);
        rig_pass(&rig, 1000);
        REQUIRE(conn_stats(pool).min_idle == 6);
        rig_pass(&rig, 2000);
        REQUIRE(conn_stats(pool).idle == 6); /* past their time-out, and wanted again */
    }
    REQUIRE(rig.opened == 6);
    for (int i = 0; i < 20; i++)
        rig_pass(&rig, 60000);
    REQUIRE(conn_stats(pool).min_idle == 0 && conn_stats(pool).idle == 0);
    return rig_ends(&rig);
}

/* Fails when an order that takes all in turn makes one borrower look like many. */
static bool use_in_turn_is_no_burst(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.min_idle = 1;
    config.min_idle_most = 8;
    config.order = CONNPOOL_LRU;
    connpool_t *pool = rig_start(&rig, &config);

    make_idle(pool, 6);
    rig_pass(&rig, 1000);
    for (int i = 0; i < 12; i++)
        make_idle(pool, 1);
    rig_pass(&rig, 1000);
    REQUIRE(conn_stats(pool).min_idle == 1);
    return rig_ends(&rig);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(the_idle_time_out_closes_first_what_was_unused_for_longest),
        PROPERTY(what_is_closed_at_max_idle_is_replaced_in_the_same_round),
        PROPERTY(a_burst_between_two_rounds_is_demand),
        PROPERTY(use_in_turn_is_no_burst),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
