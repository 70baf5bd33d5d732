#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "property.h"
#include "until.h"

enum { NEVER_OPENED, IS_OPEN, IS_CLOSED };

static void fault(struct rig *rig)
{
    atomic_fetch_add(&rig->faults, 1);
}

/* A callback begins, and ends: no other may run for the same connection meanwhile. */
static struct connection *enter(void *resource, struct rig *rig)
{
    struct connection *connection = resource;

    if (atomic_fetch_add(&connection->calls, 1) != 0)
        fault(rig);
    if (atomic_load(&connection->life) != IS_OPEN || connection->rig != rig)
        fault(rig);
    return connection;
}

static void leave(struct connection *connection)
{
    atomic_fetch_sub(&connection->calls, 1);
}

/* ------------------------------------------------------------ open */

static void count_live(struct rig *rig)
{
    int64_t live = atomic_fetch_add(&rig->live, 1) + 1;
    int64_t most = atomic_load(&rig->most);

    while (live > most && !atomic_compare_exchange_weak(&rig->most, &most, live))
        continue;
}

/* Never freed before the end: what a pool does with a closed one is to be seen. */
static struct connection *new_connection(struct rig *rig)
{
    struct connection *connection = rig->reuses ? atomic_load(&rig->connections) : NULL;

    for (; connection != NULL; connection = connection->next) {
        if (atomic_load(&connection->life) == IS_CLOSED) {
            *connection = (struct connection){.next = connection->next};
            return connection;
        }
    }
    connection = calloc(1, sizeof *connection);
    MUST(connection != NULL);
    connection->next = atomic_load(&rig->connections);
    while (!atomic_compare_exchange_weak(&rig->connections, &connection->next, connection))
        continue;
    return connection;
}

static void connect_pair(struct connection *connection)
{
    int ends[2];

    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    connection->fd = ends[0];
    connection->peer = ends[1];
}

static int rig_open(void **resource, const connpool_target_t *target, void *arg)
{
    struct rig *rig = arg;

    atomic_fetch_add(&rig->asked, 1);
    atomic_store(&rig->open_may_ms, target->timeout_ms);
    count_live(rig);
    WAIT_UNTIL(!atomic_load(&rig->holds));
    int refusal = atomic_load(&rig->refuses);
    if (refusal == 0 && rig->on_open != NULL)
        refusal = rig->on_open(rig, target);
    if (refusal != 0) {
        atomic_fetch_add(&rig->refused, 1);
        atomic_fetch_sub(&rig->live, 1);
        return refusal;
    }
    struct connection *connection = new_connection(rig);
    connection->rig = rig;
    connection->number = atomic_fetch_add(&rig->opened, 1) + 1;
    connection->key_size = target->key_size;
    MUST(target->key_size < sizeof connection->key);
    if (target->key_size != 0)
        memcpy(connection->key, target->key, target->key_size);
    connection->fd = -1;
    connection->peer = -1;
    if (rig->has_sockets)
        connect_pair(connection);
    connection->opened_at = connection->used_at = atomic_load(&rig->now_ms);
    if (atomic_exchange(&connection->life, IS_OPEN) != NEVER_OPENED)
        fault(rig);
    *resource = connection;
    return 0;
}

/* ------------------------------------------------------------ the other callbacks */

static void rig_close(void *resource, void *arg)
{
    struct rig *rig = arg;
    struct connection *connection = enter(resource, rig);

    atomic_fetch_add(&rig->closed, 1);
    connection->written++;
    if (atomic_load(&connection->owner) != 0)
        fault(rig);
    if (connection->fd >= 0)
        close(connection->fd);
    connection_hang_up(connection);
    leave(connection);
    if (atomic_exchange(&connection->life, IS_CLOSED) != IS_OPEN)
        fault(rig);
    atomic_fetch_sub(&rig->live, 1);
}

