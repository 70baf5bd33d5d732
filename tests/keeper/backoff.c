/*
 * Servers that are gone and come back, and groups of which a member is gone.
 */
#include <errno.h>
#include <string.h>

#include "lending.h"
#include "pools.h"
#include "property.h"

enum { FIRST = 100, MOST = 5000, SERVERS = 4, TRIES = 4096 };

/* The servers behind the rig: by key "0", "1", ...; no key is the first's. */
static struct {
    bool is_down;
    uint64_t failures;
} server[SERVERS];

static uint64_t tried_at[TRIES]; /* when any was asked, the first so many times */

static unsigned server_of(const void *key, size_t key_size)
{
    unsigned number = key_size == 0 ? 0 : (unsigned)(*(const char *)key - '0');

    MUST(number < SERVERS && key_size <= 1);
    return number;
}

static int ask_server(struct rig *rig, const connpool_target_t *target)
{
    unsigned number = server_of(target->key, target->key_size);

    if (rig->asked <= TRIES)
        tried_at[rig->asked - 1] = rig->now_ms;
    if (!server[number].is_down)
        return 0;
    server[number].failures++;
    return -ECONNREFUSED;
}

/* All are up. */
static connpool_config_t config_of_servers(struct rig *rig)
{
    connpool_config_t config = rig_config_still(rig);

    memset(server, 0, sizeof server);
    rig->on_open = ask_server;
    return config;
}

/*
 * Fails when a pause is not twice the one before, above its bound, below three quarters of it, or always the
 * same; and when a caller's acquire asks the server in a pause.
 */
static bool pauses_double_up_to_their_bound_with_a_quarter_of_chance(void)
{
    struct rig rig;
    connpool_config_t config = config_of_servers(&rig);
    config.min_idle = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease;

    server[0].is_down = true;
    for (uint64_t ms = 0; ms < 60000; ms++) {
        rig_pass(&rig, 1);
        uint64_t tries = rig.asked;
        REQUIRE(connpool_acquire(pool, 0, &lease) == -ECONNREFUSED);
        REQUIRE(connpool_acquire(pool, 1000, &lease) == -ECONNREFUSED); /* at once: nothing to wait for */
        REQUIRE(rig.asked == tries);
    }
    uint64_t bound = FIRST, least = UINT64_MAX, longest = 0;
    REQUIRE(rig.asked >= 6 + 10);
    for (uint64_t i = 1; i < rig.asked; i++, bound = bound * 2 < MOST ? bound * 2 : MOST) {
        uint64_t pause = tried_at[i] - tried_at[i - 1];
        REQUIRE(pause <= bound && pause >= bound - bound / 4);
        if (bound == MOST) {
            least = pause < least ? pause : least;
            longest = pause > longest ? pause : longest;
        }
    }
    REQUIRE(least != longest); /* ten equal ones by chance: once in 1250^9 */
    REQUIRE(conn_stats(pool).open_failures == rig.asked);
    return rig_ends(&rig);
}

/* Fails when a server's return does not end its pause, or the next outage begins with the last one's pause.
 */
static bool the_first_success_ends_it(void)
{
    struct rig rig;
    connpool_config_t config = config_of_servers(&rig);
    config.min_idle = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[2];

    server[0].is_down = true;
    for (int i = 0; i < 20; i++)
        rig_pass(&rig, MOST);
    REQUIRE(rig.refused == 20);
    server[0].is_down = false;
    REQUIRE(rig_pass(&rig, MOST) == 1);
    leases_from(pool, lease, 2); /* one idle, one opened by us */
    server[0].is_down = true;
    rig_pass(&rig, 1);
    REQUIRE(rig.refused == 21);
    rig_pass(&rig, FIRST);
    REQUIRE(rig.refused == 22);
    leases_end(pool, lease, 2);
    return rig_ends(&rig);
}

