#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pools.h"

enum { NEVER_OPENED, IS_OPEN, IS_CLOSED };

static void fault(struct host *host)
{
    atomic_fetch_add(&host->faults, 1);
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}

/* A callback begins, and ends: no other may run for the same connection meanwhile. */
static struct connection *enter(void *resource)
{
    struct connection *connection = resource;
    if (atomic_fetch_add(&connection->calls, 1) != 0)
        fault(connection->host);
    if (atomic_load(&connection->life) != IS_OPEN)
        fault(connection->host);
    return connection;
}

static void leave(struct connection *connection)
{
    atomic_fetch_sub(&connection->calls, 1);
}

static void count_live(struct host *host)
{
    int64_t live = atomic_fetch_add(&host->live, 1) + 1;
    int64_t most = atomic_load(&host->most);
    while (live > most && !atomic_compare_exchange_weak(&host->most, &most, live))
        continue;
}

static int host_open(void **resource, const connpool_target_t *target, void *arg)
{
    struct host *host = arg;

    atomic_fetch_add(&host->asked, 1);
    count_live(host);
    while (atomic_load(&host->holds))
        pause_briefly();
    int refusal = atomic_load(&host->refuses);
    if (refusal != 0) {
        atomic_fetch_sub(&host->live, 1);
        return refusal;
    }
    uint64_t serial = atomic_fetch_add(&host->opened, 1) + 1;
    MUST(serial < HOST_CONNECTIONS);
    struct connection *connection = &host->connections[serial];
    connection->host = host;
    connection->serial = serial;
    connection->near_end = connection->far_end = -1;
    MUST(target->key_size < sizeof connection->key);
    if (target->key_size > 0)
        memcpy(connection->key, target->key, target->key_size);
    if (host->has_sockets) {
        int ends[2];
        MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        connection->near_end = ends[0];
        connection->far_end = ends[1];
    }
    if (atomic_exchange(&connection->life, IS_OPEN) != NEVER_OPENED)
        fault(host);
    *resource = connection;
    return 0;
}

static void host_close(void *resource, void *arg)
{
    struct host *host = arg;
    struct connection *connection = enter(resource);

    atomic_fetch_add(&host->closed, 1);
    if (atomic_load(&connection->owner) != 0)
        fault(host);
    if (atomic_exchange(&connection->life, IS_CLOSED) != IS_OPEN)
        fault(host);
    if (connection->near_end >= 0)
        close(connection->near_end);
    leave(connection);
    atomic_fetch_sub(&host->live, 1);
}

static bool host_check(void *resource, void *arg)
{
    struct host *host = arg;
    struct connection *connection = enter(resource);

    atomic_fetch_add(&host->checks, 1);
    bool is_alive = !atomic_load(&connection->is_dead);
    leave(connection);
    return is_alive;
}

static bool host_reset(void *resource, void *arg)
{
    struct host *host = arg;
    struct connection *connection = enter(resource);

    atomic_fetch_add(&host->resets, 1);
    while (atomic_load(&host->holds_resets))
        pause_briefly();
    bool is_fit = !atomic_load(&connection->is_dirty);
    leave(connection);
    return is_fit;
}

static int host_fd(void *resource, void *arg)
{
    struct connection *connection = resource;
    (void)arg;
    return connection->near_end;
}

static void host_report(const char *line, void *arg)
{
    struct host *host = arg;
    snprintf(host->report, sizeof host->report, "%s", line);
    atomic_fetch_add(&host->reports, 1);
}

static uint64_t host_clock(void *arg)
{
    struct host *host = arg;
    return atomic_load(&host->now_ms);
}

connpool_config_t host_config(struct host *host)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;
    config.name = "host";
    config.open = host_open;
    config.close = host_close;
    config.check = host_check;
    config.reset = host_reset;
    config.fd = host->has_sockets ? host_fd : NULL;
    config.report = host_report;
    config.clock = host_clock;
    config.arg = host;
    config.flags = CONNPOOL_NO_KEEPER;
    config.lifetime_jitter_ms = 0;
    return config;
}

void host_start(struct host *host, const connpool_config_t *config)
{
    if (host->connections == NULL)
        host->connections = calloc(HOST_CONNECTIONS, sizeof *host->connections);
    MUST(host->connections != NULL);
    if (atomic_load(&host->now_ms) == 0)
        atomic_store(&host->now_ms, 1000000);
    MUST(connpool_create(&host->pool, config) == 0);
}

void host_end(struct host *host)
{
    connpool_destroy(host->pool);
    for (uint64_t i = 1; i <= atomic_load(&host->opened); i++) {
        struct connection *connection = &host->connections[i];
        MUST(atomic_load(&connection->life) == IS_CLOSED);
        if (connection->far_end >= 0)
            close(connection->far_end);
    }
    MUST(atomic_load(&host->closed) == atomic_load(&host->opened));
    MUST(atomic_load(&host->faults) == 0);
    free(host->connections);
    host->connections = NULL;
}

