/*
 * Servers that are gone and come back, and groups of which a member is gone.
 */
#include <errno.h>

#include "made.h"
#include "pools.h"
#include "property.h"

enum { FIRST = 100, MOST = 5000 };

/*
 * Fails when a pause is not twice the one before, above its bound, below three quarters of it, or always the
 * same; and when a caller's acquire asks the server in a pause.
 */
static bool pauses_double_up_to_their_bound_with_a_quarter_of_chance(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.min_idle = 1;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    made.server[0].is_down = true;
    for (uint64_t ms = 0; ms < 60000; ms++) {
        made_pass(&made, pool, 1);
        uint64_t tries = made.tries;
        REQUIRE(connpool_acquire(pool, 0, &lease) == -ECONNREFUSED);
        REQUIRE(connpool_acquire(pool, 1000, &lease) == -ECONNREFUSED); /* at once: nothing to wait for */
        REQUIRE(made.tries == tries);
    }
    uint64_t bound = FIRST, least = UINT64_MAX, longest = 0;
    REQUIRE(made.tries >= 6 + 10);
    for (uint64_t i = 1; i < made.tries; i++, bound = bound * 2 < MOST ? bound * 2 : MOST) {
        uint64_t pause = made.tried_at[i] - made.tried_at[i - 1];
        REQUIRE(pause <= bound && pause >= bound - bound / 4);
        if (bound == MOST) {
            least = pause < least ? pause : least;
            longest = pause > longest ? pause : longest;
        }
    }
    REQUIRE(least != longest); /* ten equal ones by chance: once in 1250^9 */
    REQUIRE(made_stats(pool).open_failures == made.tries);
    return made_ends(&made, pool);
}

/* Fails when a server's return does not end its pause, or the next outage begins with the last one's pause.
 */
static bool the_first_success_ends_it(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.min_idle = 1;
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease[2];

    made.server[0].is_down = true;
    for (int i = 0; i < 20; i++)
        made_pass(&made, pool, MOST);
    REQUIRE(made.server[0].failures == 20);
    made.server[0].is_down = false;
    REQUIRE(made_pass(&made, pool, MOST) == 1);
    made_acquire(pool, lease, 2); /* one idle, one opened by us */
    made.server[0].is_down = true;
    made_pass(&made, pool, 1);
    REQUIRE(made.server[0].failures == 21);
    made_pass(&made, pool, FIRST);
    REQUIRE(made.server[0].failures == 22);
    made_release(pool, lease, 2);
    return made_ends(&made, pool);
}

/* Fails when an address is tried for ever that nobody asks for, or not tried although somebody did. */
static bool the_keeper_tries_what_somebody_was_refused(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    made.server[2].is_down = true;
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == -ECONNREFUSED);
    for (int i = 0; i < 100; i++)
        made_pass(&made, pool, 1000);
    REQUIRE(made.tries == 1);
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == -ECONNREFUSED); /* the pause is over: asked */
    REQUIRE(made.tries == 2);
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == -ECONNREFUSED); /* in the pause: refused */
    made.server[2].is_down = false;
    REQUIRE(made.tries == 2 && made_pass(&made, pool, 1000) == 1);
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == 0 && made_stats(pool).hits == 1);
    made_release(pool, &lease, 1);
    return made_ends(&made, pool);
}

/* Fails when one address' pause is another's. */
static bool who_is_gone_is_gone_alone(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    connpool_t *pool = made_pool(&config);
    connpool_lease_t lease;

    made.server[1].is_down = true;
    REQUIRE(connpool_acquire_key(pool, "1", 1, 0, &lease) == -ECONNREFUSED);
    REQUIRE(connpool_acquire_key(pool, "2", 1, 0, &lease) == 0);
    made_release(pool, &lease, 1);
    return made_ends(&made, pool);
}

/* ------------------------------------------------------------ groups */

static const connpool_member_t group[] = {{"0", 1, false}, {"1", 1, true}, {"2", 1, true}, {"3", 1, true}};

/* Which server serves; MADE_SERVERS and more: an error. */
static unsigned who_serves(connpool_t *pool, bool writes)
{
    connpool_lease_t lease;
    int error = connpool_acquire_member(pool, writes, 0, &lease);

    if (error != 0)
        return MADE_SERVERS + (unsigned)-error;
    unsigned server = ((struct made_connection *)lease.resource)->server;
    connpool_release(pool, lease);
    return server;
}

static connpool_t *pool_of_group(struct made *made, size_t first, size_t count)
{
    connpool_config_t config = made_config(made);
    config.members = &group[first];
    config.members_count = count;
    config.open_timeout_ms = 1000;
    return made_pool(&config);
}