/* Fails when an address is tried for ever that nobody asks for, or not tried although somebody did. */
static bool the_keeper_tries_what_somebody_was_refused(void)
{
    struct rig rig;
    connpool_config_t config = config_of_servers(&rig);
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease;

    server[2].is_down = true;
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == -ECONNREFUSED);
    for (int i = 0; i < 100; i++)
        rig_pass(&rig, 1000);
    REQUIRE(rig.asked == 1);
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == -ECONNREFUSED); /* the pause is over: asked */
    REQUIRE(rig.asked == 2);
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == -ECONNREFUSED); /* in the pause: refused */
    server[2].is_down = false;
    REQUIRE(rig.asked == 2 && rig_pass(&rig, 1000) == 1);
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == 0 && conn_stats(pool).hits == 1);
    connpool_release(pool, lease);
    return rig_ends(&rig);
}

/* Fails when one address' pause is another's. */
static bool who_is_gone_is_gone_alone(void)
{
    struct rig rig;
    connpool_config_t config = config_of_servers(&rig);
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease;

    server[1].is_down = true;
    REQUIRE(connpool_acquire_key(pool, "1", 1, 0, &lease) == -ECONNREFUSED);
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == 0);
    connpool_release(pool, lease);
    return rig_ends(&rig);
}

/* ------------------------------------------------------------ groups */

static const connpool_member_t group[] = {{"0", 1, false}, {"1", 1, true}, {"2", 1, true}, {"3", 1, true}};

/* Which server serves; SERVERS and more: an error. */
static unsigned who_serves(connpool_t *pool, bool writes)
{
    connpool_lease_t lease;
    int error = connpool_acquire_member(pool, writes, 0, &lease);

    if (error != 0)
        return SERVERS + (unsigned)-error;
    unsigned number = server_of(connection_of(lease)->key, connection_of(lease)->key_size);
    connpool_release(pool, lease);
    return number;
}

static connpool_t *pool_of_group(struct rig *rig, size_t first, size_t count)
{
    connpool_config_t config = config_of_servers(rig);
    config.members = &group[first];
    config.members_count = count;
    config.open_timeout_ms = 1000;
    return rig_start(rig, &config);
}

/* Fails when a read-only member is given for writing, or reading goes to one of them more than to another. */
static bool readers_take_turns_and_writers_write(void)
{
    struct rig rig;
    connpool_t *pool = pool_of_group(&rig, 0, 4);
    unsigned served[SERVERS] = {0};

    for (int i = 0; i < 300; i++) {
        unsigned reader = who_serves(pool, false);
        REQUIRE(reader < SERVERS && who_serves(pool, true) == 0);
        served[reader]++;
    }
    REQUIRE(served[0] == 0 && served[1] == 100 && served[2] == 100 && served[3] == 100);
    return rig_ends(&rig);
}

/*
 * Fails when a caller is told of one reader's end while others are up, when the turn of who is gone falls to
 * one of them alone, when a caller asks who is gone, or when its return is not noticed.
 */
static bool a_reader_that_is_gone_is_passed_over_until_the_keeper_has_it_back(void)
{
    struct rig rig;
    connpool_t *pool = pool_of_group(&rig, 0, 4);
    unsigned served[SERVERS] = {0};

    server[2].is_down = true;
    for (int i = 0; i < 300; i++) {
        unsigned reader = who_serves(pool, false);
        REQUIRE(reader == 1 || reader == 3);
        served[reader]++;
    }
    REQUIRE(served[1] >= 149 && served[3] >= 149);
    REQUIRE(server[2].failures == 1);
    rig_pass(&rig, 100); /* the pause is over, and the keeper has asked */
    REQUIRE(server[2].failures == 2);
    atomic_fetch_add(&rig.now_ms, 200); /* and again over, and the keeper has not come yet */
    REQUIRE(who_serves(pool, false) != 2 && who_serves(pool, false) != 2 && server[2].failures == 2);
    server[2].is_down = false;
    REQUIRE(connpool_keep(pool) == 1);
    for (int i = 0; i < 30; i++)
        served[who_serves(pool, false)]++;
    REQUIRE(served[2] == 10);
    return rig_ends(&rig);
}

