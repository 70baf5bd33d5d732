/*
 * What a look at all slots finds. The pools lend by use, so that no guess comes before the look.
 */
#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "pools.h"

static struct rig rig;

TestSuite(connpool_scans, .timeout = 100);

static connpool_t *pool_of(size_t max_open)
{
    connpool_config_t config = rig_config(&rig);
    config.max_open = max_open;
    config.order = CONNPOOL_LRU;
    return rig_pool(&config);
}

static void acquire_all(connpool_t *pool, connpool_lease_t *lease, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lease[i] = lease_from(pool);
}

/* Fails when a slot at the edge of a group is passed over, or one whose neighbours are closed. */
Test(connpool_scans, find_what_is_idle_among_slots_that_were_open_once)
{
    enum { COUNT = 200 };
    static const size_t left[] = {0, 1, 63, 64, 127, 128, 191, 192, 199};
    enum { LEFT = sizeof left / sizeof left[0] };
    connpool_t *pool = pool_of(COUNT);
    connpool_lease_t lease[COUNT], again[LEFT];

    acquire_all(pool, lease, COUNT);
    for (size_t i = 0, next = 0; i < COUNT; i++) {
        if (next < LEFT && left[next] == i)
            next++;
        else
            connpool_mark_unusable(pool, lease[i]);
        connpool_release(pool, lease[i]);
    }
    cr_assert(eq(u64, conn_stats(pool).idle, LEFT));
    acquire_all(pool, again, LEFT);
    cr_assert(eq(u64, rig.opened, COUNT), "an idle one was not found");
    for (size_t i = 0; i < LEFT; i++) {
        cr_assert(eq(u64, wire_of(again[i])->number, left[i] + 1));
        connpool_release(pool, again[i]);
    }
    assert_ends_well(pool, &rig);
}

/* Fails when a slot that was closed and opened again is not looked at, or given twice. */
Test(connpool_scans, find_what_is_idle_in_slots_that_were_opened_again)
{
    enum { COUNT = 130 };
    connpool_t *pool = pool_of(COUNT);
    connpool_lease_t lease[COUNT];

    acquire_all(pool, lease, COUNT);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++)
            if (i % 3 != 0) {
                connpool_mark_unusable(pool, lease[i]);
                connpool_release(pool, lease[i]);
                lease[i] = lease_from(pool);
            }
        uint64_t opened = rig.opened;
        for (size_t i = 0; i < COUNT; i++)
            connpool_release(pool, lease[i]);
        acquire_all(pool, lease, COUNT);
        cr_assert(eq(u64, rig.opened, opened), "an idle one was not found");
    }
    for (size_t i = 0; i < COUNT; i++)
        connpool_release(pool, lease[i]);
    assert_ends_well(pool, &rig);
}
