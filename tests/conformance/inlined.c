/*
 * bufpool/inline.h: what it adds to the contract. That the hit compiled in does
 * what the call does is shown by the programs named *_inlined, which are the
 * others' sources.
 */
#define BUFPOOL_INLINE
#define BUFPOOL_INLINE_LAYOUT 4711u /* of no library */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "accounts.h"
#include "pools.h"

/* Fails when a program may reach into a library that is laid out otherwise. */
Test(conformance_inlined, create_refuses_a_library_of_another_layout)
{
    bufpool_t *pool = (bufpool_t *)&pool;
    int error = bufpool_create(&pool, NULL);
    cr_assert(eq(int, error, -ENOTSUP));
    cr_assert(eq(ptr, pool, (bufpool_t *)&pool));
}

/* Fails when hits compiled in and hits by call do not share one bin, or are not counted alike. */
Test(conformance_inlined, calls_and_inlined_hits_mix)
{
    bufpool_t *pool = still_pool();
    (bufpool_put)(pool, (bufpool_get)(pool, 4096));
    bufpool_stats_t before = stats_of(pool);
    for (int i = 0; i < 100; i++) {
        void *inlined = bufpool_get(pool, 4096);
        bool kept_by_call = (bufpool_put)(pool, inlined);
        void *called = (bufpool_get)(pool, 4096);
        bool kept_inline = bufpool_put(pool, called);
        cr_assert(kept_by_call && kept_inline);
        cr_assert(eq(ptr, called, inlined));
    }
    bufpool_stats_t after = stats_of(pool);
    cr_assert(eq(u64, after.hits_private - before.hits_private, 200));
    cr_assert(eq(u64, after.puts - before.puts, 200));
    assert_accounts(pool);
    bufpool_destroy(pool);
}
