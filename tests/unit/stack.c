/*
 * table.h: stacks of elements.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#include "pools.h"
#include "table.h"

struct element {
    struct link link;
    _Atomic unsigned held; /* 1 while somebody has it in hand */
    unsigned visits;       /* plain: only its owner may write it */
};

enum { ELEMENTS = 8, THREADS = 4, ROUNDS = 150000 };

static struct table table;
static struct stack stack, other;
static pthread_barrier_t begin;

static void make(uint32_t count)
{
    table_init(&table, DESTRUCTIVE_SIZE);
    stack_init(&stack);
    stack_init(&other);
    for (uint32_t i = 0; i < count; i++)
        MUST(table_add(&table) == i);
}

/* Fails when it is a queue: the newest is what is warm in the caches. */
Test(unit_stack, last_pushed_is_first_popped)
{
    make(1000);
    cr_assert(stack_is_empty(&stack));
    cr_assert(eq(u32, stack_pop(&stack, &table), INDEX_NONE));
    for (uint32_t i = 0; i < 1000; i++)
        stack_push(&stack, &table, i);
    for (uint32_t i = 1000; i-- > 0;) {
        cr_assert(not(stack_is_empty(&stack)));
        cr_assert(eq(u32, stack_pop(&stack, &table), i));
    }
    cr_assert(stack_is_empty(&stack));
    cr_assert(eq(u32, stack_pop(&stack, &table), INDEX_NONE));
    table_end(&table);
}

/* Fails when element 0 or the highest one is mistaken for none, or the tag runs into the index. */
Test(unit_stack, word_keeps_index_and_tag_apart)
{
    static const uint32_t indices[] = {0, 1, 0x800000, INDEX_NONE - 1, INDEX_NONE};
    static const uint64_t tags[] = {0, 1, 0xffffff, (UINT64_C(1) << 40) - 1};

    for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++)
        for (size_t t = 0; t < sizeof tags / sizeof tags[0]; t++) {
            cr_assert(eq(u32, tagged_index(tagged(tags[t], indices[i])), indices[i]));
            cr_assert(eq(u64, tagged(tags[t], indices[i]) >> 24, tags[t]));
        }
}

/* Fails when pop-pop-push brings back the same word: a CAS that slept would then succeed. */
Test(unit_stack, tag_grows_with_every_change)
{
    make(2);
    uint64_t before = atomic_load(&stack.head) >> 24;
    for (int round = 0; round < 1000; round++) {
        stack_push(&stack, &table, 0);
        uint64_t pushed = atomic_load(&stack.head) >> 24;
        cr_assert(gt(u64, pushed, before));
        stack_push(&stack, &table, 1);
        cr_assert(eq(u32, stack_pop(&stack, &table), 1));
        cr_assert(eq(u32, stack_pop(&stack, &table), 0));
        before = atomic_load(&stack.head) >> 24;
        cr_assert(ge(u64, before, pushed + 3));
    }
    table_end(&table);
}

/* Fails when the 40-bit tag carries into something as it wraps. */
Test(unit_stack, tag_that_wraps_leaves_the_elements_alone)
{
    make(3);
    atomic_store(&stack.head, tagged((UINT64_C(1) << 40) - 2, INDEX_NONE));
    for (uint32_t i = 0; i < 3; i++)
        stack_push(&stack, &table, i);
    for (uint32_t i = 3; i-- > 0;)
        cr_assert(eq(u32, stack_pop(&stack, &table), i));
    cr_assert(stack_is_empty(&stack));
    table_end(&table);
}

/* Pop from one, push to the other: what ABA needs to go wrong. */
static void *move_about(void *arg)
{
    struct stack *from = arg;
    unsigned faults = 0;

    pthread_barrier_wait(&begin);
    for (int i = 0; i < ROUNDS; i++) {
        struct stack *to = from == &stack ? &other : &stack;
        uint32_t index = stack_pop(from, &table);
        if (index != INDEX_NONE) {
            struct element *element = table_at(&table, index);
            faults += atomic_exchange_explicit(&element->held, 1, memory_order_relaxed) != 0;
            element->visits++;
            atomic_store_explicit(&element->held, 0, memory_order_relaxed);
            stack_push(to, &table, index);
        }
        from = to;
    }
    return (void *)(uintptr_t)faults; // NOLINT(performance-no-int-to-ptr)
}

/* Fails when two pops return one element, or a push loses what another pushed: tag or order weakened. */
Test(unit_stack, every_element_has_one_owner_among_threads)
{
    pthread_t thread[THREADS];
    unsigned faults = 0;
    bool seen[ELEMENTS] = {false};

    make(ELEMENTS);
    for (uint32_t i = 0; i < ELEMENTS; i++)
        stack_push(&stack, &table, i);
    pthread_barrier_init(&begin, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, move_about, i % 2 == 0 ? &stack : &other);
    for (unsigned i = 0; i < THREADS; i++) {
        void *found;
        pthread_join(thread[i], &found);
        faults += (unsigned)(uintptr_t)found;
    }
    cr_assert(eq(uint, faults, 0));

    unsigned count = 0;
    for (uint32_t index; (index = stack_pop(&stack, &table)) != INDEX_NONE ||
                         (index = stack_pop(&other, &table)) != INDEX_NONE;) {
        cr_assert(lt(u32, index, ELEMENTS));
        cr_assert(not(seen[index]));
        seen[index] = true;
        count++;
    }
    cr_assert(eq(uint, count, ELEMENTS));
    table_end(&table);
}
