/*
 * Debug words under many threads: what they know of a buffer is right whoever
 * has it. CONFORMANCE.md lines 41 and 42.
 */
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "accounts.h"
#include "properties.h"
#include "team.h"
#include "witness.h"

#define SLOTS 64u

/* Buffers wait here for whoever comes next; a buffer begins with its size, its seed and its bytes. */
struct letter {
    size_t size;
    uint64_t seed;
    char bytes[];
};

struct exchange {
    bufpool_t *pool;
    size_t rounds;
    _Atomic(struct letter *) slot[SLOTS];
};

static bool put_letter(bufpool_t *pool, struct letter *letter)
{
    if (letter == NULL)
        return true;
    if (!is_filled(letter->bytes, letter->size - sizeof *letter, letter->seed))
        return broken("a buffer has changed on its way");
    bufpool_put(pool, letter);
    return true;
}

static bool send_letters(unsigned number, void *shared)
{
    struct exchange *exchange = shared;
    uint64_t random = number + 1;

    for (size_t i = 0; i < exchange->rounds; i++) {
        size_t size = sizeof(struct letter) + random_size(&random, 40000);
        struct letter *letter = bufpool_get(exchange->pool, size);
        REQUIRE(letter != NULL);
        letter->size = size;
        letter->seed = random_next(&random);
        fill(letter->bytes, size - sizeof *letter, letter->seed);
        if (i % 5 == 0) {
            size = sizeof(struct letter) + random_size(&random, letter->size - sizeof *letter);
            letter = bufpool_resize(exchange->pool, letter, size);
            REQUIRE(letter != NULL);
            letter->size = size;
        }
        letter = atomic_exchange(&exchange->slot[random_next(&random) >> 32 & (SLOTS - 1)], letter);
        if (!put_letter(exchange->pool, letter))
            return false;
        if (i % 64 == 0)
            bufpool_collect(exchange->pool);
        if (i % 300 == 0)
            bufpool_trim(exchange->pool);
    }
    return true;
}

/*
 * With every word that looks at buffers, threads that hand buffers to each other, resize, collect and trim
 * hear of no fault: one would be told where a state is set after the buffer is somebody else's, where a
 * purge is not noticed, or where bytes are filled outside of their owner's time.
 */
bool prop_traffic_with_words_is_silent(void)
{
    static const char *const words[] = {"tag,integrity,canary,leak=7", "integrity,quarantine,drop",
                                        "integrity,cold-first,scrub,canary", "guard,canary,tag"};

    for (unsigned w = 0; w < sizeof words / sizeof words[0]; w++) {
        bufpool_config_t config = plain_config();
        config.debug = words[w];
        config.min_size = 1024;
        struct exchange exchange = {.pool = pool_from(&config), .rounds = SCALED(4000)};
        REQUIRE(team_run(6, send_letters, &exchange));
        for (unsigned i = 0; i < SLOTS; i++)
            if (!put_letter(exchange.pool, exchange.slot[i]))
                return false;
        bufpool_stats_t stats = stats_of(exchange.pool);
        REQUIRE(stats.misuses == 0);
        REQUIRE(stats.in_use_bytes == 0);
        const char *fault = accounts_fault(exchange.pool);
        if (fault != NULL)
            return broken("%s: %s", words[w], fault);
        bufpool_destroy(exchange.pool);
    }
    return true;
}

enum { PUTTERS = 2 };

struct race {
    bufpool_t *pool;
    size_t rounds;
    size_t size;
    void *buffer;
    _Atomic size_t arrived; /* at the begin or the end of a round, all rounds together */
    _Atomic size_t kept;
};

static _Atomic size_t named;

static void count_named(const char *message, void *arg)
{
    (void)arg;
    named += strstr(message, ": double put: ") != NULL;
}

/* Until all have come, awake: who sleeps comes too late for a race. */
static void meet(struct race *race)
{
    size_t all = atomic_fetch_add(&race->arrived, 1) / PUTTERS * PUTTERS + PUTTERS;
    for (unsigned spins = 0; race->arrived < all; spins++)
        if (spins % 1024 == 1023)
            sched_yield();
}

static bool put_with_the_others(unsigned number, void *shared)
{
    struct race *race = shared;
    uint64_t random = number + 1;

    for (size_t i = 0; i < race->rounds; i++) {
        if (number == 0)
            race->buffer = bufpool_get(race->pool, race->size);
        meet(race);
        /* Who came last knows it first, by a cache line's way: now this one is ahead, now that one. */
        for (volatile uint64_t wait = random_next(&random) >> 32 & 255; wait > 0; wait--)
            continue;
        race->kept += bufpool_put(race->pool, race->buffer);
        meet(race);
    }
    return true;
}

/*
 * Of two puts of one buffer at the same moment one is kept and the other is named: with a state that is read
 * and then written, both find the buffer in use, and it is filed twice.
 */
bool prop_of_puts_at_once_one_is_kept(void)
{
    static const size_t sizes[] = {512, 16384, 300000};
    bufpool_on_misuse(count_named, NULL);
    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        bufpool_config_t config = plain_config();
        config.debug = "state";
        struct race race = {.pool = pool_from(&config), .rounds = SCALED(40000), .size = sizes[s]};
        named = 0;
        REQUIRE(team_run(PUTTERS, put_with_the_others, &race));
        REQUIRE(race.kept == race.rounds);
        REQUIRE(named == race.rounds * (PUTTERS - 1));
        bufpool_stats_t stats = stats_of(race.pool);
        REQUIRE(stats.in_use_bytes == 0);
        bufpool_destroy(race.pool);
    }
    bufpool_on_misuse(NULL, NULL);
    return true;
}
