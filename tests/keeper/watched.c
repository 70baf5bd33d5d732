/*
 * Connections whose other end is gone, told of by the kernel: pairs of sockets.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lending.h"
#include "pools.h"
#include "process.h"
#include "property.h"
#include "until.h"

static connpool_config_t watched_config(struct rig *rig)
{
    connpool_config_t config = rig_config_still(rig);
    rig->has_sockets = true;
    return config;
}

/* Fails when one that is gone is lent out after a round, a live one is closed, or min_idle waits for a round
 * more. */
static bool an_idle_one_that_is_gone_is_closed_and_replaced_in_one_round(void)
{
    struct rig rig;
    connpool_config_t config = watched_config(&rig);
    config.min_idle = 4;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[4];

    REQUIRE(connpool_keep(pool) == 4);
    leases_from(pool, lease, 4);
    REQUIRE(leases_end(pool, lease, 4) == 4);
    connection_hang_up(lease[1].resource);
    connection_hang_up(lease[2].resource);
    REQUIRE(connpool_keep(pool) == 4); /* two closed, two opened */
    REQUIRE(conn_stats(pool).closed_gone == 2 && conn_stats(pool).idle == 4);
    leases_from(pool, lease, 4);
    for (int i = 0; i < 4; i++)
        REQUIRE(connection_of(lease[i])->peer >= 0);
    REQUIRE(leases_end(pool, lease, 4) == 4 && connpool_keep(pool) == 0);
    return rig_ends(&rig);
}

/* Fails when what the other end closes while it is lent out is kept for the next. */
static bool one_that_goes_while_it_is_lent_out_is_closed_by_release(void)
{
    struct rig rig;
    connpool_config_t config = watched_config(&rig);
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    connection_hang_up(lease.resource);
    REQUIRE(connpool_keep(pool) == 0 && conn_stats(pool).in_use == 1);
    REQUIRE(!connpool_release(pool, lease));
    REQUIRE(conn_stats(pool).closed_gone == 1 && conn_stats(pool).misuses == 0);
    return rig_ends(&rig);
}

/* Fails when a half-closed connection, which can still be written to, is taken for a live one. */
static bool a_half_closed_one_is_gone_too(void)
{
    struct rig rig;
    connpool_config_t config = watched_config(&rig);
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    connpool_release(pool, lease);
    MUST(shutdown(connection_of(lease)->peer, SHUT_WR) == 0);
    REQUIRE(connpool_keep(pool) == 1 && conn_stats(pool).closed_gone == 1);
    return rig_ends(&rig);
}

/* Fails when bytes that arrive unasked are taken for an end. */
static bool one_that_has_something_to_say_is_not_gone(void)
{
    struct rig rig;
    connpool_config_t config = watched_config(&rig);
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    connpool_release(pool, lease);
    MUST(write(connection_of(lease)->peer, "+hello\r\n", 8) == 8);
    REQUIRE(connpool_keep(pool) == 0 && conn_stats(pool).idle == 1);
    return rig_ends(&rig);
}

/*
 * Fails when an event names a slot, or a descriptor, and not a connection. The first one's socket has a copy
 * (as a child of fork has one), so its end is told of after it was closed; then its slot and its descriptor's
 * number are the second's.
 */
static bool a_late_event_of_a_closed_one_does_not_end_the_next(void)
{
    struct rig rig;
    connpool_config_t config = watched_config(&rig);
    rig.reuses = true;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t first, second;

    first = lease_from(pool);
    struct connection *connection = connection_of(first);
    int fd = connection->fd, copy = dup(fd), peer = connection->peer;
    MUST(copy >= 0);
    connection->peer = -1; /* ours now */
    connpool_mark_unusable(pool, first);
    REQUIRE(!connpool_release(pool, first));
    second = lease_from(pool);
    REQUIRE(second.resource == first.resource && connection_of(second)->fd == fd);
    REQUIRE((second.ticket & 0xffff) == (first.ticket & 0xffff));
    close(peer);
    REQUIRE(connpool_keep(pool) == 0);
    REQUIRE(connpool_release(pool, second));
    second = lease_from(pool);
    close(copy);
    REQUIRE(connpool_keep(pool) == 0 && connpool_release(pool, second));
    REQUIRE(conn_stats(pool).closed_gone == 0);
    return rig_ends(&rig);
}

static connpool_t *kept_pool;
static size_t kept;

/* The other end goes, and the keeper hears of it, while the connection is in the hands of who resets it. */
static void hang_up_and_keep(struct connection *connection)
{
    connection_hang_up(connection);
    kept += connpool_keep(kept_pool);
}

