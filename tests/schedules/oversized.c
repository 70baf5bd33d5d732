/*
 * Oversized buffers: claims of granules that meet half way, and two puts of one buffer.
 */
#include "scenarios.h"

#include "pool.h"

/* With the page behind it, so many granules. */
static void get_granules(unsigned n, unsigned count)
{
    hand[explore_thread()][n] = bufpool_get(ledger_pool(), count * GRANULE - ledger_pool()->page);
}

static void put_granules(unsigned n)
{
    void *buffer = hand[explore_thread()][n];
    hand[explore_thread()][n] = NULL;
    bufpool_put(ledger_pool(), buffer); /* what does not work is a misuse, so a fault */
}

static void get_sixty(void)
{
    get_granules(3, 60);
}

/* Both threads have a record. Sixty granules are taken: the next claim of more than four is one of two words.
 */
static void four_left_in_a_word(void)
{
    small_pool(SIZE_MAX, SIZE_MAX);
    for (unsigned i = 0; i < 2; i++) {
        thread_gets(i, 1);
        thread_puts(i);
    }
    explore_as(0, get_sixty);
}

static void get_across_and_put(void)
{
    get_granules(0, 10);
    put_granules(0);
}

static void get_in_both_words(void)
{
    get_granules(0, 4);
    get_granules(1, 4);
    put_granules(0);
}

static void take_second_word(void)
{
    get_in_both_words();
    put_granules(1);
}

static void one_in_the_hands_of_two(void)
{
    four_left_in_a_word();
    hand[1][3] = hand[0][3];
}

static void put_of_one(void)
{
    ledger_put_oversized_at_once(hand[explore_thread()][3]);
}

const struct scenario oversized_scenarios[] = {
    SCENARIO("oversized-claims-cross", four_left_in_a_word, ledger_check, get_across_and_put,
             take_second_word),
    SCENARIO("oversized-claims-cross-and-stay", four_left_in_a_word, ledger_check, get_across_and_put,
             get_in_both_words),
    SCENARIO("oversized-two-puts-of-one", one_in_the_hands_of_two, ledger_check, put_of_one, put_of_one),
    {.name = NULL},
};
