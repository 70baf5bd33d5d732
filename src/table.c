#include "table.h"

#include <string.h>

#include "region.h"

/* Chunks of about this size: few enough mmaps, little enough lost where few elements are used. */
#define CHUNK_BYTES ((size_t)128 << 10)

void table_init(struct table *table, size_t element_size)
{
    unsigned shift = 4;
    while (shift < log2_floor(TABLE_CHUNK_MAX) && (element_size << (shift + 1)) <= CHUNK_BYTES)
        shift++;
    atomic_store_explicit(&table->used, 0, memory_order_relaxed);
    for (unsigned i = 0; i < TABLE_CHUNKS; i++)
        if (atomic_load_explicit(&table->chunk[i], memory_order_relaxed) !=
            NULL) /* a page only read costs none */
            atomic_store_explicit(&table->chunk[i], NULL, memory_order_relaxed);
    table->element_size = element_size;
    table->chunk_shift = shift;
}

static size_t chunk_bytes(const struct table *table)
{
    return round_up(table->element_size << table->chunk_shift, region_page());
}

void table_end(struct table *table)
{
    for (unsigned i = 0; i < TABLE_CHUNKS; i++) {
        char *chunk =
            atomic_load_explicit(&table->chunk[i], memory_order_relaxed); /* relaxed: nobody else is here */
        if (chunk != NULL)
            region_release(chunk, chunk_bytes(table));
    }
}

void table_forget(struct table *table)
{
    for (unsigned i = 0; i < TABLE_CHUNKS; i++) {
        char *chunk = atomic_load_explicit(&table->chunk[i], memory_order_relaxed);
        if (chunk != NULL && !region_purge(chunk, chunk_bytes(table)))
            memset(chunk, 0, chunk_bytes(table));
    }
    atomic_store_explicit(&table->used, 0, memory_order_relaxed);
}

static bool chunk_exists(struct table *table, uint32_t number)
{
    if (number >= TABLE_CHUNKS)
        return false;
    if (atomic_load_explicit(&table->chunk[number], memory_order_acquire) != NULL)
        return true;
    char *fresh = region_map(chunk_bytes(table));
    if (fresh == NULL)
        return false;
    char *expected = NULL;
    /* acq_rel [table]: publishes the zeroed chunk; or finds that somebody was faster. */
    if (!atomic_compare_exchange_strong_explicit(&table->chunk[number], &expected, fresh,
                                                 memory_order_acq_rel, memory_order_acquire))
        region_release(fresh, chunk_bytes(table));
    return true;
}

uint32_t table_add(struct table *table)
{
    uint32_t used = table_used(table);
    do {
        if (used == INDEX_NONE || !chunk_exists(table, used >> table->chunk_shift))
            return INDEX_NONE;
        /* acq_rel [table]: who sees the new count sees the chunk. */
    } while (!atomic_compare_exchange_weak_explicit(&table->used, &used, used + 1, memory_order_acq_rel,
                                                    memory_order_acquire));
    return used;
}

void stack_init(struct stack *stack)
{
    atomic_store_explicit(&stack->head, tagged(0, INDEX_NONE), memory_order_relaxed);
}

void stack_push(struct stack *stack, struct table *table, uint32_t index)
{
    struct link *link = table_at(table, index);
    line_claim(stack);
    /* relaxed: only the tag is used, and the CAS confirms it. */
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_relaxed);
    do {
        atomic_store_explicit(&link->next, tagged_index(head), memory_order_relaxed);
        /* Releases [stack]: all that was written to the element goes with it. seq_cst for
         * [nonempty]: ordered before the pusher's look at a bitmap (depot.c). */
    } while (!atomic_compare_exchange_weak_explicit(&stack->head, &head, tagged((head >> 24) + 1, index),
                                                    memory_order_seq_cst, memory_order_relaxed));
}

uint32_t stack_pop(struct stack *stack, struct table *table)
{
    line_claim(stack);
    /* acquire [stack]: the pusher's writes to the top element come with it. */
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_acquire);
    while (tagged_index(head) != INDEX_NONE) {
        struct link *top = table_at(table, tagged_index(head));
        /* relaxed, and stale if the top was popped meanwhile: then the tag has moved and the CAS fails. */
        uint32_t next = atomic_load_explicit(&top->next, memory_order_relaxed);
        /* acquire [stack] both ways: won, for the element; lost, for the new top. */
        if (atomic_compare_exchange_weak_explicit(&stack->head, &head, tagged((head >> 24) + 1, next),
                                                  memory_order_acquire, memory_order_acquire))
            return tagged_index(head);
    }
    return INDEX_NONE;
}
