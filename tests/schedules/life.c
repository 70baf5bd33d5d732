/*
 * A handle's second life: threads come with what they have of the pool that was
 * there before, at the same address and with the same number. And the budgets,
 * tags and epochs where they begin anew.
 */
#include "scenarios.h"

#include "pool.h"
#include "system.h"

/* Threads 0 and 1 have records of a pool that is gone; thread 1's cached something. */
static void second_life(void)
{
    small_pool(SIZE_MAX, SIZE_MAX);
    thread_gets(0, 2);
    thread_puts(0);
    thread_gets(1, 3);
    thread_puts(1);
    small_pool(SIZE_MAX, SIZE_MAX);
}

static void second_life_wrapping(void)
{
    second_life();
    counters_wrap_soon();
}

static void get_get_put(void)
{
    get(0);
    get(1);
    put(0);
}

static void get_put_leave(void)
{
    get(0);
    put(0);
    system_thread_exits();
}

static void leave(void)
{
    system_thread_exits();
}

const struct scenario life_scenarios[] = {
    SCENARIO("life-second-get-and-put", second_life, ledger_check, get_get_put, get_put_leave),
    SCENARIO("life-second-leave-against-collect", second_life, ledger_check, get_put_leave, leave, collect),
    SCENARIO("life-second-wrapping", second_life_wrapping, ledger_check, get_put_leave, get_get_put),
    LONG_SCENARIO("life-second-wrapping-against-collect", second_life_wrapping, check_after_hand_over,
                  get_put_leave, get_get_put, hand_over),
    {.name = NULL},
};
