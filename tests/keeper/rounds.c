/*
 * What the keeper's rounds do, on a clock of the test's own: opened ahead, closed in time, checked, told of.
 */
#include <string.h>

#include "made.h"
#include "pools.h"
#include "property.h"

/* Fails when min_idle is not opened ahead, or more than that. */
static bool min_idle_is_opened_ahead(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.min_idle = 3;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    REQUIRE(made_stats(pool).open == 0);
    REQUIRE(connpool_keep(pool) == 3 && made.server[0].opens == 3);
    REQUIRE(made_stats(pool).idle == 3 && made_stats(pool).min_idle == 3);
    REQUIRE(made_pass(&made, pool, 1000) == 0);
    /* What is lent out is not idle: one more. */
    made_acquire(pool, &lease, 1);
    REQUIRE(made.server[0].opens == 3);
    REQUIRE(made_pass(&made, pool, 1000) == 1 && made_stats(pool).idle == 3);
    made_release(pool, &lease, 1);
    REQUIRE(made_pass(&made, pool, 1000) == 0 && made_stats(pool).idle == 4);
    return made_ends(&made, pool);
}

/* Fails when a round opens beyond max_open, or beyond max_idle what release would close again. */
static bool no_round_opens_beyond_the_limits(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.max_open = config.min_idle = 4;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease[3];

    made_acquire(pool, lease, 3);
    REQUIRE(connpool_keep(pool) == 1);
    REQUIRE(made_stats(pool).open == 4);
    made_release(pool, lease, 3);
    REQUIRE(made_ends(&made, pool));

    config = made_config(&made);
    config.min_idle = config.max_idle = 2;
    config.min_idle_most = 16;
    pool = made_pool(&config);
    made_acquire(pool, lease, 3);
    connpool_keep(pool);
    made_release(pool, lease, 3);
    for (int i = 0; i < 10; i++) {
        made_pass(&made, pool, 1000);
        REQUIRE(made_stats(pool).idle == 2 && made_stats(pool).closed_limit == 3);
    }
    return made_ends(&made, pool);
}

/* Fails when an idle connection is closed at the time-out and not behind it, or fewer than min_idle are left.
 */
static bool the_idle_time_out_leaves_min_idle(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.min_idle = 2;
    config.idle_timeout_ms = 600000;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    made_fill(pool, 6);
    REQUIRE(made_pass(&made, pool, 300000) == 0);
    made_acquire(pool, &lease, 1); /* used half way: it outlives the others */
    made_release(pool, &lease, 1);
    REQUIRE(made_pass(&made, pool, 300000) == 0);
    REQUIRE(made_pass(&made, pool, 1) == 4 && made_stats(pool).closed_idle == 4);
    REQUIRE(made_pass(&made, pool, 10000000) == 0 && made_stats(pool).idle == 2);
    return made_ends(&made, pool);
}

/* Fails when jitter is left out (all at once), longer than asked for, or the lifetime is exceeded. */
static bool lifetimes_end_one_by_one_within_the_jitter(void)
{
    enum { COUNT = 200, LIFE = 1800000, JITTER = 45000 };
    struct made made;
    connpool_config_t config = made_config(&made);
    uint64_t quarter[4] = {0}, closed = 0;
    config.max_open = COUNT;
    config.max_lifetime_ms = LIFE;
    config.lifetime_jitter_ms = JITTER;
    connpool_t *pool = made_pool(&config);

    made_fill(pool, COUNT);
    REQUIRE(made_pass(&made, pool, LIFE - JITTER - 1) == 0);
    for (uint64_t age = LIFE - JITTER; age <= LIFE; age++) {
        size_t now = made_pass(&made, pool, 1);
        closed += now;
        quarter[(age - (LIFE - JITTER)) * 4 / (JITTER + 1)] += now;
    }
    REQUIRE(closed == COUNT && made_stats(pool).closed_old == COUNT);
    for (int i = 0; i < 4; i++) /* none of 200 in one of them: by chance once in 10^24 */
        REQUIRE(quarter[i] != 0);
    return made_ends(&made, pool);
}

