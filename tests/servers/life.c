/*
 * The servers themselves: they come up, die, come back on their port, and are gone with their test.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answers.h"
#include "pools.h"
#include "property.h"
#include "servers.h"

/* True, and said, where the system lacks it. */
static bool is_skipped(enum server_kind kind)
{
    if (server_lacks(kind) != NULL)
        printf("  skipped: there is no %s here\n", server_lacks(kind));
    return server_lacks(kind) != NULL;
}

/* Fails when kill leaves a process that answers, when the port changes, or when stop leaves files. */
static bool lives_twice(enum server_kind kind)
{
    struct server server;

    if (is_skipped(kind))
        return true;
    server_start(&server, kind, NULL, NULL);
    for (int life = 0; life < 2; life++) {
        REQUIRE(server_answers(kind, server.port));
        server_kill(&server);
        REQUIRE(loopback_connect(server.port) < 0 && errno == ECONNREFUSED);
        server_restart(&server);
    }
    REQUIRE(server_answers(kind, server.port));
    server_stop(&server);
    REQUIRE(loopback_connect(server.port) < 0 && errno == ECONNREFUSED);
    REQUIRE(access(server.directory, F_OK) != 0);
    return true;
}

static bool redis_is_killed_and_comes_back(void)
{
    return lives_twice(SERVER_REDIS);
}

static bool memcached_is_killed_and_comes_back(void)
{
    return lives_twice(SERVER_MEMCACHED);
}

static bool postgres_is_killed_and_comes_back(void)
{
    return lives_twice(SERVER_POSTGRES);
}

/* Fails when a server, a file or the warden outlives a test that had no time to say goodbye. */
static bool all_of_a_server_goes_with_a_test_that_is_killed(void)
{
    struct server server;
    int ends[2];

    if (is_skipped(SERVER_MEMCACHED))
        return true;
    MUST(pipe(ends) == 0);
    /* What the test leaves becomes our child, so that its end can be waited for. */
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    pid_t test = fork();
    MUST(test >= 0);
    if (test == 0) {
        server_start(&server, SERVER_MEMCACHED, NULL, NULL);
        MUST(write(ends[1], &server, sizeof server) == sizeof server);
        raise(SIGKILL);
    }
    MUST(read(ends[0], &server, sizeof server) == sizeof server);
    MUST(waitpid(test, NULL, 0) == test);
    REQUIRE(waitpid(server.warden, NULL, 0) == server.warden);
    REQUIRE(waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
    REQUIRE(loopback_connect(server.port) < 0 && errno == ECONNREFUSED);
    REQUIRE(access(server.directory, F_OK) != 0);
    close(ends[0]);
    close(ends[1]);
    return true;
}

/* Fails when two servers are given one port, or one's end is another's. */
static bool servers_side_by_side_are_their_own(void)
{
    struct server first, second;

    if (is_skipped(SERVER_REDIS))
        return true;
    server_start(&first, SERVER_REDIS, "--timeout", "100");
    server_start(&second, SERVER_REDIS, NULL, NULL);
    REQUIRE(first.port != second.port);
    server_stop(&first);
    REQUIRE(server_answers(SERVER_REDIS, second.port));
    server_stop(&second);
    return true;
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(redis_is_killed_and_comes_back),
        PROPERTY(memcached_is_killed_and_comes_back),
        PROPERTY(postgres_is_killed_and_comes_back),
        PROPERTY(all_of_a_server_goes_with_a_test_that_is_killed),
        PROPERTY(servers_side_by_side_are_their_own),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
