/*
 * Threads that end, and that come, while others collect.
 */
#include "scenarios.h"

#include "pool.h"
#include "system.h"

/* Threads 0 and 1 have a cache with buffers; thread 2 has none yet. */
static void two_with_caches(void)
{
    small_pool(SIZE_MAX, SIZE_MAX);
    thread_gets(0, 3);
    thread_puts(0);
    thread_gets(1, 2);
    thread_puts(1);
}

static void two_with_caches_wrapping(void)
{
    two_with_caches();
    counters_wrap_soon();
}

static void leave(void)
{
    system_thread_exits();
}

static void get_and_leave(void)
{
    get(0);
    put(0);
    system_thread_exits();
}

static void come(void)
{
    get(0);
}

/* As destructors of others do: once ours has run, straight to the depot. */
static void leave_and_put(void)
{
    get(0);
    system_thread_exits();
    put(0);
}

static void limbo(void)
{
    two_with_caches();
    struct bufpool *pool = ledger_pool();
    struct record *record = table_at(&pool->records, 0);
    record->key = KEY_BUSY;
    explore_as(1, collect);
    record->key = pool->key;
}

static void collect_twice(void)
{
    collect();
    collect();
}

const struct scenario thread_scenarios[] = {
    SCENARIO("thread-leaves-against-collect", two_with_caches, ledger_check, leave, collect_twice),
    SCENARIO("thread-works-and-leaves-against-collect", two_with_caches, ledger_check, get_and_leave,
             collect),
    SCENARIO("thread-leaves-with-limbo-against-collect", limbo, ledger_check, leave, collect_twice),
    SCENARIO("thread-leaves-with-limbo-two-collectors", limbo, check_after_hand_over, leave, hand_over,
             hand_over),
    SCENARIO("thread-leaves-and-another-comes", two_with_caches, check_after_hand_over, leave, hand_over,
             come),
    SCENARIO("thread-two-leave", two_with_caches, check_after_hand_over, leave, leave, hand_over),
    SCENARIO("thread-leaves-and-puts", two_with_caches, ledger_check, leave_and_put, collect),
    SCENARIO("thread-works-and-leaves-wrapping", two_with_caches_wrapping, check_after_hand_over,
             get_and_leave, hand_over),
    LONG_SCENARIO("thread-comes-another-leaves-wrapping", two_with_caches_wrapping, check_after_hand_over,
                  leave, hand_over, get_and_leave),
    {.name = NULL},
};
