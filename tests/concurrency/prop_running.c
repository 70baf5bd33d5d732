/*
 * A running thread against a collection: the hand-off of a block at its narrowest.
 */
#include <sched.h>
#include <stdatomic.h>

#include "properties.h"
#include "team.h"
#include "witness.h"

struct duel {
    bufpool_t *pool;
    size_t rounds;          /* at most */
    size_t meetings_wanted; /* collections in which the other thread went on */
    _Atomic size_t round;
    _Atomic bool over;
};

/* Take the other's block away as often as possible. */
static bool duel_collect(struct duel *duel)
{
    size_t meetings = 0;

    while (meetings < duel->meetings_wanted && !atomic_load_explicit(&duel->over, memory_order_relaxed)) {
        size_t before = atomic_load_explicit(&duel->round, memory_order_relaxed);

        bufpool_collect(duel->pool);
        meetings += atomic_load_explicit(&duel->round, memory_order_relaxed) != before;
    }
    atomic_store_explicit(&duel->over, true, memory_order_relaxed);
    return true;
}

/* Where there are two CPUs, run on one that the other member does not use. */
static void stay_apart(unsigned number)
{
    cpu_set_t allowed;

    MUST(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    if (CPU_COUNT(&allowed) < 2)
        return;
    /* The second keeps all but the first's. */
    for (int cpu = 0, first = -1; cpu < CPU_SETSIZE; cpu++) {
        if (first < 0 && CPU_ISSET(cpu, &allowed))
            first = cpu;
        if ((cpu == first) == (number == 1))
            CPU_CLR(cpu, &allowed);
    }
    MUST(sched_setaffinity(0, sizeof allowed, &allowed) == 0);
}

/* Live on hits, with next to nothing else between them. */
static bool duel_member(unsigned number, void *shared)
{
    struct duel *duel = shared;
    bool result = true;

    stay_apart(number);
    if (number == 1)
        return duel_collect(duel);
    for (size_t i = 0; i < duel->rounds && result && !atomic_load_explicit(&duel->over, memory_order_relaxed);
         i++) {
        void *first = bufpool_get(duel->pool, 512);
        void *second = bufpool_get(duel->pool, 512);
        void *third = bufpool_get(duel->pool, 512);

        if (first == second || second == third || third == first)
            result = broken("buffer %p was handed out twice", second);
        bufpool_put(duel->pool, first);
        bufpool_put(duel->pool, third);
        bufpool_put(duel->pool, second);
        atomic_store_explicit(&duel->round, i, memory_order_relaxed);
    }
    atomic_store_explicit(&duel->over, true, memory_order_relaxed);
    return result;
}

/*
 * A thread that is inside its block nearly all the time keeps it. This is where a missing membarrier shows
 * (the thread's mark is still in its store buffer when the collection looks), and a mark that is cleared
 * before the last store: a buffer comes twice, or is lost. In cooperative mode the collection takes nothing,
 * and this is easy.
 */
bool prop_the_block_of_a_running_thread_is_not_taken(void)
{
    bufpool_config_t config = plain_config();
    struct duel duel = {.rounds = SCALED(60000000), .meetings_wanted = SCALED(2000000)};

    config.min_size = config.max_size = 512;
    duel.pool = pool_from(&config);
    REQUIRE(team_run(2, duel_member, &duel));
    return ends_well(duel.pool);
}
