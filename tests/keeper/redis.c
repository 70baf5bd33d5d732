/*
 * Redis by hiredis: killed under traffic, clients killed one by one, clients sent away for being idle.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "property.h"
#include "traffic.h"

static int redis_open(void **resource, const connpool_target_t *target, void *arg)
{
    const struct server *server = arg;
    struct timeval patience = {.tv_sec = target->timeout_ms / 1000,
                               .tv_usec = target->timeout_ms % 1000 * 1000};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", server->port, patience);

    if (context == NULL)
        return -ENOMEM;
    if (context->err != 0 || redisSetTimeout(context, (struct timeval){.tv_sec = 10}) != REDIS_OK) {
        redisFree(context);
        return -ECONNREFUSED;
    }
    *resource = context;
    return 0;
}

static void redis_close(void *resource, void *arg)
{
    (void)arg;
    redisFree(resource);
}

static int redis_fd(void *resource, void *arg)
{
    (void)arg;
    return ((redisContext *)resource)->fd;
}

/* A value of 4 KiB there and back. */
static bool set_and_get(void *resource)
{
    static const char value[4096] = "of some size";
    redisReply *set = redisCommand(resource, "SET key %b", value, sizeof value);
    redisReply *get = set != NULL ? redisCommand(resource, "GET key") : NULL;
    bool is_good = get != NULL && get->type == REDIS_REPLY_STRING && get->len == sizeof value &&
                   memcmp(get->str, value, sizeof value) == 0;

    freeReplyObject(set);
    freeReplyObject(get);
    return is_good;
}

/* A question of the test's own: the answer as a number, or as how many lines it has. */
static uint64_t ask(const struct server *server, const char *command)
{
    redisContext *context = redisConnect("127.0.0.1", server->port);
    MUST(context != NULL && context->err == 0);
    redisReply *reply = redisCommand(context, command);
    MUST(reply != NULL && reply->type != REDIS_REPLY_ERROR);
    uint64_t answer = 0;

    if (reply->type == REDIS_REPLY_STRING)
        for (size_t i = 0; i < (size_t)reply->len; i++)
            answer += reply->str[i] == '\n';
    else
        answer = (uint64_t)reply->integer;
    freeReplyObject(reply);
    redisFree(context);
    return answer;
}

static uint64_t count_clients(const struct server *server)
{
    return ask(server, "CLIENT LIST") - 1;
}

static connpool_config_t redis_config(struct server *server)
{
    connpool_config_t config = server_config(server);
    config.name = "redis";
    config.open = redis_open;
    config.close = redis_close;
    config.fd = redis_fd;
    return config;
}

static struct server server;

/* Fails when a connection leaks, a dead one goes round among the borrowers, or the service does not resume.
 */
static bool redis_dies_twice_under_traffic(void)
{
    connpool_config_t config = redis_config(&server);
    return is_skipped(SERVER_REDIS) || survives_two_deaths(&server, &config, set_and_get, count_clients);
}

/* Fails when the kernel's event is missed, or comes to no more than a note. */
static bool of_redis_no_dead_connection_is_lent_out(void)
{
    connpool_config_t config = redis_config(&server);
    return is_skipped(SERVER_REDIS) || no_dead_one_is_lent_out(&server, &config, set_and_get);
}

static void kill_client(void *resource)
{
    redisReply *id = redisCommand(resource, "CLIENT ID");
    char command[64];

    MUST(id != NULL && id->type == REDIS_REPLY_INTEGER);
    snprintf(command, sizeof command, "CLIENT KILL ID %lld", id->integer);
    freeReplyObject(id);
    MUST(ask(&server, command) == 1);
}

/* Fails when one's end is taken for the server's, when it is not replaced, or when the others are closed with
 * it. */
static bool a_client_that_redis_kills_is_replaced(void)
{
    if (is_skipped(SERVER_REDIS))
        return true;
    connpool_config_t config = redis_config(&server);
    connpool_lease_t lease;
    config.min_idle = 3;
    connpool_t *pool = connpool_from(&config);

    WAIT_UNTIL(conn_stats(pool).idle == 3);
    for (uint64_t i = 1; i <= 10; i++) {
        REQUIRE(connpool_acquire(pool, 0, &lease) == 0);
        kill_client(lease.resource);
        connpool_release(pool, lease); /* heard of by now, or not: it is closed all the same */
        WAIT_UNTIL(conn_stats(pool).closed_gone == i && conn_stats(pool).idle >= 3);
    }
    REQUIRE(all_idle_work(pool, 3, set_and_get));
    REQUIRE(conn_stats(pool).open_failures == 0 && closes_add_up(pool));
    connpool_destroy(pool);
    return true;
}

/* Fails when release keeps what the other end has closed while it was lent out. */
static bool a_client_that_redis_kills_in_use_is_closed_by_release(void)
{
    if (is_skipped(SERVER_REDIS))
        return true;
    connpool_config_t config = redis_config(&server);
    connpool_lease_t lease;
    config.flags = CONNPOOL_NO_KEEPER;
    connpool_t *pool = connpool_from(&config);

    REQUIRE(connpool_acquire(pool, 0, &lease) == 0);
    kill_client(lease.resource);
    struct pollfd polled = {.fd = redis_fd(lease.resource, NULL), .events = POLLRDHUP};
    MUST(poll(&polled, 1, -1) == 1);
    REQUIRE(connpool_keep(pool) == 0 && !connpool_release(pool, lease));
    REQUIRE(conn_stats(pool).closed_gone == 1 && closes_add_up(pool));
    connpool_destroy(pool);
    return true;
}

/* Fails when clients that Redis sends away (its `timeout`, a second here) stay in the pool until they are
 * used. */
static bool clients_that_redis_sends_away_for_being_idle_leave_the_pool(void)
{
    if (is_skipped(SERVER_REDIS))
        return true;
    struct server impatient;
    server_start(&impatient, SERVER_REDIS, "--timeout", "1");
    connpool_config_t config = redis_config(&impatient);
    connpool_lease_t lease[3];
    connpool_t *pool = connpool_from(&config);

    for (int i = 0; i < 3; i++)
        REQUIRE(connpool_acquire(pool, 1000, &lease[i]) == 0 && set_and_get(lease[i].resource));
    for (int i = 0; i < 3; i++)
        connpool_release(pool, lease[i]);
    WAIT_UNTIL(conn_stats(pool).closed_gone == 3);
    REQUIRE(conn_stats(pool).open == 0);
    REQUIRE(connpool_acquire(pool, 1000, &lease[0]) == 0 && set_and_get(lease[0].resource));
    connpool_release(pool, lease[0]);
    connpool_destroy(pool);
    server_stop(&impatient);
    return true;
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(redis_dies_twice_under_traffic),
        PROPERTY(of_redis_no_dead_connection_is_lent_out),
        PROPERTY(a_client_that_redis_kills_is_replaced),
        PROPERTY(a_client_that_redis_kills_in_use_is_closed_by_release),
        PROPERTY(clients_that_redis_sends_away_for_being_idle_leave_the_pool),
    };
    signal(SIGPIPE, SIG_IGN); /* hiredis writes without MSG_NOSIGNAL */
    if (server_lacks(SERVER_REDIS) == NULL)
        server_start(&server, SERVER_REDIS, NULL, NULL);
    int status = properties_run(properties, sizeof properties / sizeof properties[0]);
    if (server_lacks(SERVER_REDIS) == NULL)
        server_stop(&server);
    return status;
}
