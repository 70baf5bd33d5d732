/*
 * table.h: elements that keep their address.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <string.h>

#include "hook.h"
#include "pools.h"
#include "region.h"
#include "table.h"

enum { ELEMENT = 256, MANY = 20000 };

static struct table table;

/* Fails when a table that grows moves what it has: a stale pointer would be read in a lock-free pop. */
Test(unit_table, addresses_stay_where_they_are_while_it_grows)
{
    static char *address[MANY];
    unsigned moved = 0;

    table_init(&table, ELEMENT);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t index = table_add(&table);
        address[i] = table_at(&table, index);
        memset(address[i], (int)(i % 251), ELEMENT);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        moved += table_at(&table, i) != (void *)address[i];
        moved += address[i][0] != (char)(i % 251) || address[i][ELEMENT - 1] != (char)(i % 251);
    }
    cr_assert(eq(uint, moved, 0));
    cr_assert(eq(u32, table_used(&table), MANY));
    table_end(&table);
}

/* Fails when elements begin in the middle of a line pair, or a new one is not zeroed. */
Test(unit_table, elements_are_zeroed_and_aligned_to_two_lines)
{
    static const size_t sizes[] = {128, 256, 384, 512, 7168, 40960, 262144};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        table_init(&table, sizes[i]);
        for (uint32_t n = 0; n < 100; n++) {
            uint32_t index = table_add(&table);
            cr_assert(eq(u32, index, n));
            char *element = table_at(&table, index);
            cr_assert(eq(u64, (uintptr_t)element % DESTRUCTIVE_SIZE, 0));
            cr_assert(is_zero(element, sizes[i]));
            memset(element, 0xff, sizes[i]);
        }
        table_end(&table);
    }
}

enum { THREADS = 4, EACH = 30000 };

static unsigned char owner[THREADS * EACH];
static pthread_barrier_t begin;

static void *add_many(void *arg)
{
    unsigned number = *(unsigned *)arg;
    size_t faults = 0;
    pthread_barrier_wait(&begin);
    for (unsigned i = 0; i < EACH; i++) {
        uint32_t index = table_add(&table);
        if (index >= THREADS * EACH || owner[index] != 0) {
            faults++;
            continue;
        }
        owner[index] = (unsigned char)number;
        /* A chunk that lost the race to be published would lose this. */
        *(unsigned *)table_at(&table, index) = number;
    }
    return (void *)(uintptr_t)faults; // NOLINT(performance-no-int-to-ptr)
}

/* Fails when two threads are given the same index, or one of them a chunk that is thrown away. */
Test(unit_table, indices_are_unique_among_threads)
{
    pthread_t thread[THREADS];
    unsigned number[THREADS];
    unsigned faults = 0;

    table_init(&table, 128);
    pthread_barrier_init(&begin, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        number[i] = i + 1;
        pthread_create(&thread[i], NULL, add_many, &number[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *found;
        pthread_join(thread[i], &found);
        faults += found != NULL;
    }
    for (uint32_t i = 0; i < THREADS * EACH; i++)
        faults += owner[i] == 0 || *(unsigned *)table_at(&table, i) != owner[i];
    cr_assert(eq(uint, faults, 0));
    cr_assert(eq(u32, table_used(&table), THREADS * EACH));
    table_end(&table);
}

static bool all_maps_fail(enum hook_call call)
{
    return call == HOOK_MAP;
}

/* Fails when a failed mmap uses up an index or is remembered for ever. */
Test(unit_table, failed_map_gives_none_and_the_table_works_afterwards)
{
    table_init(&table, 128 << 10); /* 16 a chunk */
    hook_on_call(all_maps_fail);
    for (int i = 0; i < 10; i++)
        cr_assert(eq(u32, table_add(&table), INDEX_NONE));
    cr_assert(eq(u32, table_used(&table), 0));
    hook_on_call(NULL);
    for (uint32_t i = 0; i < 16; i++)
        cr_assert(eq(u32, table_add(&table), i));

    hook_on_call(all_maps_fail);
    cr_assert(eq(u32, table_add(&table), INDEX_NONE));
    cr_assert(eq(u32, table_used(&table), 16));
    hook_on_call(NULL);
    for (uint32_t i = 16; i < 40; i++)
        cr_assert(eq(u32, table_add(&table), i));
    table_end(&table);
}

/* Fails when the 1025th chunk is written behind the array. */
Test(unit_table, used_up_table_gives_none)
{
    table_init(&table, 16 << 10); /* 16 a chunk, untouched: address space only */
    for (uint32_t i = 0; i < 16 * TABLE_CHUNKS; i++)
        if (table_add(&table) != i)
            cr_fail("element %u", i);
    for (int i = 0; i < 3; i++)
        cr_assert(eq(u32, table_add(&table), INDEX_NONE));
    cr_assert(eq(u32, table_used(&table), 16 * TABLE_CHUNKS));
    *(char *)table_at(&table, 16 * TABLE_CHUNKS - 1) = 1;
    table_end(&table);
}

/* Fails when all 24 bits are given out: the last one means none. */
Test(unit_table, no_index_is_index_none)
{
    table_init(&table, 128);
    table.chunk_shift = 14;
    cr_assert(eq(u64, (uint64_t)TABLE_CHUNKS << table.chunk_shift, INDEX_NONE + UINT64_C(1)));
    atomic_store(&table.used, INDEX_NONE - 1);
    cr_assert(eq(u32, table_add(&table), INDEX_NONE - 1));
    cr_assert(eq(u32, table_add(&table), INDEX_NONE));
    cr_assert(eq(u32, table_used(&table), INDEX_NONE));
    table_end(&table);
}

/* Fails when a forked child finds its parent's elements, or maps the memory anew. */
Test(unit_table, forgotten_elements_are_zeroed_in_their_old_place)
{
    table_init(&table, ELEMENT);
    for (uint32_t i = 0; i < 2000; i++)
        memset(table_at(&table, table_add(&table)), 0xff, ELEMENT);
    char *first = table_at(&table, 0);

    table_forget(&table);
    cr_assert(eq(u32, table_used(&table), 0));
    hook_on_call(all_maps_fail);
    for (uint32_t i = 0; i < 2000; i++) {
        cr_assert(eq(u32, table_add(&table), i));
        cr_assert(is_zero(table_at(&table, i), ELEMENT));
    }
    hook_on_call(NULL);
    cr_assert(eq(ptr, table_at(&table, 0), first));
    table_end(&table);
}

static bool purge_is_refused(enum hook_call call)
{
    return call == HOOK_PURGE;
}

/* Fails when a forked child under mlockall finds the parent's elements in its new ones. */
Test(unit_table, elements_of_a_forgotten_table_are_zeroed_also_where_no_page_can_go)
{
    table_init(&table, ELEMENT);
    for (uint32_t i = 0; i < 2000; i++)
        memset(table_at(&table, table_add(&table)), 1, ELEMENT);
    hook_on_call(purge_is_refused);
    table_forget(&table);
    hook_on_call(NULL);
    for (uint32_t i = 0; i < 2000; i++) {
        cr_assert(eq(u32, table_add(&table), i));
        cr_assert(is_zero(table_at(&table, i), ELEMENT));
    }
    table_end(&table);
}
