#include "thread.h"

#include <pthread.h>
#include <string.h>

#include "cache.h"
#include "region.h"
#include "registry.h"

/* What a thread without records finds among the hot ones: no pool's. */
static struct record nobody = {.key = KEY_DEAD};

_Thread_local struct thread_table thread_table __attribute__((tls_model("initial-exec"))) = {
    .hot = {&nobody, &nobody, &nobody, &nobody, &nobody, &nobody, &nobody, &nobody}};

static pthread_key_t exit_key;
static bool exit_key_made;

/* ------------------------------------------------------------ coming */

/* Room for the slot of a pool. Slots move, so the old ones go only when the new ones are in use. */
static bool table_grow(struct thread_table *table, uint32_t number)
{
    size_t page = region_page();
    size_t bytes = round_up((number + 1) * sizeof(struct record *), page);
    struct record **before = table->slot;
    uint32_t count = table->count;
    struct record **slot = region_map(bytes);

    if (slot == NULL)
        return false;
    if (count == 0 && pthread_setspecific(exit_key, table) != 0) {
        region_release(slot, bytes);
        return false;
    }
    if (count != 0)
        memcpy(slot, before, count * sizeof *slot);
    table->slot = slot;
    atomic_signal_fence(memory_order_seq_cst); /* a signal handler finds the slots that the count promises */
    table->count = (uint32_t)(bytes / sizeof *slot);
    if (count != 0)
        region_release(before, count * sizeof *slot);
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

    if (pool->number >= table->count || table->slot[pool->number] == NULL)
        return NULL;
    struct record *record = table->slot[pool->number];
    if (atomic_load_explicit(&record->key, memory_order_relaxed) == KEY_DEAD)
        return NULL; /* of the pool that had this number before */
    table->hot[pool->hot] = record;
    return record;
}

struct record *thread_attach(struct bufpool *pool)
{
    struct thread_table *table = &thread_table;
    struct record *record = thread_record(pool);

    if (record != NULL)
        return record;
    if (table->left || (pool->number >= table->count && !table_grow(table, pool->number)))
        return NULL;
    if (table->slot[pool->number] == NULL)
        table->slot[pool->number] = record_new(pool);
    record = table->slot[pool->number];
    struct block *block = record == NULL ? NULL : block_new(pool);
    if (block == NULL)
        return NULL;

    record->spare = NULL;
    record->epoch = atomic_load_explicit(&pool->collection.epoch, memory_order_relaxed);
    memset(record->caps, 0, sizeof record->caps);
    atomic_store_explicit(&record->home, depot_home(&pool->depot), memory_order_relaxed);
    atomic_store_explicit(&record->state, RECORD_USED, memory_order_relaxed);
    /* release [hand-off]: a collection that finds the block finds it initialised. */
    atomic_store_explicit(&record->block, block, memory_order_release);
    atomic_store_explicit(&record->key, pool->key, memory_order_release);
    table->hot[pool->hot] = record;
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
    while (block != NULL) {
        struct block *limbo =
            block_take_limbo(pool, block, atomic_load_explicit(&block->previous, memory_order_acquire));
        block_empty(pool, block, PLACE_SHARED, home);
        block_drop(pool, block);
        block = limbo;
    }
    if (record->spare != NULL)
        magazine_drop(&pool->depot, record->spare);
    atomic_store_explicit(&record->key, KEY_DEAD, memory_order_relaxed);
    atomic_store_explicit(&record->state, RECORD_FREE, memory_order_relaxed);
}

static void forget_hot(struct thread_table *table)
{
    for (unsigned i = 0; i < HOT_RECORDS; i++)
        table->hot[i] = &nobody;
}

static void thread_exit(void *arg)
{
    struct thread_table *table = arg;

    /* Once more, please: destructors of others may still use the pool in this round. */
    if (table->leaving++ == 0 && pthread_setspecific(exit_key, table) == 0)
        return;

    registry_lock(); /* keeps pools from being destroyed under our hands */
    struct record **slot = table->slot;
    uint32_t count = table->count;
    table->left = true;
    table->count = 0;
    forget_hot(table);
    for (uint32_t i = 0; i < count; i++) {
        if (slot[i] == NULL)
            continue;
        struct bufpool *pool = registry_handle(i);
        if (atomic_load_explicit(&slot[i]->key, memory_order_relaxed) != KEY_DEAD)
            record_leave(pool, slot[i]);
        stack_push(&pool->records_free, &pool->records, slot[i]->self);
    }
    registry_unlock();
    table->slot = NULL;
    region_release(slot, count * sizeof *slot);
}

void thread_after_fork(void)
{
    forget_hot(&thread_table);
    for (uint32_t i = 0; i < thread_table.count; i++)
        thread_table.slot[i] = NULL;
}

int thread_init(void)
{
    if (exit_key_made)
        return 0;
    int error = pthread_key_create(&exit_key, thread_exit);
    exit_key_made = error == 0;
    return -error;
}
