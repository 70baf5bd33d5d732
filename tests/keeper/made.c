#include "made.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "property.h"

/* ------------------------------------------------------------ what the pool is given */

static struct made_connection *free_connection(struct made *made)
{
    for (size_t i = 0; i < MADE_CONNECTIONS; i++)
        if (!made->connection[i].is_open)
            return &made->connection[i];
    MUST(!"so many connections");
    return NULL;
}

static int made_open(void **resource, const connpool_target_t *target, void *arg)
{
    struct made *made = arg;
    unsigned number = target->key == NULL ? 0 : (unsigned)(*(const char *)target->key - '0');

    MUST(number < MADE_SERVERS && (target->key == NULL || target->key_size == 1));
    if (made->tries < MADE_TRIES)
        made->tried_at[made->tries] = made->now_ms;
    made->tries++;
    struct made_server *server = &made->server[number];
    if (server->is_down) {
        server->failures++;
        return -ECONNREFUSED;
    }
    struct made_connection *connection = free_connection(made);
    *connection = (struct made_connection){.is_open = true,
                                           .fd = -1,
                                           .peer = -1,
                                           .server = number,
                                           .opened_at = made->now_ms,
                                           .used_at = made->now_ms};
    if (made->has_sockets) {
        int ends[2];
        MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        connection->fd = ends[0];
        connection->peer = ends[1];
    }
    server->opens++;
    server->open++;
    *resource = connection;
    return 0;
}

static void made_close(void *resource, void *arg)
{
    struct made *made = arg;
    struct made_connection *connection = resource;

    made->closes++;
    made->faults += !connection->is_open;
    connection->is_open = false;
    made->server[connection->server].open--;
    if (connection->fd >= 0)
        close(connection->fd);
    made_hang_up(connection);
}

static bool made_check(void *resource, void *arg)
{
    struct made *made = arg;
    struct made_connection *connection = resource;

    made->checks++;
    made->faults += !connection->is_open;
    return !connection->is_dead;
}

static bool made_reset(void *resource, void *arg)
{
    struct made *made = arg;

    if (made->on_reset != NULL)
        made->on_reset(made, resource);
    return true;
}

static int made_fd(void *resource, void *arg)
{
    (void)arg;
    return ((struct made_connection *)resource)->fd;
}

static void made_report(const char *line, void *arg)
{
    struct made *made = arg;

    made->reports++;
    snprintf(made->report, sizeof made->report, "%s", line);
}

static uint64_t made_clock(void *arg)
{
    struct made *made = arg;

    if (made->on_clock != NULL)
        made->on_clock(made);
    return atomic_load(&made->now_ms);
}

connpool_config_t made_config(struct made *made)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;

    *made = (struct made){.now_ms = 1000000};
    config.name = "made";
    config.open = made_open;
    config.close = made_close;
    config.check = made_check;
    config.reset = made_reset;
    config.fd = made_fd;
    config.report = made_report;
    config.clock = made_clock;
    config.arg = made;
    config.flags = CONNPOOL_NO_KEEPER;
    config.idle_timeout_ms = config.max_lifetime_ms = config.lifetime_jitter_ms = 0;
    return config;
}

/* ------------------------------------------------------------ pools */

connpool_t *made_pool(const connpool_config_t *config)
{
    connpool_t *pool = NULL;
    MUST(connpool_create(&pool, config) == 0);
    return pool;
}

connpool_stats_t made_stats(connpool_t *pool)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;
    MUST(connpool_stats(pool, &stats) == 0);
    return stats;
}

uint64_t made_closes(const connpool_stats_t *stats)
{
    return stats->closed_idle + stats->closed_old + stats->closed_unusable + stats->closed_reset +
           stats->closed_check + stats->closed_gone + stats->closed_limit + stats->closed_reclaimed +
           stats->closed_evicted + stats->closed_end;
}

bool made_agrees(struct made *made, connpool_t *pool)
{
    connpool_stats_t stats = made_stats(pool);
    uint64_t open = 0, opens = 0, failures = 0;

    for (size_t i = 0; i < MADE_SERVERS; i++) {
        open += made->server[i].open;
        opens += made->server[i].opens;
        failures += made->server[i].failures;
    }
    REQUIRE(stats.open == stats.idle + stats.in_use);
    REQUIRE(stats.open == open && stats.opens == opens && stats.open_failures == failures);
    REQUIRE(stats.opens - made_closes(&stats) == stats.open);
    REQUIRE(made_closes(&stats) == made->closes);
    REQUIRE(made->faults == 0);
    return true;
}

bool made_ends(struct made *made, connpool_t *pool)
{
    REQUIRE(made_agrees(made, pool));
    connpool_destroy(pool);
    for (size_t i = 0; i < MADE_SERVERS; i++)
        REQUIRE(made->server[i].open == 0);
    REQUIRE(made->faults == 0);
    return true;
}

size_t made_pass(struct made *made, connpool_t *pool, uint64_t ms)
{
    atomic_fetch_add(&made->now_ms, ms);
    return connpool_keep(pool);
}

void made_acquire(connpool_t *pool, connpool_lease_t *leases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        MUST(connpool_acquire(pool, 0, &leases[i]) == 0);
}

size_t made_release(connpool_t *pool, const connpool_lease_t *leases, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        kept += connpool_release(pool, leases[i]);
    return kept;
}

void made_fill(connpool_t *pool, size_t count)
{
    connpool_lease_t leases[MADE_CONNECTIONS];

    MUST(count <= MADE_CONNECTIONS);
    made_acquire(pool, leases, count);
    MUST(made_release(pool, leases, count) == count);
}

void made_hang_up(struct made_connection *connection)
{
    /* Taken before it is closed: the pool closes the connection as soon as it hears. */
    int peer = atomic_exchange(&connection->peer, -1);
    if (peer >= 0)
        close(peer);
}
