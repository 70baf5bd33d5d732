/*
 * At a limit, and what becomes of cold buffers: refused, taken, purged, carved anew.
 */
#include "scenarios.h"

#include "pool.h"

#define CAPACITY (SIZE + 192)

/* Room for four buffers: one in thread 0's bin, one in its hand, two with thread 1. */
static void no_more_bytes(void)
{
    small_pool(4 * CAPACITY, SIZE_MAX);
    thread_gets(1, 2);
    thread_gets(0, 2);
    thread_puts(0);
    thread_gets(0, 1);
}

/* Two buffers may be cached, threads 0 and 1 have three in hand each. */
static void few_cached(void)
{
    small_pool(SIZE_MAX, 2 * CAPACITY);
    thread_gets(0, 3);
    thread_gets(1, 3);
}

/* Nothing may be cached: all that is put is cold at once. */
static void none_cached(void)
{
    small_pool(SIZE_MAX, 0);
    thread_gets(0, 2);
    thread_gets(1, 2);
    thread_gets(2, 1);
}

/* Three are cold in the span, nobody has anything. */
static void all_cold(void)
{
    small_pool(SIZE_MAX, 0);
    thread_gets(0, 3);
    thread_gets(1, 0);
    thread_puts(0);
}

/* Two may stay whatever is collected; two are cold, two are victims, and the next collection's epoch is 0. */
static void two_stay(void)
{
    bufpool_config_t config = small_config();

    config.min_cached_bytes = 2 * CAPACITY;
    make_pool(&config);
    counters_wrap_soon();
    thread_gets(0, 4);
    thread_puts(0);
    explore_as(1, collect);
    thread_gets(2, 1);
    thread_puts(2);
    thread_gets(1, 1);
}

static void no_caches(void)
{
    small_pool(SIZE_MAX, SIZE_MAX);
    for (unsigned i = 0; i < THREADS_MAX; i++)
        thread_has_no_cache(i);
    thread_gets(0, 3);
    thread_puts(0);
    thread_gets(1, 1);
}

/* The same where one buffer may be cached, and two threads have two in hand each. */
static void no_caches_few_cached(void)
{
    small_pool(SIZE_MAX, CAPACITY);
    for (unsigned i = 0; i < THREADS_MAX; i++)
        thread_has_no_cache(i);
    thread_gets(0, 2);
    thread_gets(1, 2);
}

static void get_one(void)
{
    get(2);
}

static void get_two(void)
{
    get(2);
    get(3);
}

static void put_two(void)
{
    put(0);
    put(1);
}

static void put_three(void)
{
    put_two();
    put(2);
}

static void put_one(void)
{
    put(0);
}

static void put_get(void)
{
    put(0);
    get(0);
}

static void get_put(void)
{
    get(2);
    put(2);
}

const struct scenario limit_scenarios[] = {
    SCENARIO("limit-two-gets-at-max-bytes", no_more_bytes, ledger_check, get_two, put_one),
    LONG_SCENARIO("limit-three-gets-at-max-bytes", no_more_bytes, ledger_check, get_one, get_put, get_one),
    SCENARIO("limit-puts-at-max-cached-bytes", few_cached, ledger_check, put_three, put_three),
    SCENARIO("limit-put-get-at-max-cached-bytes", few_cached, ledger_check, put_get, put_two, collect),
    SCENARIO("limit-refused-against-cold-gets", none_cached, ledger_check, put_two, get_one, put_get),
    SCENARIO("limit-refused-against-purge", none_cached, ledger_check, put_two, put_get, trim),
    SCENARIO("limit-trim-against-cold-get", all_cold, ledger_check, get_put, trim, get_one),
    SCENARIO("limit-two-trims-against-get", all_cold, ledger_check, trim, trim, get_two),
    SCENARIO("limit-no-caches", no_caches, ledger_check, get_put, put_get, get_two),
    SCENARIO("limit-no-caches-against-trim", no_caches, ledger_check, get_put, trim, put_get),
    SCENARIO("limit-no-caches-at-max-cached-bytes", no_caches_few_cached, ledger_check, put_two, put_get),
    SCENARIO("limit-min-cached-bytes-against-get", two_stay, ledger_check, get_two, collect),
    LONG_SCENARIO("limit-min-cached-bytes-two-collect", two_stay, ledger_check, get_one, collect, collect),
    {.name = NULL},
};
