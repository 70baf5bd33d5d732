/*
 * A thread forks while another is at work. The child's memory is no image of one
 * moment: its pages are copied one after another, and the other thread writes in
 * between.
 */
#include "scenarios.h"

#include "pool.h"
#include "system.h"

#define CHILDS 3u

static void *inherited; /* what the forking thread has in hand; kept */

static void child(void)
{
    struct bufpool *pool = ledger_pool();
    uint64_t parents = 0;
    void *mine[CHILDS];

    for (unsigned i = 0; i < pool->tiers.count; i++)
        parents |= ledger_ever(i);
    ledger_begin_child();
    for (unsigned i = 0; i < CHILDS; i++) {
        mine[i] = ledger_get(SIZE);
        if (mine[i] == NULL)
            explore_fail("the child gets nothing");
    }
    if ((ledger_ever(0) & parents) != 0)
        explore_fail("the child gets what the parent has handed out");
    for (unsigned i = 1; i < CHILDS; i++)
        ledger_put(mine[i]);
    ledger_check();

    /* What was in use when it forked stays valid, and may be put. */
    if (bufpool_capacity(pool, inherited) < SIZE || !bufpool_put(pool, inherited))
        explore_fail("the child cannot put what it has inherited");
    if (bufpool_get(pool, SIZE) != inherited)
        explore_fail("the child does not find what it has put");
    ledger_end_child();
}

/* The parent's own books are as before. */
static void forks(void)
{
    system_forks(child);
}

static void forks_and_works(void)
{
    system_forks(child);
    put(0);
    get(1);
}

/* Thread 0 forks and has a buffer; thread 1 has two in its bin and one in the depot. */
static void two_with_caches(void)
{
    small_pool(SIZE_MAX, SIZE_MAX);
    explore_keep(&inherited, sizeof inherited);
    thread_gets(0, 1);
    inherited = hand[0][0];
    thread_gets(1, 3);
    thread_puts(1);
}

static void works(void)
{
    get(0);
    get(1);
    put(0);
}

static void refills(void)
{
    get(0);
    get(1);
    get(2);
}

/* Beyond what there is: carves, and grows the span. */
static void carves(void)
{
    for (unsigned i = 0; i < HANDS; i++)
        get(i);
}

static void flushes(void)
{
    put(0);
    put(1);
    put(2);
}

static void all_in_use(void)
{
    small_pool(SIZE_MAX, SIZE_MAX);
    explore_keep(&inherited, sizeof inherited);
    thread_gets(0, 1);
    inherited = hand[0][0];
    thread_gets(1, 3);
}

static void leaves(void)
{
    system_thread_exits();
}

const struct scenario fork_scenarios[] = {
    FORKING("fork-against-get-and-put", two_with_caches, ledger_check, forks_and_works, works),
    FORKING("fork-against-refill", two_with_caches, ledger_check, forks, refills),
    FORKING("fork-against-carve", two_with_caches, ledger_check, forks, carves),
    FORKING("fork-against-flush", all_in_use, ledger_check, forks, flushes),
    FORKING("fork-against-collect", two_with_caches, ledger_check, forks, collect),
    FORKING("fork-against-trim", two_with_caches, ledger_check, forks, trim),
    FORKING("fork-against-a-thread-that-leaves", two_with_caches, ledger_check, forks, leaves),
    {.name = NULL},
};
