/*
 * 24 hours of a pool, second by second: load by the hour, lifetimes with jitter, idle time-outs, connections
 * that the server drops, three outages. Each second both sides must agree, and every rule of the keeper hold.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lending.h"
#include "pools.h"
#include "property.h"

enum {
    DAY = 86400,
    MAX_OPEN = 64,
    LIFE = 1800000,
    LIFE_MOST = 3600000,
    JITTER = 45000,
    IDLE = 120000,
    CHECK = 10000,
    MIN_IDLE = 2,
    MIN_IDLE_MOST = 24
};

/* Connections in use at most, by the hour. */
static const unsigned load[24] = {2,  1,  1,  0,  0,  1,  4,  10, 22, 36, 44, 50,
                                  46, 48, 60, 72, 58, 40, 30, 34, 26, 16, 8,  4};

/* When the server is down: seconds of the day, from and to. */
static const unsigned outage[3][2] = {
    {3 * 3600 + 5, 3 * 3600 + 1205}, {11 * 3600 + 30, 11 * 3600 + 90}, {15 * 3600 + 600, 15 * 3600 + 605}};

struct day {
    struct rig rig;
    connpool_lease_t lease[MAX_OPEN];
    uint64_t ends[MAX_OPEN]; /* when it is released, seconds; 0: none is lent out here */
    uint64_t random, refused, served, dropped, most_open;
};

static bool is_down(unsigned second)
{
    for (int i = 0; i < 3; i++)
        if (second >= outage[i][0] && second < outage[i][1])
            return true;
    return false;
}

/* Just now, or a pause ago: five seconds, and a round. */
static bool was_down(unsigned second)
{
    for (unsigned ago = 0; ago <= 6; ago++)
        if (second >= ago && is_down(second - ago))
            return true;
    return false;
}

/* A borrower whose server has dropped him knows it by the end. */
static void give_back(struct day *day, size_t i)
{
    struct connection *connection = connection_of(day->lease[i]);

    connection->is_lent = false;
    connection->used_at = day->rig.now_ms;
    if (connection->is_dead)
        connpool_mark_unusable(day->rig.pool, day->lease[i]);
    connpool_release(day->rig.pool, day->lease[i]);
    day->ends[i] = 0;
}

static void release_due(struct day *day, unsigned second)
{
    for (size_t i = 0; i < MAX_OPEN; i++) {
        if (day->ends[i] != 0 && day->ends[i] <= second)
            give_back(day, i);
    }
}

/* As many more as the hour asks for, each for one second to two minutes. */
static void acquire_some(struct day *day, unsigned second)
{
    unsigned wanted = load[second / 3600] * (unsigned)(50 + random_next(&day->random) % 51) / 100, busy = 0;

    for (size_t i = 0; i < MAX_OPEN; i++)
        busy += day->ends[i] != 0;
    for (size_t i = 0; i < MAX_OPEN && busy < wanted; i++) {
        if (day->ends[i] != 0)
            continue;
        if (connpool_acquire(day->rig.pool, 0, &day->lease[i]) != 0) {
            day->refused++;
            return;
        }
        struct connection *connection = connection_of(day->lease[i]);
        connection->is_lent = true;
        day->ends[i] = second + 1 + random_next(&day->random) % 120;
        if (connection->is_dead) { /* the keeper has not checked it yet */
            give_back(day, i);
            continue;
        }
        day->served++;
        busy++;
    }
}

/* The server drops one now and then, and all of them when it goes down: their check fails from then on. */
static void drop_some(struct day *day, unsigned second)
{
    bool all = is_down(second) && !is_down(second - 1);

    struct connection *connection = atomic_load(&day->rig.connections);

    for (; connection != NULL; connection = connection->next) {
        if (connection_is_open(connection) && !connection->is_dead &&
            (all || random_next(&day->random) % 20000 == 0)) {
            connection->is_dead = true;
            connection->died_at = day->rig.now_ms;
            day->dropped++;
        }
    }
}

