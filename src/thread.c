#include "thread.h"

#include <pthread.h>
#include <string.h>

#include "blocks.h"
#include "recorder.h"
#include "region.h"
#include "registry.h"

/* What a thread finds where it has no record: no pool's. */
static struct record nobody = {.key = KEY_DEAD};
static struct record *no_slot = &nobody; /* the slots of a thread that has none; never written */

_Thread_local struct thread_table thread_table
    __attribute__((tls_model("initial-exec"))) = {.last = &nobody, .slot = &no_slot};

static pthread_key_t exit_key;
static bool exit_key_made;

/* ------------------------------------------------------------ coming */

static uint32_t table_count(const struct thread_table *table)
{
    return table->slot == &no_slot ? 0 : table->mask + 1;
}

static void slots_clear(struct record **slot, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < count; i++)
        slot[i] = &nobody;
}

/* Room for the slot of a pool. Slots move, so the old ones go only when the new ones are in use. */
static bool table_grow(struct thread_table *table, uint32_t number)
{
    uint64_t least = max_u64(region_page() / sizeof(struct record *), number + 1);
    uint32_t after = UINT32_C(1) << log2_ceil(least);
    uint32_t before = table_count(table);
    struct record **old = table->slot;
    struct record **slot = region_map(after * sizeof *slot);

    if (slot == NULL)
        return false;
    if (before == 0 && pthread_setspecific(exit_key, table) != 0) {
        region_release(slot, after * sizeof *slot);
        return false;
    }
    memcpy(slot, old, before * sizeof *slot);
    slots_clear(slot, before, after);
    table->slot = slot;
    atomic_signal_fence(memory_order_seq_cst); /* a signal handler finds the slots that the mask promises */
    table->mask = after - 1;
    if (before != 0)
        region_release(old, before * sizeof *slot);
    return true;
}

static struct record *record_new(struct bufpool *pool)
{
    uint32_t index = stack_pop(&pool->records_free, &pool->records);
    if (index == INDEX_NONE)
        index = table_add(&pool->records);
    if (index == INDEX_NONE)
        return NULL;

    struct record *record = table_at(&pool->records, index);
    record->self = index;
    atomic_store_explicit(&record->key, KEY_DEAD, memory_order_relaxed);
    return record;
}

struct record *thread_record(struct bufpool *pool)
{
    struct thread_table *table = &thread_table;

    if (pool->number >= table_count(table))
        return NULL;
    struct record *record = table->slot[pool->number];
    if (atomic_load_explicit(&record->key, memory_order_relaxed) == KEY_DEAD)
        return NULL; /* nobody's, or of the pool that had this number before */
    table->last = record;
    return record;
}

struct record *thread_attach(struct bufpool *pool)
{
    struct thread_table *table = &thread_table;
    struct record *record = thread_record(pool);

    if (record != NULL)
        return record;
    if (table->left || (pool->number >= table_count(table) && !table_grow(table, pool->number)))
        return NULL;
    record = table->slot[pool->number];
    if (record == &nobody) {
        record = record_new(pool);
        if (record == NULL)
            return NULL;
        table->slot[pool->number] = record;
    }
    struct block *block = block_new(pool);
    if (block == NULL)
        return NULL;

    record->spares.count = 0;
    record->epoch = atomic_load_explicit(&pool->collection.epoch, memory_order_relaxed);
    memset(record->caps, 0, sizeof record->caps);
    record->tape = 0;
    atomic_store_explicit(&record->home, depot_home(&pool->depot), memory_order_relaxed);
    atomic_store_explicit(&record->state, RECORD_USED, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->threads, 1, memory_order_relaxed);
    /* release [hand-off]: a collection that finds the block finds it initialised. */
    atomic_store_explicit(&record->block, block, memory_order_release);
    atomic_store_explicit(&record->key, pool->key, memory_order_release);
    table->last = record;
    return record;
}

/* ------------------------------------------------------------ going */

static void record_leave(struct bufpool *pool, struct record *record)
{
    unsigned home = atomic_load_explicit(&record->home, memory_order_relaxed);
    /*
     * acq_rel [hand-off]: from here on no collection can swap this record; and
     * the block it put in last, if it did, comes with its contents.
     */
    struct block *block = atomic_exchange_explicit(&record->block, NULL, memory_order_acq_rel);

    /* And what hangs behind it in limbo: we, who worked in it, or a collection. */
    if (block != NULL) {
        block_empty_limbo(pool, block, PLACE_SHARED, home);
        block_empty(pool, block, PLACE_SHARED, home);
        block_drop(pool, block);
    }
    spares_end(&record->spares, &pool->depot);
    recorder_leave(pool, record);
    atomic_store_explicit(&record->key, KEY_DEAD, memory_order_relaxed);
    atomic_store_explicit(&record->state, RECORD_FREE, memory_order_relaxed);
    atomic_fetch_sub_explicit(&pool->threads, 1, memory_order_relaxed);
}

static void thread_exit(void *arg)
{
    struct thread_table *table = arg;

    /* Once more, please: destructors of others may still use the pool in this round. */
    if (table->leaving++ == 0 && pthread_setspecific(exit_key, table) == 0)
        return;

    registry_lock(); /* keeps pools from being destroyed under our hands */
    struct record **slot = table->slot;
    uint32_t count = table_count(table);
    table->left = true;
    table->last = &nobody;
    table->mask = 0;
    atomic_signal_fence(memory_order_seq_cst); /* a signal handler finds the slots that the mask promises */
    table->slot = &no_slot;
    for (uint32_t i = 0; i < count; i++) {
        if (slot[i] == &nobody)
            continue;
        struct bufpool *pool = registry_handle(i);
        if (atomic_load_explicit(&slot[i]->key, memory_order_relaxed) != KEY_DEAD)
            record_leave(pool, slot[i]);
        stack_push(&pool->records_free, &pool->records, slot[i]->self);
    }
    registry_unlock();
    region_release(slot, count * sizeof *slot);
}

void thread_after_fork(void)
{
    thread_table.last = &nobody;
    slots_clear(thread_table.slot, 0, table_count(&thread_table));
}

int thread_init(void)
{
    if (exit_key_made)
        return 0;
    int error = pthread_key_create(&exit_key, thread_exit);
    exit_key_made = error == 0;
    return -error;
}
