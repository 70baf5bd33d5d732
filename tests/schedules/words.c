/*
 * Debug words: a put changes what is known of a buffer before it files it, so of puts at once one is kept.
 */
#include "scenarios.h"

#include "pool.h"

/* All three threads hold the buffer that one of them got; each has a record. */
static void one_in_the_hands_of_all(void)
{
    bufpool_config_t config = small_config();

    config.debug = "state";
    make_pool(&config);
    thread_gets(2, 1);
    thread_puts(2);
    thread_gets(1, 1);
    thread_puts(1);
    thread_gets(0, 1);
    hand[2][0] = hand[1][0] = hand[0][0];
}

static void put_of_one(void)
{
    ledger_put_at_once(hand[explore_thread()][0]);
}

const struct scenario words_scenarios[] = {
    SCENARIO("words-two-puts-of-one", one_in_the_hands_of_all, ledger_check, put_of_one, put_of_one),
    SCENARIO("words-three-puts-of-one", one_in_the_hands_of_all, ledger_check, put_of_one, put_of_one,
             put_of_one),
    SCENARIO("words-two-puts-of-one-against-collect", one_in_the_hands_of_all, ledger_check, put_of_one,
             put_of_one, collect),
    {.name = NULL},
};