/* Fails when what is old is kept because it is in use, or replaced late. */
static bool what_is_old_goes_at_release_and_is_replaced(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.min_idle = 1;
    config.max_lifetime_ms = 60000;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    connpool_keep(pool);
    made_acquire(pool, &lease, 1);
    REQUIRE(made_pass(&made, pool, 60000) == 1); /* the one opened ahead in its place */
    REQUIRE(made_stats(pool).in_use == 1 && made_stats(pool).idle == 1);
    REQUIRE(!connpool_release(pool, lease));
    REQUIRE(made_stats(pool).closed_old == 1);
    /* And an idle one is closed and replaced in one round. */
    REQUIRE(made_pass(&made, pool, 60000) == 2 && made_stats(pool).idle == 1);
    return made_ends(&made, pool);
}

/* Fails when dead ones are not found, live ones are closed, or one is checked twice an interval. */
static bool idle_connections_are_checked_once_an_interval(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.check_interval_ms = 30000;
    connpool_t *pool = made_pool(&config);

    made_fill(pool, 8);
    made_pass(&made, pool, 30000);
    REQUIRE(made.checks == 0);
    made_pass(&made, pool, 1);
    REQUIRE(made.checks == 8);
    made_pass(&made, pool, 15000);
    REQUIRE(made.checks == 8);
    made.connection[3].is_dead = made.connection[5].is_dead = true;
    REQUIRE(made_pass(&made, pool, 15001) == 2);
    REQUIRE(made.checks == 16 && made_stats(pool).closed_check == 2 && made_stats(pool).idle == 6);
    return made_ends(&made, pool);
}

/* Fails when an overdue lease is told of early, twice, or not at all the next time; or when touch is no use.
 */
static bool an_overdue_lease_is_reported_once(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.overdue_ms = 5000;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    made_acquire(pool, &lease, 1);
    made_pass(&made, pool, 4000);
    REQUIRE(connpool_touch(pool, lease)); /* five seconds from now */
    made_pass(&made, pool, 5000);
    REQUIRE(made.reports == 0);
    made_pass(&made, pool, 1);
    REQUIRE(made.reports == 1);
    REQUIRE(strstr(made.report, "pool 'made': overdue: connection 0, lent out for 5001 ms") != NULL);
    REQUIRE(strchr(made.report, '\n') == NULL);
    for (int i = 0; i < 20; i++)
        made_pass(&made, pool, 5000);
    REQUIRE(made.reports == 1 && made_stats(pool).overdue == 1);
    REQUIRE(connpool_release(pool, lease));

    made_acquire(pool, &lease, 1);
    made_pass(&made, pool, 5001);
    REQUIRE(made.reports == 2);
    made_release(pool, &lease, 1);
    REQUIRE(made_stats(pool).misuses == 0);
    return made_ends(&made, pool);
}

/* Fails when the key is missing from the report, or bytes of it get to somebody's terminal as they are. */
static bool the_report_of_an_overdue_lease_names_its_key(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.overdue_ms = 5000;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    MUST(connpool_acquire_key(pool, "1", 1, 0, &lease) == 0);
    made_pass(&made, pool, 5001);
    REQUIRE(strstr(made.report, "connection 0 to '1', lent out") != NULL);
    made_release(pool, &lease, 1);
    return made_ends(&made, pool);
}

/* Fails when a reclaimed connection stays open, its room is lost, or its borrower's release is misuse. */
static bool an_overdue_connection_is_closed_under_its_borrower_if_asked_for(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.max_open = 1;
    config.overdue_ms = 5000;
    config.flags |= CONNPOOL_RECLAIM;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t late, other;

    made_acquire(pool, &late, 1);
    REQUIRE(made_pass(&made, pool, 4999) == 0 && connpool_touch(pool, late));
    REQUIRE(made_pass(&made, pool, 5000) == 0);
    REQUIRE(made_pass(&made, pool, 1) == 1);
    REQUIRE(made.reports == 1 && strstr(made.report, "; it is closed") != NULL);
    REQUIRE(made_stats(pool).closed_reclaimed == 1 && made_stats(pool).open == 0);
    made_acquire(pool, &other, 1); /* there is room */
    REQUIRE(!connpool_touch(pool, late));
    REQUIRE(!connpool_release(pool, late));
    REQUIRE(connpool_release(pool, other));
    REQUIRE(made_stats(pool).misuses == 0);
    return made_ends(&made, pool);
}

