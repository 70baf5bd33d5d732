/*
 * life - a long life of one pool: lanes of traffic whose threads are born and die, collections and forks in
 * the middle of it.
 *
 *   soak_life [--long]
 *
 * Two witnesses: a ledger of owners outside the pool, and stamps in the buffers. A lane's buffers outlive its
 * threads: each shift a new thread takes over what the last one held. Every shift one member collects, some
 * shifts one forks, both in the middle of their traffic. At rest everything must be accounted for and to be
 * had again, each buffer once. Counts, never seconds, say how long a life is.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger.h"
#include "team.h"
#include "witness.h"

#define MEMBERS 8u
#define SLOTS 64u
#define STEPS 5000u /* a put and a get, a thread */
#define OVERSIZED_A_STEP 4096u
#define CHILD_GETS 200u

struct slot {
    void *buffer;
    uint64_t value;
};

struct lane {
    struct slot slots[SLOTS];
    uint64_t random;
};

struct life {
    bufpool_t *pool;
    struct ledger *ledger;
    unsigned shifts, fork_every;
    unsigned shift;
    struct lane lanes[MEMBERS];
    _Atomic uint64_t operations, forks;
};

static size_t stamped_bytes(struct life *life, const struct slot *slot)
{
    size_t capacity = bufpool_capacity(life->pool, slot->buffer);
    return capacity < 8192 ? capacity : 8192; /* the pool is to be tested, not the memory */
}

static bool give(struct life *life, unsigned owner, struct slot *slot)
{
    if (slot->buffer == NULL)
        return true;
    if (!is_stamped(slot->buffer, stamped_bytes(life, slot), slot->value))
        return broken("somebody else wrote into buffer %p", slot->buffer);
    if (!ledger_give(life->ledger, slot->buffer, owner))
        return false;
    bufpool_put(life->pool, slot->buffer);
    slot->buffer = NULL;
    return true;
}

static bool take(struct life *life, unsigned owner, struct slot *slot, uint64_t *random)
{
    bool oversized = random_next(random) % OVERSIZED_A_STEP == 0;
    size_t size = oversized ? MIB + 64 * KIB : random_size(random, 64 * KIB);

    slot->buffer = bufpool_get(life->pool, size);
    slot->value = random_next(random);
    if (slot->buffer == NULL)
        return broken("no buffer of %zu bytes", size);
    stamp(slot->buffer, stamped_bytes(life, slot), slot->value);
    return ledger_take(life->ledger, slot->buffer, owner);
}

/* The child has the lane of the thread that forked; what it gets must be nobody's by its copy of the ledger.
 */
static int child_lives(struct life *life, unsigned owner)
{
    struct slot got[CHILD_GETS];
    struct lane *lane = &life->lanes[owner - 1];

    for (unsigned i = 0; i < CHILD_GETS; i++)
        if (!take(life, owner, &got[i], &lane->random))
            return 1;
    for (unsigned i = 0; i < SLOTS; i++)
        if (!give(life, owner, &lane->slots[i]))
            return 2;
    for (unsigned i = 0; i < CHILD_GETS; i++)
        if (!give(life, owner, &got[i]))
            return 3;
    bufpool_trim(life->pool);
    return stats_of(life->pool).in_use_bytes == 0 ? 0 : 4;
}

static bool fork_once(struct life *life, unsigned owner)
{
    int status;
    pid_t child = fork();

    MUST(child >= 0);
    if (child == 0)
        _exit(child_lives(life, owner));
    MUST(waitpid(child, &status, 0) == child);
    atomic_fetch_add(&life->forks, 1);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? true
                                                         : broken("a child ended with status %#x", status);
}

static bool work_a_shift(unsigned number, void *shared)
{
    struct life *life = shared;
    struct lane *lane = &life->lanes[number];
    unsigned owner = number + 1;
    unsigned collects_at = life->shift % MEMBERS == number ? STEPS / 2 : STEPS;
    bool forks = life->shift % life->fork_every == 0 && (life->shift / life->fork_every) % MEMBERS == number;

    for (unsigned step = 0; step < STEPS; step++) {
        struct slot *slot = &lane->slots[random_next(&lane->random) % SLOTS];
        if (!give(life, owner, slot) || !take(life, owner, slot, &lane->random))
            return false;
        if (step == collects_at)
            bufpool_collect(life->pool);
        if (forks && step == STEPS / 3 && !fork_once(life, owner))
            return false;
    }
    atomic_fetch_add_explicit(&life->operations, (uint64_t)2 * STEPS, memory_order_relaxed);
    return true;
}

static bool live(struct life *life)
{
    for (unsigned i = 0; i < MEMBERS; i++)
        life->lanes[i].random = i + 1;
    for (life->shift = 0; life->shift < life->shifts; life->shift++) {
        REQUIRE(team_run(MEMBERS, work_a_shift, life));
        if ((life->shift + 1) % 1000 == 0)
            fprintf(stderr, "soak_life: shift %u of %u\n", life->shift + 1, life->shifts);
    }
    for (unsigned i = 0; i < MEMBERS; i++)
        for (unsigned s = 0; s < SLOTS; s++)
            REQUIRE(give(life, i + 1, &life->lanes[i].slots[s]));
    REQUIRE(ledger_owned(life->ledger) == 0);
    bufpool_stats_t stats = stats_of(life->pool);
    REQUIRE(stats.in_use_bytes == 0 && stats.misuses == 0 && stats.failures == 0);
    REQUIRE(stats.gets == stats.puts && stats.gets * 2 >= life->operations);
    printf("soak_life: %llu operations, %u thread births, %llu collections, %llu forks: 0 violations\n",
           (unsigned long long)life->operations, life->shifts * MEMBERS,
           (unsigned long long)stats.collections, (unsigned long long)life->forks);
    return ends_well(life->pool);
}

int main(int argc, char **argv)
{
    static struct life life;
    bool is_long = argc == 2 && strcmp(argv[1], "--long") == 0;

    if (argc > 1 && !is_long) {
        fprintf(stderr, "usage: soak_life [--long]\n");
        return 2;
    }
    /* 8 threads and 80,000 operations a shift: 10^7 and 1,000 births; or 10^9, 100,000 births, 12,500
     * collections and 1,000 forks. */
    life.shifts = SCALED(is_long ? 12500 : 125);
    life.fork_every = is_long ? 12 : 10;
    life.pool = plain_pool();
    life.ledger = ledger_new((size_t)1 << 17);
    bool holds = live(&life);
    printf("%d passed, %d failed\n", holds, !holds);
    return !holds;
}
