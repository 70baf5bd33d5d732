/*
 * handoff.h: what a collection could not claim, as its thread was inside, is not forgotten.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "inside.h"
#include "pools.h"

enum { EACH = 10 };

static void *early[EACH], *late[EACH];

/* A collection that finds this thread in the middle of a call: its block, with `early` in it, is in limbo. */
static bufpool_t *pool_with_limbo(void)
{
    bufpool_t *pool = still_pool();

    get_many(pool, 4096, early, EACH);
    get_many(pool, 4096, late, EACH);
    put_many(pool, early, EACH);
    struct record *record = inside_record(pool);
    cache_enter(record);
    bufpool_collect(pool);
    cache_leave(record, pool->key);
    cr_assert(ne(u64, atomic_load(&inside_block(pool)->previous), BLOCK_NONE));
    cr_assert(eq(u64, stats_of(pool).private_bytes, EACH * 4096));
    return pool;
}

/* Fails when only a swap looks for limbo: a thread that goes to sleep then keeps what it had for ever. */
Test(unit_cache_limbo, limbo_of_a_thread_that_sleeps_becomes_victims)
{
    bufpool_t *pool = pool_with_limbo();

    bufpool_collect(pool);
    cr_assert(eq(u64, stats_of(pool).private_bytes, 0));
    cr_assert(eq(u64, stats_of(pool).victim_bytes, EACH * 4096));
    put_many(pool, late, EACH);
    assert_accounts(pool);
    bufpool_destroy(pool);
}

/* Fails when a trim takes what is in limbo and leaves what the thread has put since: that is idle too. */
Test(unit_cache_limbo, trim_brings_home_limbo_and_what_was_put_since)
{
    bufpool_t *pool = pool_with_limbo();

    put_many(pool, late, EACH);
    bufpool_trim(pool);
    cr_assert(eq(u64, stats_of(pool).committed_bytes, 0));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
