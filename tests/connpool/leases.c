/*
 * Leases that are none: each is named, and nothing happens.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "lending.h"
#include "misuse.h"
#include "pools.h"

static struct rig rig, other_rig;
static struct misuse_record said;

static connpool_t *recorded_pool(const char *name, struct rig *of)
{
    connpool_config_t config = rig_config(of);
    config.name = name;
    misuse_record(&said);
    return rig_start(of, &config);
}

/* One more call of the handler, which names pool, rule and call. */
static void assert_said(unsigned calls, const char *rule, const char *call)
{
    cr_assert(eq(u32, said.calls, calls), "%s", said.line);
    cr_assert(strstr(said.line, "connpool: pool 'mine': ") == said.line, "%s", said.line);
    cr_assert(strstr(said.line, rule) != NULL && strstr(said.line, call) != NULL, "%s", said.line);
}

/* Fails when the second release of a lease ends somebody else's, or goes unnamed. */
Test(connpool_leases, a_double_release_is_named_and_does_nothing)
{
    connpool_t *pool = recorded_pool("mine", &rig);
    connpool_lease_t lease = lease_from(pool);

    cr_assert(connpool_release(pool, lease));
    cr_assert(not(connpool_release(pool, lease)));
    assert_said(1, ": double release: ", "release(");
    connpool_lease_t next = lease_from(pool);
    cr_assert(eq(ptr, next.resource, lease.resource));
    cr_assert(not(connpool_release(pool, lease)));
    assert_said(2, ": stale lease: ", "release(");
    connpool_mark_unusable(pool, lease);
    assert_said(3, ": stale lease: ", "mark_unusable(");
    cr_assert(connpool_release(pool, next), "the new borrower's is untouched");
    cr_assert(eq(u64, conn_stats(pool).misuses, 3));
    cr_assert(rig_ends(&rig));
}

/* Fails when a stale lease is taken for a current one after any number of leases since. */
Test(connpool_leases, a_stale_lease_never_fits_again)
{
    connpool_t *pool = recorded_pool("mine", &rig);
    connpool_lease_t stale = lease_from(pool);

    connpool_release(pool, stale);
    for (unsigned i = 0; i < 300000; i++) {
        connpool_lease_t lease = lease_from(pool);
        if (lease.ticket == stale.ticket || (i % 1000 == 0 && connpool_release(pool, stale)))
            cr_assert(false, "the stale lease fits lease %u", i);
        connpool_release(pool, lease);
    }
    cr_assert(eq(u32, said.calls, 300));
    cr_assert(rig_ends(&rig));
}

/* Fails when a lease of a closed connection fits the one that has its place now. */
Test(connpool_leases, a_lease_of_a_closed_connection_is_stale)
{
    connpool_t *pool = recorded_pool("mine", &rig);
    connpool_lease_t lease = lease_from(pool);

    connpool_mark_unusable(pool, lease);
    connpool_release(pool, lease);
    cr_assert(not(connpool_release(pool, lease)));
    assert_said(1, ": double release: ", "release(");
    connpool_lease_t next = lease_from(pool);
    cr_assert(not(connpool_release(pool, lease)));
    assert_said(2, ": stale lease: ", "release(");
    connpool_release(pool, next);
    cr_assert(rig_ends(&rig));
}

/* Fails when another pool's lease, or one made up, is taken. */
Test(connpool_leases, a_foreign_lease_is_named_and_does_nothing)
{
    connpool_t *pool = recorded_pool("mine", &rig), *other = recorded_pool("other", &other_rig);
    connpool_lease_t lease = lease_from(pool), theirs = lease_from(other);
    connpool_lease_t made_up[] = {{lease.resource, 0},
                                  {lease.resource, UINT64_MAX},
                                  {lease.resource, lease.ticket + 1}, /* a place never used */
                                  {lease.resource, lease.ticket ^ ((uint64_t)1 << 60)},
                                  {theirs.resource, lease.ticket},
                                  theirs};
    unsigned count = sizeof made_up / sizeof made_up[0];

    for (unsigned i = 0; i < count; i++) {
        cr_assert(not(connpool_release(pool, made_up[i])), "%u", i);
        assert_said(2 * i + 1, ": foreign lease: ", "release(");
        connpool_mark_unusable(pool, made_up[i]);
        assert_said(2 * i + 2, ": foreign lease: ", "mark_unusable(");
        cr_assert(not(connpool_touch(pool, made_up[i])));
    }
    cr_assert(eq(u32, said.calls, 2 * count));
    cr_assert(connpool_release(pool, lease));
    cr_assert(connpool_release(other, theirs));
    cr_assert(eq(u64, conn_stats(other).misuses, 0));
    cr_assert(rig_ends(&rig));
    cr_assert(rig_ends(&other_rig));
}