/* Fails when a read-only member is given for writing, or reading goes to one of them more than to another. */
static bool readers_take_turns_and_writers_write(void)
{
    struct made made;
    connpool_t *pool = pool_of_group(&made, 0, 4);
    unsigned served[MADE_SERVERS] = {0};

    for (int i = 0; i < 300; i++) {
        unsigned reader = who_serves(pool, false);
        REQUIRE(reader < MADE_SERVERS && who_serves(pool, true) == 0);
        served[reader]++;
    }
    REQUIRE(served[0] == 0 && served[1] == 100 && served[2] == 100 && served[3] == 100);
    return made_ends(&made, pool);
}

/*
 * Fails when a caller is told of one reader's end while others are up, when the turn of who is gone falls to
 * one of them alone, when a caller asks who is gone, or when its return is not noticed.
 */
static bool a_reader_that_is_gone_is_passed_over_until_the_keeper_has_it_back(void)
{
    struct made made;
    connpool_t *pool = pool_of_group(&made, 0, 4);
    unsigned served[MADE_SERVERS] = {0};

    made.server[2].is_down = true;
    for (int i = 0; i < 300; i++) {
        unsigned reader = who_serves(pool, false);
        REQUIRE(reader == 1 || reader == 3);
        served[reader]++;
    }
    REQUIRE(served[1] >= 149 && served[3] >= 149);
    REQUIRE(made.server[2].failures == 1);
    made_pass(&made, pool, 100); /* the pause is over, and the keeper has asked */
    REQUIRE(made.server[2].failures == 2);
    atomic_fetch_add(&made.now_ms, 200); /* and again over, and the keeper has not come yet */
    REQUIRE(who_serves(pool, false) != 2 && who_serves(pool, false) != 2 && made.server[2].failures == 2);
    made.server[2].is_down = false;
    REQUIRE(connpool_keep(pool) == 1);
    for (int i = 0; i < 30; i++)
        served[who_serves(pool, false)]++;
    REQUIRE(served[2] == 10);
    return made_ends(&made, pool);
}

/* Fails when reading stops with the last reader, or writing goes to one of them when the writer is gone. */
static bool without_readers_the_writer_reads_and_without_a_writer_nobody_writes(void)
{
    struct made made;
    connpool_t *pool = pool_of_group(&made, 0, 4);

    made.server[1].is_down = made.server[2].is_down = made.server[3].is_down = true;
    for (int i = 0; i < 10; i++)
        REQUIRE(who_serves(pool, false) == 0);
    made.server[1].is_down = made.server[2].is_down = made.server[3].is_down = false;
    made.server[0].is_down = true;
    made_pass(&made, pool, 1000);
    REQUIRE(who_serves(pool, false) != 0);
    REQUIRE(made_ends(&made, pool));

    pool = pool_of_group(&made, 0, 4);
    made.server[0].is_down = true;
    REQUIRE(who_serves(pool, true) == MADE_SERVERS + ECONNREFUSED);
    made.server[1].is_down = made.server[2].is_down = made.server[3].is_down = true;
    REQUIRE(who_serves(pool, false) == MADE_SERVERS + ECONNREFUSED);
    return made_ends(&made, pool);
}

/* Fails when a call that fits no member gets one, or another error. */
static bool where_no_member_fits_it_is_enoent(void)
{
    struct made made;
    connpool_t *pool = pool_of_group(&made, 1, 3);
    REQUIRE(who_serves(pool, true) == MADE_SERVERS + ENOENT);
    REQUIRE(made_ends(&made, pool));

    pool = pool_of_group(&made, 0, 0);
    REQUIRE(who_serves(pool, false) == MADE_SERVERS + ENOENT);
    REQUIRE(made_ends(&made, pool));

    pool = pool_of_group(&made, 0, 1); /* no reader at all: the writer reads */
    REQUIRE(who_serves(pool, false) == 0);
    return made_ends(&made, pool);
}

/* Fails when all that is gone stays so where the keeper has no time: callers try again in the end. */
static bool a_group_comes_back_without_the_keeper(void)
{
    struct made made;
    connpool_t *pool = pool_of_group(&made, 0, 4);

    for (int i = 0; i < MADE_SERVERS; i++)
        made.server[i].is_down = true;
    REQUIRE(who_serves(pool, false) == MADE_SERVERS + ECONNREFUSED);
    for (int i = 0; i < MADE_SERVERS; i++)
        made.server[i].is_down = false;
    REQUIRE(who_serves(pool, false) == MADE_SERVERS + ECONNREFUSED);
    atomic_fetch_add(&made.now_ms, FIRST);
    REQUIRE(who_serves(pool, false) < MADE_SERVERS);
    return made_ends(&made, pool);
}

/* Fails when min_idle is opened for one member only, or for no key. */
static bool each_member_has_its_min_idle(void)
{
    struct made made;
    connpool_config_t config = made_config(&made);
    config.members = group;
    config.members_count = 4;
    config.min_idle = 2;
    connpool_t *pool = made_pool(&config);

    REQUIRE(connpool_keep(pool) == 8);
    for (int i = 0; i < MADE_SERVERS; i++)
        REQUIRE(made.server[i].open == 2);
    return made_ends(&made, pool);
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
