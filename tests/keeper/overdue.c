/*
 * Leases that are overdue: told of, touched, reclaimed.
 */
#include <string.h>

#include "lending.h"
#include "pools.h"
#include "property.h"

/* Fails when an overdue lease is told of early, twice, or not at all the next time; or when touch is no use.
 */
static bool an_overdue_lease_is_reported_once(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.overdue_ms = 5000;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    rig_pass(&rig, 4000);
    REQUIRE(connpool_touch(pool, lease)); /* five seconds from now */
    rig_pass(&rig, 5000);
    REQUIRE(rig.reports == 0);
    rig_pass(&rig, 1);
    REQUIRE(rig.reports == 1);
    REQUIRE(strstr(rig.report, "pool 'made': overdue: connection 0, lent out for 5001 ms") != NULL);
    REQUIRE(strchr(rig.report, '\n') == NULL);
    for (int i = 0; i < 20; i++)
        rig_pass(&rig, 5000);
    REQUIRE(rig.reports == 1 && conn_stats(pool).overdue == 1);
    REQUIRE(connpool_release(pool, lease));

    lease = lease_from(pool);
    rig_pass(&rig, 5001);
    REQUIRE(rig.reports == 2);
    connpool_release(pool, lease);
    REQUIRE(conn_stats(pool).misuses == 0);
    return rig_ends(&rig);
}

/* Fails when the key is missing from the report, or bytes of it get to somebody's terminal as they are. */
static bool the_report_of_an_overdue_lease_names_its_key(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.overdue_ms = 5000;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease;

    MUST(connpool_acquire_key(pool, "1", 1, 0, &lease) == 0);
    rig_pass(&rig, 5001);
    REQUIRE(strstr(rig.report, "connection 0 to '1', lent out") != NULL);
    connpool_release(pool, lease);
    return rig_ends(&rig);
}

/* Fails when a reclaimed connection stays open, its room is lost, or its borrower's release is misuse. */
static bool an_overdue_connection_is_closed_under_its_borrower_if_asked_for(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.max_open = 1;
    config.overdue_ms = 5000;
    config.flags |= CONNPOOL_RECLAIM;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t late, other;

    late = lease_from(pool);
    REQUIRE(rig_pass(&rig, 4999) == 0 && connpool_touch(pool, late));
    REQUIRE(rig_pass(&rig, 5000) == 0);
    REQUIRE(rig_pass(&rig, 1) == 1);
    REQUIRE(rig.reports == 1 && strstr(rig.report, "; it is closed") != NULL);
    REQUIRE(conn_stats(pool).closed_reclaimed == 1 && conn_stats(pool).open == 0);
    other = lease_from(pool); /* there is room */
    REQUIRE(!connpool_touch(pool, late));
    REQUIRE(!connpool_release(pool, late));
    REQUIRE(connpool_release(pool, other));
    REQUIRE(conn_stats(pool).misuses == 0);
    return rig_ends(&rig);
}

static struct {
    connpool_t *pool;
    connpool_lease_t lease;
    int calls_left; /* of the clock, until it touches; 0: not (any more) */
    bool was_alive;
} toucher;

static void touch_in_the_middle(struct rig *rig)
{
    (void)rig;
    if (toucher.calls_left != 0 && --toucher.calls_left == 0)
        toucher.was_alive = connpool_touch(toucher.pool, toucher.lease);
}

/*
 * Fails when a touch between the keeper's look at the time and its reclaim is overlooked, above all where
 * there was one before: the lease was told that it lives.
 */
static bool a_lease_that_was_touched_is_not_reclaimed_in_any_order(void)
{
    int touched = 0;

    for (int call = 1; call <= 12; call++) {
        struct rig rig;
        connpool_config_t config = rig_config_still(&rig);
        config.overdue_ms = 1000;
        config.flags |= CONNPOOL_RECLAIM;
        connpool_t *pool = toucher.pool = rig_start(&rig, &config);
        leases_from(pool, &toucher.lease, 1);
        REQUIRE(connpool_touch(pool, toucher.lease));
        toucher.was_alive = false;
        toucher.calls_left = 0;
        rig.on_clock = touch_in_the_middle;
        atomic_fetch_add(&rig.now_ms, 1001);
        toucher.calls_left = call;
        connpool_keep(pool);
        toucher.calls_left = 0;
        touched += toucher.was_alive;
        REQUIRE(conn_stats(pool).closed_reclaimed == !toucher.was_alive);
        REQUIRE(connpool_release(pool, toucher.lease) == toucher.was_alive);
        REQUIRE(rig_ends(&rig));
    }
    REQUIRE(touched >= 2); /* before the look, and behind it */
    return true;
}

static struct {
    connpool_t *pool;
    size_t told;
    bool was_called;
} inner;

static void keep_in_report(const char *line, void *arg)
{
    (void)line;
    (void)arg;
    inner.told = connpool_keep(inner.pool);
    inner.was_called = true;
}

/* Fails when a round within a round waits for it, or runs. */
static bool the_loser_of_two_rounds_at_once_gets_0(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig);
    config.overdue_ms = 1000;
    config.report = keep_in_report;
    config.min_idle = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease;

    inner.pool = pool;
    lease = lease_from(pool);
    /* The report comes before min_idle is opened: the round inside would do that. */
    REQUIRE(rig_pass(&rig, 1001) == 1);
    REQUIRE(inner.was_called && inner.told == 0);
    connpool_release(pool, lease);
    return rig_ends(&rig);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(an_overdue_lease_is_reported_once),
        PROPERTY(the_report_of_an_overdue_lease_names_its_key),
        PROPERTY(an_overdue_connection_is_closed_under_its_borrower_if_asked_for),
        PROPERTY(a_lease_that_was_touched_is_not_reclaimed_in_any_order),
        PROPERTY(the_loser_of_two_rounds_at_once_gets_0),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
