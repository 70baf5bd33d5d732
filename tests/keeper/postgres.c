/*
 * PostgreSQL by libpq: killed under traffic, backends terminated one by one, and what a borrower leaves
 * behind.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "property.h"
#include "traffic.h"

static PGconn *connect_to(const struct server *server, const char *name)
{
    char line[160];
    snprintf(line, sizeof line,
             "host=127.0.0.1 port=%u user=postgres dbname=postgres sslmode=disable gssencmode=disable "
             "connect_timeout=10 application_name=%s",
             server->port, name);
    return PQconnectdb(line);
}

/* A server that is being killed has something to say about it. */
static void say_nothing(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static int pg_open(void **resource, const connpool_target_t *target, void *arg)
{
    PGconn *connection = connect_to(arg, "pool");

    (void)target;
    if (connection == NULL)
        return -ENOMEM;
    if (PQstatus(connection) != CONNECTION_OK) {
        PQfinish(connection);
        return -ECONNREFUSED;
    }
    PQsetNoticeProcessor(connection, say_nothing, NULL);
    *resource = connection;
    return 0;
}

static void pg_close(void *resource, void *arg)
{
    (void)arg;
    PQfinish(resource);
}

static int pg_fd(void *resource, void *arg)
{
    (void)arg;
    return PQsocket(resource);
}

static bool run(PGconn *connection, const char *command)
{
    PGresult *result = PQexec(connection, command);
    ExecStatusType status = PQresultStatus(result);

    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* What one is to do before the next gets it: end its transaction, forget its settings. */
static bool pg_reset(void *resource, void *arg)
{
    PGTransactionStatusType status = PQtransactionStatus(resource);

    (void)arg;
    if (status == PQTRANS_ACTIVE || status == PQTRANS_UNKNOWN)
        return false; /* in the middle of a command, or gone */
    return (status == PQTRANS_IDLE || run(resource, "ROLLBACK")) && run(resource, "DISCARD ALL");
}

static bool pg_check(void *resource, void *arg)
{
    (void)arg;
    return run(resource, "SELECT 1");
}

static bool select_within_a_transaction(void *resource)
{
    return run(resource, "BEGIN; SELECT sum(n) FROM generate_series(1, 100) AS n; COMMIT");
}

/* The first field of the answer to a question. */
static char *text_of(PGconn *connection, const char *question)
{
    static char text[256];
    PGresult *result = PQexec(connection, question);

    MUST(PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1);
    snprintf(text, sizeof text, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

/* The same of the test's own. */
static uint64_t ask(const struct server *server, const char *question)
{
    PGconn *connection = connect_to(server, "test");
    MUST(PQstatus(connection) == CONNECTION_OK);
    uint64_t answer = strtoull(text_of(connection, question), NULL, 10);

    PQfinish(connection);
    return answer;
}

static uint64_t count_backends(const struct server *server)
{
    return ask(server, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'");
}

static connpool_config_t pg_config(struct server *server)
{
    connpool_config_t config = server_config(server);
    config.name = "postgres";
    config.open = pg_open;
    config.close = pg_close;
    config.check = pg_check;
    config.reset = pg_reset;
    config.fd = pg_fd;
    return config;
}

static struct server server;

/* Fails when a connection leaks, a dead one goes round among the borrowers, or the service does not resume.
 */
static bool postgres_dies_twice_under_traffic(void)
{
    connpool_config_t config = pg_config(&server);
    config.reset = NULL; /* which would find the dead ones too */
    return is_skipped(SERVER_POSTGRES) ||
           survives_two_deaths(&server, &config, select_within_a_transaction, count_backends);
}

/* Fails when the kernel's event is missed, or comes to no more than a note. */
static bool of_postgres_no_dead_connection_is_lent_out(void)
{
    connpool_config_t config = pg_config(&server);
    return is_skipped(SERVER_POSTGRES) ||
           no_dead_one_is_lent_out(&server, &config, select_within_a_transaction);
}

/* Does what a borrower leaves behind reach the next? */
static bool leaves_no_trace(bool has_reset)
{
    connpool_config_t config = pg_config(&server);
    connpool_lease_t lease;
    config.max_open = 1;
    if (!has_reset)
        config.reset = NULL;
    connpool_t *pool = connpool_from(&config);

    MUST(connpool_acquire(pool, 1000, &lease) == 0);
    MUST(run(lease.resource, "SET search_path TO nowhere") &&
         run(lease.resource, "PREPARE remains AS SELECT 1") &&
         run(lease.resource, "CREATE TEMP TABLE litter (n int)") && run(lease.resource, "BEGIN") &&
         run(lease.resource, "SELECT 1"));
    MUST(connpool_release(pool, lease));
    bool is_clean = ask(&server, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool' "
                                 "AND state LIKE 'idle in transaction%'") == 0;
    MUST(connpool_acquire(pool, 1000, &lease) == 0 && conn_stats(pool).opens == 1);
    is_clean =
        is_clean && PQtransactionStatus(lease.resource) == PQTRANS_IDLE &&
        strstr(text_of(lease.resource, "SHOW search_path"), "nowhere") == NULL &&
        strcmp(text_of(lease.resource, "SELECT count(*) FROM pg_prepared_statements"), "0") == 0 &&
        strcmp(text_of(lease.resource, "SELECT count(*) FROM pg_class WHERE relname = 'litter'"), "0") == 0;
    connpool_release(pool, lease);
    connpool_destroy(pool);
    return is_clean;
}

/* Fails when reset is not called before the next borrower; without one all of it is there, or this says
 * nothing. */
static bool the_next_borrower_finds_no_transaction_setting_or_table(void)
{
    if (is_skipped(SERVER_POSTGRES))
        return true;
    REQUIRE(!leaves_no_trace(false));
    REQUIRE(leaves_no_trace(true));
    return true;
}

/* Fails when a connection in the middle of a COPY, which no ROLLBACK can be sent to, is kept. */
static bool one_given_back_in_the_middle_of_a_command_is_closed(void)
{
    if (is_skipped(SERVER_POSTGRES))
        return true;
    connpool_config_t config = pg_config(&server);
    connpool_lease_t lease;
    connpool_t *pool = connpool_from(&config);

    MUST(connpool_acquire(pool, 1000, &lease) == 0 &&
         run(lease.resource, "CREATE TEMP TABLE copied (n int)"));
    PGresult *result = PQexec(lease.resource, "COPY copied FROM STDIN");
    MUST(PQresultStatus(result) == PGRES_COPY_IN);
    PQclear(result);
    REQUIRE(!connpool_release(pool, lease));
    REQUIRE(conn_stats(pool).closed_reset == 1 && conn_stats(pool).open == 0);
    WAIT_UNTIL(count_backends(&server) == 0);
    connpool_destroy(pool);
    return true;
}

/* Fails when the end of one backend (pg_terminate_backend says goodbye first) is missed or taken for the
 * server's. */
static bool a_backend_that_is_terminated_is_replaced(void)
{
    if (is_skipped(SERVER_POSTGRES))
        return true;
    connpool_config_t config = pg_config(&server);
    config.min_idle = 3;
    connpool_t *pool = connpool_from(&config);

    for (uint64_t i = 1; i <= 3; i++) {
        WAIT_UNTIL(conn_stats(pool).idle == 3 && count_backends(&server) == 3);
        MUST(ask(&server, "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity "
                          "WHERE application_name = 'pool' LIMIT 1) AS one") == 1);
        WAIT_UNTIL(conn_stats(pool).closed_gone == i);
    }
    WAIT_UNTIL(conn_stats(pool).idle == 3);
    REQUIRE(all_idle_work(pool, 3, select_within_a_transaction));
    REQUIRE(conn_stats(pool).opens == 6 && conn_stats(pool).open_failures == 0 && closes_add_up(pool));
    connpool_destroy(pool);
    return true;
}

/* Fails when CONNPOOL_CHECK_ON_ACQUIRE lends out a dead one, where no keeper has heard of it. */
static bool a_check_at_acquire_finds_what_nobody_has_heard_of(void)
{
    if (is_skipped(SERVER_POSTGRES))
        return true;
    connpool_config_t config = pg_config(&server);
    connpool_lease_t lease;
    config.flags = CONNPOOL_NO_KEEPER | CONNPOOL_CHECK_ON_ACQUIRE;
    connpool_t *pool = connpool_from(&config);

    MUST(connpool_acquire(pool, 1000, &lease) == 0 && connpool_release(pool, lease));
    server_kill(&server);
    server_restart(&server);
    REQUIRE(connpool_acquire(pool, 1000, &lease) == 0 && select_within_a_transaction(lease.resource));
    REQUIRE(connpool_release(pool, lease));
    REQUIRE(conn_stats(pool).closed_check == 1 && conn_stats(pool).opens == 2 && closes_add_up(pool));
    connpool_destroy(pool);
    return true;
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(postgres_dies_twice_under_traffic),
        PROPERTY(of_postgres_no_dead_connection_is_lent_out),
        PROPERTY(the_next_borrower_finds_no_transaction_setting_or_table),
        PROPERTY(one_given_back_in_the_middle_of_a_command_is_closed),
        PROPERTY(a_backend_that_is_terminated_is_replaced),
        PROPERTY(a_check_at_acquire_finds_what_nobody_has_heard_of),
    };
    if (server_lacks(SERVER_POSTGRES) == NULL)
        server_start(&server, SERVER_POSTGRES, NULL, NULL);
    int status = properties_run(properties, sizeof properties / sizeof properties[0]);
    if (server_lacks(SERVER_POSTGRES) == NULL)
        server_stop(&server);
    return status;
}