/* Fails when reading stops with the last reader, or writing goes to one of them when the writer is gone. */
static bool without_readers_the_writer_reads_and_without_a_writer_nobody_writes(void)
{
    struct rig rig;
    connpool_t *pool = pool_of_group(&rig, 0, 4);

    server[1].is_down = server[2].is_down = server[3].is_down = true;
    for (int i = 0; i < 10; i++)
        REQUIRE(who_serves(pool, false) == 0);
    server[1].is_down = server[2].is_down = server[3].is_down = false;
    server[0].is_down = true;
    rig_pass(&rig, 1000);
    REQUIRE(who_serves(pool, false) != 0);
    REQUIRE(rig_ends(&rig));

    pool = pool_of_group(&rig, 0, 4);
    server[0].is_down = true;
    REQUIRE(who_serves(pool, true) == SERVERS + ECONNREFUSED);
    server[1].is_down = server[2].is_down = server[3].is_down = true;
    REQUIRE(who_serves(pool, false) == SERVERS + ECONNREFUSED);
    return rig_ends(&rig);
}

/* Fails when a call that fits no member gets one, or another error. */
static bool where_no_member_fits_it_is_enoent(void)
{
    struct rig rig;
    connpool_t *pool = pool_of_group(&rig, 1, 3);
    REQUIRE(who_serves(pool, true) == SERVERS + ENOENT);
    REQUIRE(rig_ends(&rig));

    pool = pool_of_group(&rig, 0, 0);
    REQUIRE(who_serves(pool, false) == SERVERS + ENOENT);
    REQUIRE(rig_ends(&rig));

    pool = pool_of_group(&rig, 0, 1); /* no reader at all: the writer reads */
    REQUIRE(who_serves(pool, false) == 0);
    return rig_ends(&rig);
}

/* Fails when all that is gone stays so where the keeper has no time: callers try again in the end. */
static bool a_group_comes_back_without_the_keeper(void)
{
    struct rig rig;
    connpool_t *pool = pool_of_group(&rig, 0, 4);

    for (int i = 0; i < SERVERS; i++)
        server[i].is_down = true;
    REQUIRE(who_serves(pool, false) == SERVERS + ECONNREFUSED);
    for (int i = 0; i < SERVERS; i++)
        server[i].is_down = false;
    REQUIRE(who_serves(pool, false) == SERVERS + ECONNREFUSED);
    atomic_fetch_add(&rig.now_ms, FIRST);
    REQUIRE(who_serves(pool, false) < SERVERS);
    return rig_ends(&rig);
}

/* Fails when min_idle is opened for one member only, or for no key. */
static bool each_member_has_its_min_idle(void)
{
    struct rig rig;
    connpool_config_t config = config_of_servers(&rig);
    unsigned open[SERVERS] = {0};
    config.members = group;
    config.members_count = 4;
    config.min_idle = 2;
    connpool_t *pool = rig_start(&rig, &config);

    REQUIRE(connpool_keep(pool) == 8);
    for (struct connection *one = rig.connections; one != NULL; one = one->next)
        open[server_of(one->key, one->key_size)] += connection_is_open(one);
    for (int i = 0; i < SERVERS; i++)
        REQUIRE(open[i] == 2);
    return rig_ends(&rig);
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(pauses_double_up_to_their_bound_with_a_quarter_of_chance),
        PROPERTY(the_first_success_ends_it),
        PROPERTY(the_keeper_tries_what_somebody_was_refused),
        PROPERTY(who_is_gone_is_gone_alone),
        PROPERTY(readers_take_turns_and_writers_write),
        PROPERTY(a_reader_that_is_gone_is_passed_over_until_the_keeper_has_it_back),
        PROPERTY(without_readers_the_writer_reads_and_without_a_writer_nobody_writes),
        PROPERTY(where_no_member_fits_it_is_enoent),
        PROPERTY(a_group_comes_back_without_the_keeper),
        PROPERTY(each_member_has_its_min_idle),
    };
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
