/*
 * The hand-off: collections take the blocks of threads that get and put meanwhile.
 */
#include "scenarios.h"

#include "pool.h"

/* Thread 0 has a bin with one buffer and another in its hand; the depot has one more. */
static void owner_works(void)
{
    small_pool(SIZE_MAX, SIZE_MAX);
    thread_gets(0, 4);
    thread_puts(0);
    thread_gets(0, 2);
    thread_gets(1, 0);
}

static void owner_works_wrapping(void)
{
    owner_works();
    counters_wrap_soon();
}

/* Its block is sealed, as a collection has left it; what it held are victims. */
static void owner_was_collected(void)
{
    owner_works();
    explore_as(1, collect);
}

/* A collection has swapped the block while the thread was inside: limbo. */
static void owner_has_limbo(void)
{
    owner_works();
    struct bufpool *pool = ledger_pool();
    struct record *record = table_at(&pool->records, 0);
    record->key = KEY_BUSY;
    explore_as(1, collect);
    record->key = pool->key;
}

/* Nobody reaches into a block but its thread: each hands over what it holds when it finds that the epoch has
 * changed. */
static void cooperative(void)
{
    bufpool_config_t config = small_config();

    config.flags = BUFPOOL_COOPERATIVE;
    make_pool(&config);
    thread_gets(0, 4);
    thread_puts(0);
    thread_gets(0, 2);
    thread_gets(1, 1);
    thread_puts(1);
    counters_wrap_soon();
}

static void get_and_put(void)
{
    get(2);
    put(0);
}

static void put_and_get(void)
{
    put(0);
    get(2);
}

static void put_again(void)
{
    put(0);
}

static void put_put_get(void)
{
    put(0);
    put(1);
    get(2);
}

static void get_get(void)
{
    get(2);
    get(3);
}

static void collect_twice(void)
{
    collect();
    collect();
}

/* The first is told that somebody is at it, the second time that nothing moved: it takes over. */
static void take_over(void)
{
    collect();
    collect();
}

static void hand_over_twice(void)
{
    hand_over();
    hand_over();
}

static void put_and_refill(void)
{
    put(0);
    get(0);
    get(2);
    get(3);
}

static void idle(void)
{
    bufpool_thread_idle(ledger_pool());
}

const struct scenario handoff_scenarios[] = {
    SCENARIO("handoff-get-put-against-collect", owner_works, ledger_check, get_and_put, collect),
    SCENARIO("handoff-put-put-get-against-two-collections", owner_works, ledger_check, put_put_get,
             collect_twice),
    SCENARIO("handoff-get-get-of-a-collected-block", owner_was_collected, ledger_check, get_get, collect),
    SCENARIO("handoff-put-in-a-collected-block", owner_was_collected, ledger_check, put_and_get,
             collect_twice),
    SCENARIO("handoff-limbo", owner_has_limbo, ledger_check, put_and_refill, collect),
    SCENARIO("handoff-limbo-two-collectors", owner_has_limbo, check_after_hand_over, put_and_get, hand_over,
             hand_over),
    SCENARIO("handoff-two-collectors", owner_works, check_after_hand_over, get_and_put, hand_over, hand_over),
    SCENARIO("handoff-two-collectors-wrapping", owner_works_wrapping, check_after_hand_over, put_and_get,
             hand_over, hand_over),
    SCENARIO("handoff-block-comes-back", owner_works, check_after_hand_over, put_again, hand_over,
             hand_over_twice),
    LONG_SCENARIO("handoff-take-over", owner_works, ledger_check, get_and_put, collect, take_over),
    LONG_SCENARIO("handoff-take-over-wrapping", owner_works_wrapping, ledger_check, put_and_get, collect,
                  take_over),
    SCENARIO("handoff-trim-against-get", owner_works, ledger_check, get_and_put, trim),
    SCENARIO("handoff-trim-with-limbo", owner_has_limbo, ledger_check, put_again, trim),
    SCENARIO("handoff-idle-against-collect", owner_works, ledger_check, idle, collect),
    SCENARIO("handoff-two-owners", owner_works, check_after_hand_over, put_and_get, hand_over, get_get),
    SCENARIO("handoff-cooperative-wrapping", cooperative, ledger_check, put_and_refill, collect_twice),
    SCENARIO("handoff-cooperative-collectors-wrapping", cooperative, ledger_check, put_and_refill, collect,
             idle),
    {.name = NULL},
};
