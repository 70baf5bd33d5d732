/*
 * table - elements of one size that keep their address and are never unmapped
 * while the table lives, named by a 24-bit index; and stacks of them.
 *
 * Magazines, blocks and records are elements. That they are type-stable is what
 * makes the lock-free pop safe: a `next` read from an element that somebody
 * else has popped meanwhile is stale, never unmapped, and the stack's tag then
 * throws it away.
 *
 * Every element begins with a `struct link`.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdalign.h>
#include <stdatomic.h>

#include "base.h"

#define INDEX_NONE UINT32_C(0xffffff)

/* 1024 chunks of up to 16384 elements: all 24 bits. */
#define TABLE_CHUNKS 1024u
#define TABLE_CHUNK_MAX 16384u

struct link {
    /* Written by who owns the element, read also by who just lost a race for it: relaxed, the tag judges it.
     */
    _Atomic uint32_t next;
};

struct table {
    size_t element_size;
    unsigned chunk_shift;  /* log2 of the elements a chunk */
    _Atomic uint32_t used; /* elements ever handed out; only grows, but for fork */
    _Atomic(char *) chunk[TABLE_CHUNKS];
};

/* `element_size` is a multiple of DESTRUCTIVE_SIZE. Allocates nothing. */
void table_init(struct table *table, size_t element_size);

/* Unmap all chunks. Nobody may use an element any more. */
void table_end(struct table *table);

/* A new element, zeroed: its index, or INDEX_NONE when memory is out. Lock-free but for mmap. */
uint32_t table_add(struct table *table);

/* In a forked child: there are no elements; their memory is zeroed and used again. */
void table_forget(struct table *table);

/* How many elements there are: all indices below have one. */
static inline uint32_t table_used(const struct table *table)
{
    /* acquire [table]: chunks of the elements counted come with it. */
    return atomic_load_explicit(&table->used, memory_order_acquire);
}

static inline void *table_at(const struct table *table, uint32_t index)
{
    /* relaxed: whoever has an index got it with acquire from a stack, from `used` or from table_add. */
    char *chunk = atomic_load_explicit(&table->chunk[index >> table->chunk_shift], memory_order_relaxed);
    return chunk + (index & ((1u << table->chunk_shift) - 1)) * table->element_size;
}

/*
 * A stack of elements (Treiber). One 64-bit word, { tag:40, index:24 }; the tag
 * grows with every change, so that a CAS that slept through pop-pop-push fails.
 * 40 bits at 50 million changes a second wrap after six hours; a thread would
 * have to sleep exactly that long between its load and its CAS.
 *
 * An element changes owner with this CAS and at no other moment.
 */
struct stack {
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t head;
};

void stack_init(struct stack *stack);
void stack_push(struct stack *stack, struct table *table, uint32_t index);
/* INDEX_NONE where it is empty. */
uint32_t stack_pop(struct stack *stack, struct table *table);

static inline uint64_t tagged(uint64_t tag, uint32_t index)
{
    return tag << 24 | index;
}

static inline uint32_t tagged_index(uint64_t word)
{
    return (uint32_t)(word & INDEX_NONE);
}

static inline bool stack_is_empty(const struct stack *stack)
{
    /* seq_cst [nonempty], for who has just cleared a bit in a bitmap; a hint for everybody else. */
    return tagged_index(atomic_load_explicit(&stack->head, memory_order_seq_cst)) == INDEX_NONE;
}

#endif /* TABLE_H */
