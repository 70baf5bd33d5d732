/*
 * Which connections the keeper leaves, and how many, beyond its first rules: rounds.c and adaptive.c.
 */
#include "made.h"
#include "pools.h"
#include "property.h"

/* Fails when those that min_idle keeps are chosen by their place and not by their use. */
static bool the_idle_time_out_closes_first_what_was_unused_for_longest(void)
{
    enum { COUNT = 6, KEPT = 2 };
    static const unsigned order[COUNT] = {4, 0, 5, 2, 1, 3}; /* of return */
    struct made made;
    connpool_config_t config = made_config(&made);
    config.min_idle = KEPT;
    config.idle_timeout_ms = 1000;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease[COUNT];

    made_acquire(pool, lease, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        made_release(pool, &lease[order[i]], 1);
        atomic_fetch_add(&made.now_ms, 1);
    }
    REQUIRE(made_pass(&made, pool, 2000) == COUNT - KEPT);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct made_connection *connection = lease[order[i]].resource;
        REQUIRE(connection->is_open == (i >= COUNT - KEPT));
    }
    REQUIRE(made_stats(pool).closed_idle == COUNT - KEPT);
    return made_ends(&made, pool);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(the_idle_time_out_closes_first_what_was_unused_for_longest),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
