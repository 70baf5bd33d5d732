/*
 * One pool for many addresses.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "lending.h"
#include "pools.h"

static struct rig rig;

/* A wake-up that is lost ends the test all the same. */
TestSuite(connpool_keys, .timeout = 500);

static connpool_t *pool_of(size_t max_open, size_t per_key)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = max_open;
    config.max_open_per_key = per_key;
    return rig_start(&rig, &config);
}

/* Fails when a key is cut, compared in part, or its connection lent for another. */
Test(connpool_keys, get_their_own_connections)
{
    char longest[CONNPOOL_MAX_KEY];
    memset(longest, 'x', sizeof longest);
    const struct {
        const char *key;
        size_t size;
    } keys[] = {{"a", 1},
                {"a\0", 2},
                {"ab", 2},
                {"abcdefgh", 8},
                {"abcdefghi", 9},
                {longest, sizeof longest},
                {longest, sizeof longest - 1},
                {"\0", 1}};
    enum { KEYS = sizeof keys / sizeof keys[0] };
    connpool_t *pool = pool_of(2 * KEYS, SIZE_MAX);
    connpool_lease_t lease[KEYS], unkeyed;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            cr_assert(eq(int, connpool_acquire_key(pool, keys[i].key, keys[i].size, 0, &lease[i]), 0));
            cr_assert(eq(sz, connection_of(lease[i])->key_size, keys[i].size));
            cr_assert(memcmp(connection_of(lease[i])->key, keys[i].key, keys[i].size) == 0, "%d", i);
        }
        unkeyed = lease_from(pool);
        cr_assert(eq(sz, connection_of(unkeyed)->key_size, 0));
        connpool_release(pool, unkeyed);
        for (int i = 0; i < KEYS; i++)
            connpool_release(pool, lease[i]);
    }
    connpool_stats_t stats = conn_stats(pool);
    cr_assert(eq(u64, stats.opens, KEYS + 1));
    cr_assert(eq(u64, stats.keys, KEYS + 1));
    cr_assert(rig_ends(&rig));
}

/* Fails when a key outside its bounds is taken. */
Test(connpool_keys, of_bad_sizes_are_refused)
{
    connpool_t *pool = pool_of(1, SIZE_MAX);
    char key[CONNPOOL_MAX_KEY + 1] = "k";
    connpool_lease_t lease;

    cr_assert(eq(int, connpool_acquire_key(pool, key, 0, 0, &lease), -EINVAL));
    cr_assert(eq(int, connpool_acquire_key(pool, NULL, 1, 0, &lease), -EINVAL));
    cr_assert(eq(int, connpool_acquire_key(pool, key, sizeof key, 0, &lease), -EINVAL));
    cr_assert(rig_ends(&rig));
}

/* Fails when a full pool of idle connections has no room for a new key, or makes it at the wrong one's cost.
 */
Test(connpool_keys, the_idle_one_unused_for_longest_makes_room)
{
    connpool_t *pool = pool_of(3, SIZE_MAX);
    connpool_lease_t a = lease_of(pool, "a"), b = lease_of(pool, "b"), c = lease_of(pool, "c");

    connpool_release(pool, b);
    connpool_release(pool, c);
    connpool_release(pool, a);
    connpool_lease_t d = lease_of(pool, "d"); /* b goes */
    connpool_release(pool, d);
    cr_assert(eq(u64, conn_stats(pool).closed_evicted, 1));
    a = lease_of(pool, "a");
    c = lease_of(pool, "c");
    cr_assert(eq(u64, connection_of(a)->number, 1));
    cr_assert(eq(u64, connection_of(c)->number, 3));
    connpool_release(pool, a);
    connpool_release(pool, c);
    cr_assert(eq(u64, conn_stats(pool).opens, 4));
    cr_assert(rig_ends(&rig));
}

/* Fails when room made by eviction is not counted for the new key: its limit would be passed by who waits. */
Test(connpool_keys, eviction_keeps_the_limit_of_a_key)
{
    connpool_t *pool = pool_of(3, 1);
    connpool_lease_t a = lease_of(pool, "a"), b = lease_of(pool, "b"), c = lease_of(pool, "c"), none;

    connpool_release(pool, a);
    connpool_release(pool, b);
    connpool_lease_t d = lease_of(pool, "d");
    cr_assert(eq(int, connpool_acquire_key(pool, "d", 1, 0, &none), -EAGAIN));
    cr_assert(eq(u64, conn_stats(pool).closed_evicted, 1));
    connpool_release(pool, c);
    connpool_release(pool, d);
    cr_assert(rig_ends(&rig));
}

