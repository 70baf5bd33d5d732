/*
 * Orders of lending, limits of idle ones, resize and close in use.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "lending.h"
#include "pools.h"

static struct rig rig;

/* A wake-up that is lost ends the test all the same. */
TestSuite(connpool_limits, .timeout = 500);

enum { FOUR = 4 };

/* Four connections, released as `order` says (their numbers), a millisecond apart. */
static connpool_t *pool_of_four(enum connpool_order lending, const int *order)
{
    connpool_config_t config = rig_config(&rig);
    connpool_lease_t lease[FOUR];
    config.order = lending;
    connpool_t *pool = rig_start(&rig, &config);

    for (int i = 0; i < FOUR; i++)
        lease[i] = lease_from(pool);
    for (int i = 0; i < FOUR; i++) {
        MUST(connpool_release(pool, lease[order[i] - 1]));
        rig.now_ms++;
    }
    return pool;
}

static void assert_lends(connpool_t *pool, const int *numbers)
{
    connpool_lease_t lease[FOUR];

    for (int i = 0; i < FOUR; i++) {
        lease[i] = lease_from(pool);
        cr_assert(eq(u64, connection_of(lease[i])->number, (uint64_t)numbers[i]), "the %d. acquire", i + 1);
    }
    for (int i = 0; i < FOUR; i++)
        connpool_release(pool, lease[i]);
    cr_assert(rig_ends(&rig));
}

/* Fails when the newest is not lent first. */
Test(connpool_limits, lifo_lends_what_was_released_last)
{
    MUST(true);
    connpool_t *pool = pool_of_four(CONNPOOL_LIFO, (int[]){3, 1, 4, 2});
    assert_lends(pool, (int[]){2, 4, 1, 3});
}

/* Fails when hints of 32 were all that LIFO knows: 100 are released, the newest of them all comes each time.
 */
Test(connpool_limits, lifo_holds_beyond_the_hints)
{
    enum { COUNT = 100 };
    connpool_config_t config = rig_config(&rig);
    config.max_open = COUNT;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[COUNT];

    for (int i = 0; i < COUNT; i++)
        lease[i] = lease_from(pool);
    for (int i = 0; i < COUNT; i++)
        MUST(connpool_release(pool, lease[i]));
    for (int i = COUNT; i > 0; i--) {
        lease[i - 1] = lease_from(pool);
        cr_assert(eq(u64, connection_of(lease[i - 1])->number, (uint64_t)i));
    }
    for (int i = 0; i < COUNT; i++)
        connpool_release(pool, lease[i]);
    cr_assert(rig_ends(&rig));
}

/* Fails when FIFO goes by use and not by age. */
Test(connpool_limits, fifo_lends_what_was_opened_first)
{
    connpool_t *pool = pool_of_four(CONNPOOL_FIFO, (int[]){3, 1, 4, 2});
    assert_lends(pool, (int[]){1, 2, 3, 4});
}

/* Fails when LRU goes by age and not by use. */
Test(connpool_limits, lru_lends_what_was_unused_for_longest)
{
    connpool_t *pool = pool_of_four(CONNPOOL_LRU, (int[]){3, 1, 4, 2});
    assert_lends(pool, (int[]){3, 1, 4, 2});
}

/* Fails when some are lent much more often than others: each of four in 4,000 draws, 1,000 +- 6 sigma. */
Test(connpool_limits, random_lends_all_alike)
{
    connpool_t *pool = pool_of_four(CONNPOOL_RANDOM, (int[]){1, 2, 3, 4});
    int drawn[FOUR] = {0};

    for (int i = 0; i < 4000; i++) {
        connpool_lease_t lease = lease_from(pool);
        drawn[connection_of(lease)->number - 1]++;
        connpool_release(pool, lease);
    }
    for (int i = 0; i < FOUR; i++)
        cr_assert(drawn[i] > 835 && drawn[i] < 1165, "%d was drawn %d times of 4000", i + 1, drawn[i]);
    cr_assert(rig_ends(&rig));
}

/* Fails when more stay idle than max_idle, or fewer. */
Test(connpool_limits, what_is_released_beyond_max_idle_is_closed)
{
    connpool_config_t config = rig_config(&rig);
    config.max_idle = 2;
    connpool_t *pool = rig_start(&rig, &config);

    for (int round = 0; round < 3; round++) {
        connpool_lease_t lease[5];
        for (int i = 0; i < 5; i++)
            lease[i] = lease_from(pool);
        for (int i = 0; i < 5; i++)
            cr_assert(eq(int, connpool_release(pool, lease[i]), i < 2));
        cr_assert(eq(u64, conn_stats(pool).idle, 2));
    }
    cr_assert(eq(u64, conn_stats(pool).closed_limit, 9));
    cr_assert(rig_ends(&rig));
}

