/*
 * thread.h: a thread's way from a pool to its record.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "accounts.h"
#include "pools.h"
#include "thread.h"

/* More than a page of slots. */
enum { POOLS = 600 };

/* Fails when a thread of many pools loses its records as their table grows: what it has cached would be out
 * of reach, and each pool given a second record. */
Test(unit_thread, records_stay_when_their_table_grows)
{
    static bufpool_t *pools[POOLS];
    static struct record *records[POOLS];
    bufpool_config_t config = still_config();

    config.min_size = config.max_size = 4096;
    config.tier_span = 8 * MIB;
    for (size_t i = 0; i < POOLS; i++) {
        pools[i] = pool_from(&config);
        bufpool_put(pools[i], bufpool_get(pools[i], 4096));
        records[i] = thread_record(pools[i]);
        cr_assert(records[i] != NULL);
    }
    for (size_t i = 0; i < POOLS; i++) {
        cr_assert(eq(ptr, thread_record(pools[i]), records[i]), "pool %zu", i);
        void *buffer = bufpool_get(pools[i], 4096);
        bufpool_stats_t stats = stats_of(pools[i]);
        cr_assert(eq(u64, stats.hits_private, 1));
        cr_assert(eq(u64, stats.threads, 1));
        bufpool_put(pools[i], buffer);
        assert_accounts(pools[i]);
        bufpool_destroy(pools[i]);
    }
}