connpool_stats_t host_stats(struct host *host)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;
    MUST(connpool_stats(host->pool, &stats) == 0);
    MUST(stats.open == stats.idle + stats.in_use);
    MUST(stats.opens == atomic_load(&host->opened));
    uint64_t closes = stats.closed_idle + stats.closed_old + stats.closed_unusable + stats.closed_reset +
                      stats.closed_check + stats.closed_gone + stats.closed_limit + stats.closed_reclaimed +
                      stats.closed_evicted + stats.closed_end;
    MUST(closes == atomic_load(&host->closed));
    MUST(stats.opens - closes == stats.open);
    return stats;
}

size_t host_pass(struct host *host, uint64_t ms)
{
    atomic_fetch_add(&host->now_ms, ms);
    return connpool_keep(host->pool);
}

static connpool_stats_t passing_stats(struct host *host)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;
    MUST(connpool_stats(host->pool, &stats) == 0);
    return stats;
}

enum { PATIENCE = 60 * 20000 }; /* a minute of pauses */

void host_wait_waiters(struct host *host, uint64_t count)
{
    for (int i = 0; passing_stats(host).waiters != count; i++) {
        MUST(i < PATIENCE);
        pause_briefly();
    }
}

void host_wait_opening(struct host *host, uint64_t count)
{
    for (int i = 0; passing_stats(host).opening != count; i++) {
        MUST(i < PATIENCE);
        pause_briefly();
    }
}

static int acquire(struct host *host, const char *key, uint32_t timeout_ms, connpool_lease_t *lease)
{
    if (key == NULL)
        return connpool_acquire(host->pool, timeout_ms, lease);
    return connpool_acquire_key(host->pool, key, strlen(key), timeout_ms, lease);
}

connpool_lease_t take_key(struct host *host, const char *key)
{
    connpool_lease_t lease = {0};
    MUST(acquire(host, key, UINT32_MAX, &lease) == 0);
    MUST(lease.ticket != 0);
    MUST(atomic_load(&connection_of(lease)->life) == IS_OPEN);
    MUST(strcmp(connection_of(lease)->key, key == NULL ? "" : key) == 0);
    return lease;
}

connpool_lease_t take(struct host *host)
{
    return take_key(host, NULL);
}

void take_many(struct host *host, connpool_lease_t *leases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        leases[i] = take(host);
}

bool give(struct host *host, connpool_lease_t lease)
{
    return connpool_release(host->pool, lease);
}

size_t give_many(struct host *host, const connpool_lease_t *leases, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += give(host, leases[i]);
    return kept;
}

int try_take_key(struct host *host, const char *key)
{
    connpool_lease_t lease;
    int result = acquire(host, key, 0, &lease);
    if (result == 0)
        give(host, lease);
    return result;
}

int try_take(struct host *host)
{
    return try_take_key(host, NULL);
}

struct connection *connection_of(connpool_lease_t lease)
{
    return lease.resource;
}

void connection_own(connpool_lease_t lease, uint64_t owner)
{
    struct connection *connection = connection_of(lease);
    if (atomic_exchange(&connection->owner, owner) != 0 || atomic_load(&connection->life) != IS_OPEN)
        fault(connection->host);
}

void connection_disown(connpool_lease_t lease, uint64_t owner)
{
    struct connection *connection = connection_of(lease);
    if (atomic_exchange(&connection->owner, 0) != owner || atomic_load(&connection->life) != IS_OPEN)
        fault(connection->host);
}

static void *taker_run(void *arg)
{
    struct taker *taker = arg;
    taker->result = acquire(taker->host, taker->key, taker->timeout_ms, &taker->lease);
    return NULL;
}

void taker_start(struct taker *taker, struct host *host, const char *key, int timeout_ms)
{
    *taker = (struct taker){
        .host = host, .key = key, .timeout_ms = timeout_ms == FOREVER ? UINT32_MAX : (uint32_t)timeout_ms};
    MUST(pthread_create(&taker->thread, NULL, taker_run, taker) == 0);
}

void takers_queue(struct taker *takers, size_t count, struct host *host, const char *key)
{
    uint64_t waiting = passing_stats(host).waiters;
    for (size_t i = 0; i < count; i++) {
        taker_start(&takers[i], host, key, FOREVER);
        host_wait_waiters(host, waiting + i + 1);
    }
}

int taker_join(struct taker *taker)
{
    MUST(pthread_join(taker->thread, NULL) == 0);
    return taker->result;
}
