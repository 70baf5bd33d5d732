/*
 * A child of fork has its parent's sockets but must not talk on them.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "lending.h"
#include "pools.h"
#include "process.h"

static struct rig rig;
static connpool_t *pool;
static connpool_lease_t lent;

/* What each call says there; 0 when all is as promised. */
static int in_child(void *arg)
{
    connpool_stats_t stats = CONNPOOL_STATS_INIT;
    connpool_lease_t lease = {0};

    (void)arg;
    if (connpool_acquire(pool, 0, &lease) != -ECHILD || connpool_acquire(pool, FOR_EVER, &lease) != -ECHILD)
        return 1;
    if (connpool_acquire_key(pool, "k", 1, 0, &lease) != -ECHILD || lease.ticket != 0)
        return 2;
    if (connpool_release(pool, lent) || connpool_touch(pool, lent))
        return 3;
    connpool_mark_unusable(pool, lent);
    if (connpool_resize(pool, 1, 1, 0) != -ECHILD || connpool_close(pool, 0) != -ECHILD)
        return 4;
    if (connpool_stats(pool, &stats) != -ECHILD || connpool_dump(pool, stderr, BUFPOOL_TEXT) != -ECHILD)
        return 5;
    connpool_destroy(pool);
    if (rig.closed != 0)
        return 6;

    /* A pool of its own works. */
    static struct rig own_rig;
    connpool_config_t config = rig_config(&own_rig);
    connpool_t *own = rig_start(&own_rig, &config);
    connpool_release(own, lease_from(own));
    return rig_ends(&own_rig) ? 0 : 7;
}

/* Fails when a child's call talks on the parent's connections, waits for its threads, or closes what they
 * use. */
Test(connpool_fork, every_call_of_a_child_says_echild_or_does_nothing)
{
    connpool_config_t config = rig_config(&rig);
    pool = rig_start(&rig, &config);
    lent = lease_from(pool);
    connpool_release(pool, lease_from(pool));

    struct child_end end = child_run(in_child, NULL);
    cr_assert(child_exited(&end, 0), "status %d: %s", end.status, end.errors);

    cr_assert(connpool_release(pool, lent), "the parent goes on");
    connpool_release(pool, lease_from(pool));
    cr_assert(rig_ends(&rig));
}