/* What a round must have left. */
static bool all_is_in_order(struct day *day, unsigned second)
{
    connpool_stats_t stats = conn_stats(day->rig.pool);
    uint64_t now = day->rig.now_ms, idle = 0, overstayed = 0;

    REQUIRE(rig_agrees(&day->rig));
    REQUIRE(stats.open <= MAX_OPEN && stats.misuses == 0 && stats.opening == 0 && stats.waiters == 0);
    REQUIRE(stats.min_idle >= MIN_IDLE && stats.min_idle <= MIN_IDLE_MOST);
    REQUIRE(stats.max_lifetime_ms >= LIFE && stats.max_lifetime_ms <= LIFE_MOST);
    struct connection *connection = atomic_load(&day->rig.connections);
    for (; connection != NULL; connection = connection->next) {
        if (!connection_is_open(connection) || connection->is_lent)
            continue;
        idle++;
        REQUIRE(now - connection->opened_at < stats.max_lifetime_ms); /* too old, and still here */
        overstayed += now - connection->used_at > IDLE;
        uint64_t unknown_since =
            connection->died_at > connection->used_at ? connection->died_at : connection->used_at;
        REQUIRE(!connection->is_dead || now - unknown_since <= CHECK + SECOND);
    }
    REQUIRE(idle == stats.idle);
    REQUIRE(overstayed <= stats.min_idle); /* idle too long, and not asked for by min_idle */
    REQUIRE(overstayed == 0 || idle <= stats.min_idle);
    /* Opened ahead, unless there is no room, or no server to open at (and a pause at most after that). */
    REQUIRE(stats.idle >= stats.min_idle || stats.open == MAX_OPEN || was_down(second));
    day->most_open = stats.open > day->most_open ? stats.open : day->most_open;
    return true;
}

/* Fails when any rule breaks in any second; a day is long enough for each to be tried thousands of times. */
static bool a_day_passes_in_order(void)
{
    static struct day day;
    connpool_config_t config = rig_config_still(&day.rig);

    config.max_open = MAX_OPEN;
    config.min_idle = MIN_IDLE;
    config.min_idle_most = MIN_IDLE_MOST;
    config.idle_timeout_ms = IDLE;
    config.max_lifetime_ms = LIFE;
    config.max_lifetime_most_ms = LIFE_MOST;
    config.lifetime_jitter_ms = JITTER;
    config.check_interval_ms = CHECK;
    config.reset = NULL;
    config.fd = NULL;
    day.rig.reuses = true;
    rig_start(&day.rig, &config);
    day.random = 20;

    for (unsigned second = 1; second <= DAY; second++) {
        day.rig.refuses = is_down(second) ? -ECONNREFUSED : 0;
        drop_some(&day, second);
        release_due(&day, second % DAY == 0 ? UINT32_MAX : second);
        if (second < DAY)
            acquire_some(&day, second);
        rig_pass(&day.rig, SECOND);
        if (!all_is_in_order(&day, second)) {
            printf("  at %02u:%02u:%02u\n", second / 3600, second / 60 % 60, second % 60);
            return false;
        }
    }
    connpool_stats_t stats = conn_stats(day.rig.pool);
    printf("  %" PRIu64 " served, %" PRIu64 " refused; %" PRIu64 " opens and %" PRIu64 " that failed\n",
           day.served, day.refused, stats.opens, stats.open_failures);
    printf("  closed: %" PRIu64 " idle, %" PRIu64 " old, %" PRIu64 " by check, %" PRIu64 " marked\n",
           stats.closed_idle, stats.closed_old, stats.closed_check, stats.closed_unusable);
    /* A day in which nothing was tried would be in order too. */
    REQUIRE(stats.closed_idle > 50 && stats.closed_old > 500 && stats.closed_check > 0 &&
            stats.closed_unusable > 50);
    REQUIRE(day.most_open == MAX_OPEN && day.refused > 0 && stats.in_use == 0);
    /* Outages of 20 minutes, one, and 5 seconds: pauses of 5 s at most, 3.75 at least when they have grown.
     */
    REQUIRE(stats.open_failures >= 1200 / 5 + 60 / 5 && stats.open_failures <= 2 * (1265 / 3 + 30));
    return rig_ends(&day.rig);
}

int main(void)
{
    static const struct property properties[] = {PROPERTY(a_day_passes_in_order)};
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