/* Fails when one key's idle ones count for another's limit. */
Test(connpool_limits, max_idle_per_key_is_each_key_s_own)
{
    connpool_config_t config = rig_config(&rig);
    config.max_idle_per_key = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t a[2] = {lease_of(pool, "a"), lease_of(pool, "a")}, b = lease_of(pool, "b");

    cr_assert(connpool_release(pool, a[0]));
    cr_assert(connpool_release(pool, b));
    cr_assert(not(connpool_release(pool, a[1])));
    cr_assert(rig_ends(&rig));
}

/* Fails when a larger limit does not count at once, or does not serve who waits. */
Test(connpool_limits, resize_upwards_serves_who_waits)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 1;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool);
    struct borrower waiter;

    borrower_queue(&waiter, pool, NULL, FOR_EVER);
    cr_assert(eq(int, connpool_resize(pool, 2, SIZE_MAX, 0), 0));
    cr_assert(eq(int, borrower_end(&waiter), 0));
    cr_assert(eq(u64, conn_stats(pool).opens, 2));
    connpool_release(pool, waiter.lease);
    connpool_release(pool, lease);
    cr_assert(rig_ends(&rig));
}

/* Fails when idle ones above the limit stay, or lent ones are closed under their borrower or kept at release.
 */
Test(connpool_limits, resize_downwards_closes_idle_ones_now_and_lent_ones_at_release)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 8;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[8];

    for (int i = 0; i < 8; i++)
        lease[i] = lease_from(pool);
    for (int i = 0; i < 3; i++)
        connpool_release(pool, lease[i]);
    cr_assert(eq(int, connpool_resize(pool, 2, SIZE_MAX, 0), 0));
    connpool_stats_t stats = conn_stats(pool);
    cr_assert(eq(u64, stats.idle, 0));
    cr_assert(eq(u64, stats.in_use, 5));
    for (int i = 3; i < 8; i++)
        cr_assert(eq(int, connpool_release(pool, lease[i]), i >= 6), "%d", i);
    cr_assert(eq(u64, conn_stats(pool).open, 2));
    cr_assert(eq(u64, conn_stats(pool).closed_limit, 6));
    lease[0] = lease_from(pool);
    cr_assert(connpool_release(pool, lease[0]));
    cr_assert(rig_ends(&rig));
}

/* Fails when max_idle set later does not count those that were idle before. */
Test(connpool_limits, a_max_idle_that_comes_later_counts_all)
{
    connpool_config_t config = rig_config(&rig);
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease[6];

    for (int i = 0; i < 6; i++)
        lease[i] = lease_from(pool);
    for (int i = 0; i < 5; i++)
        connpool_release(pool, lease[i]);
    cr_assert(eq(int, connpool_resize(pool, 16, 3, 0), 0));
    cr_assert(eq(u64, conn_stats(pool).idle, 3));
    cr_assert(not(connpool_release(pool, lease[5])));
    lease[0] = lease_from(pool);
    cr_assert(connpool_release(pool, lease[0]));
    cr_assert(eq(int, connpool_resize(pool, 16, 2, 0), 0));
    cr_assert(eq(u64, conn_stats(pool).idle, 2));
    lease[0] = lease_from(pool);
    cr_assert(connpool_release(pool, lease[0]), "those that went count no more");
    cr_assert(eq(int, connpool_resize(pool, 0, 2, 0), -EINVAL));
    cr_assert(eq(int, connpool_resize(pool, 16, 2, 3), -EINVAL));
    cr_assert(eq(int, connpool_resize(pool, CONNPOOL_MAX_OPEN + (size_t)1, 2, 0), -EINVAL));
    cr_assert(eq(u64, conn_stats(pool).idle, 2));
    cr_assert(rig_ends(&rig));
}

/* Fails when close lends on, waits for nothing, forgets who waits, or leaves what is released later open. */
Test(connpool_limits, close_ends_all_and_waits_for_what_is_out)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = 2;
    connpool_t *pool = rig_start(&rig, &config);
    connpool_lease_t lease = lease_from(pool), other = lease_from(pool);
    struct borrower waiter[2];

    borrower_queue(&waiter[0], pool, NULL, FOR_EVER);
    borrower_queue(&waiter[1], pool, "key", FOR_EVER);
    cr_assert(eq(int, connpool_close(pool, 0), -ETIMEDOUT));
    cr_assert(eq(int, borrower_end(&waiter[0]), -ESHUTDOWN));
    cr_assert(eq(int, borrower_end(&waiter[1]), -ESHUTDOWN));
    cr_assert(eq(int, connpool_acquire(pool, FOR_EVER, &waiter[0].lease), -ESHUTDOWN));
    cr_assert(eq(int, connpool_acquire_key(pool, "k", 1, 0, &waiter[0].lease), -ESHUTDOWN));
    cr_assert(not(connpool_release(pool, lease)));
    cr_assert(eq(int, connpool_close(pool, 1), -ETIMEDOUT));
    cr_assert(not(connpool_release(pool, other)));
    cr_assert(eq(int, connpool_close(pool, FOR_EVER), 0));
    cr_assert(eq(u64, conn_stats(pool).closed_end, 2));
    cr_assert(rig_ends(&rig));
}