static struct {
    connpool_t *pool;
    connpool_lease_t lease;
    int calls_left; /* of the clock, until it touches; 0: not (any more) */
    bool was_alive;
} toucher;

static void touch_in_the_middle(struct made *made)
{
    (void)made;
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
        struct made made;
        connpool_config_t config = made_config(&made);
        config.overdue_ms = 1000;
        config.flags |= CONNPOOL_RECLAIM;
        connpool_t *pool = toucher.pool = made_pool(&config);
        made_acquire(pool, &toucher.lease, 1);
        REQUIRE(connpool_touch(pool, toucher.lease));
        toucher.was_alive = false;
        toucher.calls_left = 0;
        made.on_clock = touch_in_the_middle;
        atomic_fetch_add(&made.now_ms, 1001);
        toucher.calls_left = call;
        connpool_keep(pool);
        toucher.calls_left = 0;
        touched += toucher.was_alive;
        REQUIRE(made_stats(pool).closed_reclaimed == !toucher.was_alive);
        REQUIRE(connpool_release(pool, toucher.lease) == toucher.was_alive);
        REQUIRE(made_ends(&made, pool));
    }
    REQUIRE(touched >= 2); /* before the look, and behind it */
    return true;
}

static struct {
    connpool_t *pool;
    size_t told;
    bool was_called;
} inner;

static void keep_inside(struct made *made, struct made_connection *connection)
{
    (void)made;
    (void)connection;
    inner.told = connpool_keep(inner.pool);
    inner.was_called = true;
}

static void keep_in_report(const char *line, void *arg)
{
    (void)line;
    keep_inside(arg, NULL);
}

/* Fails when a round within a round waits for it, or runs. */
static bool the_loser_of_two_rounds_at_once_gets_0(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.overdue_ms = 1000;
    config.report = keep_in_report;
    config.min_idle = 1;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    inner.pool = pool;
    made_acquire(pool, &lease, 1);
    /* The report comes before min_idle is opened: the round inside would do that. */
    REQUIRE(made_pass(&made, pool, 1001) == 1);
    REQUIRE(inner.was_called && inner.told == 0);
    made_release(pool, &lease, 1);
    return made_ends(&made, pool);
}

/* Fails when resize does not reach the keeper. */
static bool a_resize_moves_min_idle(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.min_idle = 1;
    config.idle_timeout_ms = 1000;
    connpool_t *pool = made_pool(&config);

    REQUIRE(connpool_keep(pool) == 1);
    MUST(connpool_resize(pool, 8, 8, 5) == 0);
    REQUIRE(connpool_keep(pool) == 4 && made_stats(pool).min_idle == 5);
    MUST(connpool_resize(pool, 8, 8, 2) == 0);
    REQUIRE(made_pass(&made, pool, 1001) == 3 && made_stats(pool).idle == 2);
    return made_ends(&made, pool);
}

/* Fails when a round opens in a pool that is closed. */
static bool a_closed_pool_is_left_alone(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.min_idle = 3;
    connpool_t *pool = made_pool(&config);

    REQUIRE(connpool_keep(pool) == 3);
    MUST(connpool_close(pool, 0) == 0);
    REQUIRE(made_pass(&made, pool, 1000) == 0 && made.server[0].opens == 3);
    return made_ends(&made, pool);
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
        PROPERTY(an_overdue_lease_is_reported_once),
        PROPERTY(the_report_of_an_overdue_lease_names_its_key),
        PROPERTY(an_overdue_connection_is_closed_under_its_borrower_if_asked_for),
        PROPERTY(a_lease_that_was_touched_is_not_reclaimed_in_any_order),
        PROPERTY(the_loser_of_two_rounds_at_once_gets_0),
        PROPERTY(a_resize_moves_min_idle),
        PROPERTY(a_closed_pool_is_left_alone),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
