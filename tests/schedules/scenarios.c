#include "scenarios.h"

#include "handoff.h"
#include "pool.h"
#include "system.h"

#define TAG_MAX ((UINT64_C(1) << 40) - 1)

void *hand[THREADS_MAX][HANDS];

bufpool_config_t small_config(void)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;

    config.min_size = config.max_size = SIZE;
    config.tier_span = SPAN;
    config.collect_interval_ms = 0;
    config.debug = "off";
    return config;
}

struct bufpool *make_pool(const bufpool_config_t *config)
{
    if (ledger_pool() == NULL) {
        system_begin();
        explore_keep(hand, sizeof hand);
    } else {
        bufpool_destroy(ledger_pool()); /* a scenario about a pool's second life */
    }
    ledger_create(config);
    return ledger_pool();
}

struct bufpool *small_pool(size_t max_bytes, size_t max_cached_bytes)
{
    bufpool_config_t config = small_config();

    config.max_bytes = max_bytes;
    config.max_cached_bytes = max_cached_bytes;
    return make_pool(&config);
}

/* ------------------------------------------------------------ setting up */

static unsigned wanted;

static void get_wanted(void)
{
    for (unsigned i = 0; i < wanted; i++)
        get(i);
}

void thread_gets(unsigned thread, unsigned count)
{
    wanted = count;
    explore_as(thread, get_wanted);
}

static void put_all(void)
{
    for (unsigned i = 0; i < HANDS; i++)
        put(i);
}

void thread_puts(unsigned thread)
{
    explore_as(thread, put_all);
}

static void leave(void)
{
    thread_table.left = true;
}

void thread_has_no_cache(unsigned thread)
{
    explore_as(thread, leave);
}

static void wrap_soon(struct stack *stack)
{
    stack->head = tagged(TAG_MAX - 1, tagged_index(stack->head));
}

void counters_wrap_soon(void)
{
    struct bufpool *pool = ledger_pool();
    struct depot *depot = &pool->depot;

    for (size_t i = 0; i < depot->stacks_size / sizeof(struct stack); i++)
        wrap_soon(&depot->stacks[i]);
    for (unsigned i = 0; i < depot->tiers; i++) {
        wrap_soon(&depot->tier[i].cold[0]);
        wrap_soon(&depot->tier[i].cold[1]);
    }
    wrap_soon(&depot->empty);
    wrap_soon(&pool->records_free);
    wrap_soon(&pool->blocks_free);
    pool->collection.swaps = TAG_MAX - 1;
    pool->collection.epoch = UINT32_MAX - 1;
    pool->collection.tokens = UINT32_MAX - 1;
}

/* ------------------------------------------------------------ what threads do */

void get(unsigned n)
{
    hand[explore_thread()][n] = ledger_get(SIZE);
}

void put(unsigned n)
{
    void *buffer = hand[explore_thread()][n];
    hand[explore_thread()][n] = NULL;
    ledger_put(buffer);
}

void collect(void)
{
    bufpool_collect(ledger_pool());
}

void trim(void)
{
    bufpool_trim(ledger_pool());
}

/* Token 0 is nobody's: each step finds the word as it wants it. */
void hand_over(void)
{
    struct cycle cycle = {.pool = ledger_pool(), .survivors = PLACE_VICTIM};
    handoff_run(&cycle, NULL);
}

void check_after_hand_over(void)
{
    ledger_pool()->collection.holder = 0; /* steps of a token that was never given out */
    ledger_check();
}
