#include "traffic.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "pools.h"
#include "property.h"

enum { THREADS = 6, OPEN = 4, PORTION = 300 };

bool is_skipped(enum server_kind kind)
{
    if (server_lacks(kind) != NULL)
        printf("  skipped: there is no %s here\n", server_lacks(kind));
    return server_lacks(kind) != NULL;
}

connpool_config_t server_config(struct server *server)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;

    config.arg = server;
    config.max_open = OPEN;
    config.backoff_ms = 10;
    config.backoff_most_ms = 100;
    return config;
}

bool closes_add_up(connpool_t *pool)
{
    connpool_stats_t stats = conn_stats(pool);

    REQUIRE(conn_adds_up(pool));
    REQUIRE(stats.in_use == 0 && stats.opening == 0 && stats.waiters == 0 && stats.misuses == 0);
    return true;
}

/* ------------------------------------------------------------ threads */

struct traffic {
    connpool_t *pool;
    bool (*job)(void *resource);
    _Atomic bool stops;
    _Atomic uint64_t served, failed, refused;
    pthread_t thread[THREADS];
};

static void *drive(void *arg)
{
    struct traffic *traffic = arg;
    connpool_lease_t lease;

    while (!atomic_load(&traffic->stops)) {
        if (connpool_acquire(traffic->pool, 1000, &lease) != 0) {
            atomic_fetch_add(&traffic->refused, 1);
            sched_yield();
            continue;
        }
        bool worked = traffic->job(lease.resource);
        atomic_fetch_add(worked ? &traffic->served : &traffic->failed, 1);
        if (!worked)
            connpool_mark_unusable(traffic->pool, lease);
        connpool_release(traffic->pool, lease);
    }
    return NULL;
}

static void begin(struct traffic *traffic, connpool_t *pool, bool (*job)(void *resource))
{
    *traffic = (struct traffic){.pool = pool, .job = job};
    for (int i = 0; i < THREADS; i++)
        MUST(pthread_create(&traffic->thread[i], NULL, drive, traffic) == 0);
}

static void end(struct traffic *traffic)
{
    atomic_store(&traffic->stops, true);
    for (int i = 0; i < THREADS; i++)
        MUST(pthread_join(traffic->thread[i], NULL) == 0);
}

static void wait_for_more(const _Atomic uint64_t *counter, uint64_t more)
{
    uint64_t before = atomic_load(counter);
    WAIT_UNTIL(atomic_load(counter) >= before + more);
}

bool survives_two_deaths(struct server *server, const connpool_config_t *config, bool (*job)(void *resource),
                         uint64_t (*count)(const struct server *server))
{
    static struct traffic traffic;
    uint64_t others = count(server);
    connpool_t *pool = connpool_from(config);

    begin(&traffic, pool, job);
    for (int life = 0; life < 2; life++) {
        wait_for_more(&traffic.served, PORTION);
        server_kill(server);
        wait_for_more(&traffic.refused, 20);
        server_restart(server);
        wait_for_more(&traffic.served, PORTION);
    }
    end(&traffic);
    WAIT_UNTIL(conn_stats(pool).opening == 0); /* the keeper's */
    REQUIRE(closes_add_up(pool));
    connpool_stats_t stats = conn_stats(pool);
    REQUIRE(stats.open > 0 && stats.open <= OPEN);
    REQUIRE(stats.acquires == traffic.served + traffic.failed);
    REQUIRE(traffic.failed <= stats.opens); /* none fails twice */
    WAIT_UNTIL(count(server) - others == conn_stats(pool).open);
    connpool_destroy(pool);
    WAIT_UNTIL(count(server) == others);
    printf("  %llu served, %llu failed, %llu refused; %llu opens, %llu that failed\n",
           (unsigned long long)traffic.served, (unsigned long long)traffic.failed,
           (unsigned long long)traffic.refused, (unsigned long long)stats.opens,
           (unsigned long long)stats.open_failures);
    return true;
}

bool all_idle_work(connpool_t *pool, unsigned count, bool (*job)(void *resource))
{
    connpool_lease_t lease[OPEN];
    uint64_t opens = conn_stats(pool).opens;

    MUST(count <= OPEN);
    for (unsigned i = 0; i < count; i++)
        REQUIRE(connpool_acquire(pool, 0, &lease[i]) == 0);
    REQUIRE(conn_stats(pool).opens == opens); /* they were there */
    for (unsigned i = 0; i < count; i++)
        REQUIRE(job(lease[i].resource));
    for (unsigned i = 0; i < count; i++)
        REQUIRE(connpool_release(pool, lease[i]));
    return true;
}

bool no_dead_one_is_lent_out(struct server *server, const connpool_config_t *config,
                             bool (*job)(void *resource))
{
    connpool_config_t ahead = *config;
    connpool_lease_t lease;

    ahead.min_idle = OPEN;
    connpool_t *pool = connpool_from(&ahead);
    WAIT_UNTIL(conn_stats(pool).idle == OPEN);
    REQUIRE(all_idle_work(pool, OPEN, job));

    server_kill(server);
    /* More, where the keeper had one back from a server that was still dying. */
    WAIT_UNTIL(conn_stats(pool).closed_gone >= OPEN && conn_stats(pool).open == 0);
    /* Told at once, with what connecting gave. */
    REQUIRE(connpool_acquire(pool, UINT32_MAX, &lease) == -ECONNREFUSED);

    server_restart(server);
    WAIT_UNTIL(conn_stats(pool).idle == OPEN);
    REQUIRE(all_idle_work(pool, OPEN, job));
    REQUIRE(conn_stats(pool).open_failures > 0 && closes_add_up(pool));
    connpool_destroy(pool);
    return true;
}