/* Fails when an event that finds a connection in somebody's hands is forgotten: it is told once. */
static bool one_that_goes_in_somebody_s_hands_is_not_forgotten(void)
{
    struct rig rig;
    connpool_config_t config = watched_config(&rig);
    connpool_t *pool = kept_pool = rig_start(&rig, &config);

    connpool_lease_t lease = lease_from(pool);
    rig.on_reset = hang_up_and_keep;
    kept = 0;
    REQUIRE(connpool_release(pool, lease) && kept == 0);
    REQUIRE(connpool_keep(pool) == 1 && conn_stats(pool).closed_gone == 1);
    return rig_ends(&rig);
}

/* Fails when a file, or a number that is no descriptor, costs more than not being watched. */
static bool what_cannot_be_watched_is_not(void)
{
    struct rig rig;
    connpool_config_t config = rig_config_still(&rig); /* no sockets: -1 */
    connpool_t *pool = rig_start(&rig, &config);

    make_idle(pool, 4);
    REQUIRE(connpool_keep(pool) == 0 && conn_stats(pool).idle == 4);
    return rig_ends(&rig);
}

/* ------------------------------------------------------------ with the thread */

/* Fails when the thread does not begin, does not hear, or sleeps until its interval, which is a day here. */
static bool the_thread_hears_at_once(void)
{
    struct rig rig;
    connpool_config_t config = watched_config(&rig);
    config.flags = 0;
    config.min_idle = 1;
    config.keep_interval_ms = 86400000;
    connpool_t *pool = rig_start(&rig, &config);

    for (uint64_t i = 0; i < 50; i++) {
        connpool_lease_t lease;
        WAIT_UNTIL(conn_stats(pool).opens == i + 1 && conn_stats(pool).idle == 1);
        lease = lease_from(pool);
        connpool_release(pool, lease);
        connection_hang_up(lease.resource);
        WAIT_UNTIL(conn_stats(pool).closed_gone == i + 1);
    }
    WAIT_UNTIL(conn_stats(pool).idle == 1);
    MUST(connpool_resize(pool, 4, 4, 3) == 0);
    WAIT_UNTIL(conn_stats(pool).idle == 3);
    return rig_ends(&rig);
}

/* Fails when a pool that is gone leaves a thread or a descriptor. */
static bool destroy_leaves_no_thread_and_no_descriptor(void)
{
    size_t threads = entry_count("/proc/self/task"), files = entry_count("/proc/self/fd");

    for (int i = 0; i < 20; i++) {
        struct rig rig;
        connpool_config_t config = watched_config(&rig);
        config.flags = 0;
        config.min_idle = 2;
        connpool_t *pool = rig_start(&rig, &config);
        REQUIRE(entry_count("/proc/self/task") == threads + 1);
        if (i % 2 == 0)
            WAIT_UNTIL(conn_stats(pool).idle == 2);
        REQUIRE(rig_destroy(&rig)); /* each second time in the middle of the opens */
        /* A thread that was joined leaves the list when the kernel has come to it. */
        WAIT_UNTIL(entry_count("/proc/self/task") == threads);
        REQUIRE(entry_count("/proc/self/fd") == files);
    }
    return true;
}

/*
 * Fails when one thread keeps all pools, when a round holds what acquires need, or when close waits for the
 * server that an open waits for.
 */
static bool an_open_that_blocks_stalls_no_other_pool_and_no_caller(void)
{
    struct rig rig, stalled;
    connpool_config_t config = watched_config(&rig), blocking = rig_config_still(&stalled);
    connpool_lease_t lease;

    blocking.flags = 0;
    blocking.min_idle = blocking.max_open = 1;
    stalled.holds = true;
    connpool_t *blocked = rig_start(&stalled, &blocking);
    WAIT_UNTIL(stalled.asked == 1);

    config.flags = 0;
    config.min_idle = 2;
    connpool_t *other = rig_start(&rig, &config);
    WAIT_UNTIL(conn_stats(other).idle == 2);
    REQUIRE(connpool_keep(blocked) == 0);
    REQUIRE(connpool_acquire(blocked, 0, &lease) < 0);
    REQUIRE(conn_stats(blocked).opening == 1);
    REQUIRE(connpool_close(blocked, 0) < 0);
    stalled.holds = false;
    REQUIRE(connpool_close(blocked, FOR_EVER) == 0);
    return rig_ends(&stalled) && rig_ends(&rig);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(an_idle_one_that_is_gone_is_closed_and_replaced_in_one_round),
        PROPERTY(one_that_goes_while_it_is_lent_out_is_closed_by_release),
        PROPERTY(a_half_closed_one_is_gone_too),
        PROPERTY(one_that_has_something_to_say_is_not_gone),
        PROPERTY(a_late_event_of_a_closed_one_does_not_end_the_next),
        PROPERTY(one_that_goes_in_somebody_s_hands_is_not_forgotten),
        PROPERTY(what_cannot_be_watched_is_not),
        PROPERTY(the_thread_hears_at_once),
        PROPERTY(destroy_leaves_no_thread_and_no_descriptor),
        PROPERTY(an_open_that_blocks_stalls_no_other_pool_and_no_caller),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
