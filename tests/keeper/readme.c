/*
 * The example of README.md, compiled as it stands there, against a real Redis: with one, without one, and
 * with one again.
 */
#include <signal.h>
#include <stdlib.h>

#include "property.h"
#include "traffic.h"

static uint16_t readme_port;

/* Its callbacks use no more of what they are given than they need. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "callbacks.inc"

static connpool_t *pool;

/* What a server would answer to a request for `name`. */
static int answer_to(const char *name)
{
#include "use.inc"
}

static bool the_example_of_the_readme_does_what_it_says(void)
{
    struct server server;

    if (is_skipped(SERVER_REDIS))
        return true;
    server_start(&server, SERVER_REDIS, NULL, NULL);
    readme_port = server.port;
    REQUIRE(answer_to("nobody") == 404);
    WAIT_UNTIL(conn_stats(pool).idle >= 4); /* opened ahead */
    server_kill(&server);
    WAIT_UNTIL(conn_stats(pool).open == 0); /* heard of */
    connpool_destroy(pool);
    REQUIRE(answer_to("nobody") == 503);
    server_restart(&server);
    WAIT_UNTIL(conn_stats(pool).idle >= 4);
    connpool_destroy(pool);
    server_stop(&server);
    return true;
}

int main(void)
{
    static const struct property properties[] = {PROPERTY(the_example_of_the_readme_does_what_it_says)};
    signal(SIGPIPE, SIG_IGN);
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