static bool rig_check(void *resource, void *arg)
{
    struct rig *rig = arg;
    struct connection *connection = enter(resource, rig);

    atomic_fetch_add(&rig->checks, 1);
    bool is_alive = !atomic_load(&connection->is_dead);
    leave(connection);
    return is_alive;
}

bool rig_reset(void *resource, void *arg)
{
    struct rig *rig = arg;
    struct connection *connection = enter(resource, rig);

    atomic_fetch_add(&rig->resets, 1);
    if (rig->on_reset != NULL)
        rig->on_reset(connection);
    bool is_fit = !atomic_load(&connection->is_dirty);
    leave(connection);
    return is_fit;
}

static int rig_fd(void *resource, void *arg)
{
    (void)arg;
    return ((struct connection *)resource)->fd;
}

static void rig_report(const char *line, void *arg)
{
    struct rig *rig = arg;

    snprintf(rig->report, sizeof rig->report, "%s", line);
    atomic_fetch_add(&rig->reports, 1);
}

static uint64_t rig_clock(void *arg)
{
    struct rig *rig = arg;

    if (rig->on_clock != NULL)
        rig->on_clock(rig);
    return atomic_load(&rig->now_ms);
}

void connection_hang_up(struct connection *connection)
{
    /* Taken before it is closed: the pool closes the connection as soon as it hears. */
    int peer = atomic_exchange(&connection->peer, -1);
    if (peer >= 0)
        close(peer);
}

/* ------------------------------------------------------------ pools */

connpool_config_t rig_config(struct rig *rig)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;

    *rig = (struct rig){.now_ms = 1000000};
    config.name = "made";
    config.open = rig_open;
    config.close = rig_close;
    config.check = rig_check;
    config.clock = rig_clock;
    config.arg = rig;
    config.flags = CONNPOOL_NO_KEEPER;
    return config;
}

connpool_config_t rig_config_full(struct rig *rig)
{
    connpool_config_t config = rig_config(rig);

    config.reset = rig_reset;
    config.fd = rig_fd;
    config.report = rig_report;
    config.lifetime_jitter_ms = 0;
    return config;
}

connpool_config_t rig_config_still(struct rig *rig)
{
    connpool_config_t config = rig_config_full(rig);

    config.idle_timeout_ms = config.max_lifetime_ms = 0;
    return config;
}

connpool_t *rig_start(struct rig *rig, const connpool_config_t *config)
{
    rig->pool = connpool_from(config);
    return rig->pool;
}

bool rig_agrees(struct rig *rig)
{
    connpool_stats_t stats = conn_stats(rig->pool);

    REQUIRE(conn_adds_up(rig->pool));
    REQUIRE(stats.opens == atomic_load(&rig->opened));
    REQUIRE(stats.open_failures == atomic_load(&rig->refused));
    REQUIRE(conn_closes(&stats) == atomic_load(&rig->closed));
    REQUIRE(atomic_load(&rig->faults) == 0);
    return true;
}

bool rig_destroy(struct rig *rig)
{
    connpool_destroy(rig->pool);
    rig->pool = NULL;
    for (struct connection *connection = atomic_exchange(&rig->connections, NULL); connection != NULL;) {
        struct connection *older = connection->next;
        free(connection);
        connection = older;
    }
    REQUIRE(atomic_load(&rig->closed) == atomic_load(&rig->opened));
    REQUIRE(atomic_load(&rig->faults) == 0);
    return true;
}

bool rig_ends(struct rig *rig)
{
    bool agrees = rig_agrees(rig);

    return rig_destroy(rig) && agrees;
}

connpool_stats_t rig_stats(struct rig *rig)
{
    MUST(rig_agrees(rig));
    return conn_stats(rig->pool);
}

bool connection_is_open(struct connection *connection)
{
    return atomic_load_explicit(&connection->life, memory_order_relaxed) == IS_OPEN;
}

size_t rig_pass(struct rig *rig, uint64_t ms)
{
    atomic_fetch_add(&rig->now_ms, ms);
    return connpool_keep(rig->pool);
}