/* Fails when one who waits because of its key's limit keeps those behind from what is theirs. */
Test(connpool_keys, one_at_its_limit_stops_no_other)
{
    connpool_t *pool = pool_of(8, 1);
    connpool_lease_t a = lease_of(pool, "a"), b = lease_of(pool, "b");
    struct borrower of_a, of_b;

    borrower_queue(&of_a, pool, "a", FOR_EVER);
    borrower_queue(&of_b, pool, "b", FOR_EVER);
    connpool_lease_t c = lease_of(pool, "c"); /* room for a key without a limit reached */
    connpool_release(pool, b);
    cr_assert(eq(int, borrower_end(&of_b), 0));
    cr_assert(eq(u64, connection_of(of_b.lease)->number, 2));
    cr_assert(not(of_a.is_back));
    connpool_release(pool, a);
    cr_assert(eq(int, borrower_end(&of_a), 0));
    connpool_release(pool, of_a.lease);
    connpool_release(pool, of_b.lease);
    connpool_release(pool, c);
    cr_assert(rig_ends(&rig));
}

/* Fails when the first in the queue starves because what comes free is of another key. */
Test(connpool_keys, the_first_that_waits_gets_the_room_of_another_key)
{
    connpool_t *pool = pool_of(1, SIZE_MAX);
    connpool_lease_t a = lease_of(pool, "a");
    struct borrower of_b, of_a;

    borrower_queue(&of_b, pool, "b", FOR_EVER);
    borrower_queue(&of_a, pool, "a", FOR_EVER);
    connpool_release(pool, a);
    cr_assert(eq(int, borrower_end(&of_b), 0));
    cr_assert(not(of_a.is_back));
    connpool_release(pool, of_b.lease);
    cr_assert(eq(int, borrower_end(&of_a), 0));
    connpool_release(pool, of_a.lease);
    cr_assert(eq(u64, conn_stats(pool).closed_evicted, 2));
    cr_assert(rig_ends(&rig));
}

/* Fails when keys without connections stay for ever, or one with a connection is given away. */
Test(connpool_keys, without_connections_make_room_for_others)
{
    connpool_t *pool = pool_of(4, SIZE_MAX);
    connpool_lease_t kept = lease_of(pool, "kept");
    char key[16];

    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        connpool_lease_t lease = lease_of(pool, key);
        if (strcmp(connection_of(lease)->key, key) != 0)
            cr_assert(false, "%s got %s", key, connection_of(lease)->key);
        connpool_release(pool, lease);
    }
    cr_assert(eq(u64, conn_stats(pool).keys, 4));
    cr_assert(connpool_release(pool, kept));
    kept = lease_of(pool, "kept");
    cr_assert(eq(u64, connection_of(kept)->number, 1));
    connpool_release(pool, kept);
    cr_assert(rig_ends(&rig));
}

/* Fails when more keys than the table holds are taken, or fewer. */
Test(connpool_keys, as_many_as_promised_have_connections)
{
    static connpool_lease_t lease[CONNPOOL_MAX_KEYS + 1];
    connpool_t *pool = pool_of(CONNPOOL_MAX_OPEN, SIZE_MAX);
    int held = 0, error = 0;
    char key[16];

    for (; held <= CONNPOOL_MAX_KEYS && error == 0; held++) {
        snprintf(key, sizeof key, "key %d", held);
        error = connpool_acquire_key(pool, key, strlen(key), 0, &lease[held]);
    }
    cr_assert(eq(int, error, -ENOSPC));
    cr_assert(eq(int, --held, CONNPOOL_MAX_KEYS));
    connpool_mark_unusable(pool, lease[0]);
    connpool_release(pool, lease[0]);
    lease[0] = lease_of(pool, "one more");
    for (int i = 0; i < held; i++)
        connpool_release(pool, lease[i]);
    cr_assert(rig_ends(&rig));
}

/* Fails when nobody tells who waits that the pause of his server is over, where all room is other keys' and
 * idle. */
Test(connpool_keys, a_waiter_has_an_idle_one_of_another_key_when_his_server_is_back)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 2;
    config.backoff_ms = 100;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t other[2], none;
    struct borrower waiter;

    rig.refuses = -ECONNREFUSED;
    cr_assert(eq(int, connpool_acquire_key(pool, "gone", 4, 0, &none), -ECONNREFUSED));
    rig.refuses = 0;
    for (int i = 0; i < 2; i++)
        other[i] = lease_of(pool, "other");
    for (int i = 0; i < 2; i++)
        connpool_release(pool, other[i]);
    borrower_queue(&waiter, pool, "gone", FOR_EVER);
    connpool_keep(pool);
    cr_assert(not(waiter.is_back), "the pause is not over");
    rig.now_ms += 100;
    connpool_keep(pool);
    cr_assert(eq(int, borrower_end(&waiter), 0));
    connpool_release(pool, waiter.lease);
    cr_assert(eq(u64, conn_stats(pool).closed_evicted, 1));
    cr_assert(rig_ends(&rig));
}
