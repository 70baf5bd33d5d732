/*
 * How many instructions does a pair of get and put take, through the shared
 * library?
 *
 *   budget_instructions    lines of "case function-with-calls function-without operations"
 *
 * To be run under callgrind, which counts those two functions with all they
 * call (--toggle-collect); `budget` subtracts one from the other and divides.
 * What is left is the library, and for each call the call itself with its
 * arguments. Alone the program only says what it would measure.
 *
 * What would fool it: the compiler leaving out what is not needed (load.h); the
 * growth of caches, which warm_* have behind them; and another number of
 * processors, so the program pretends to have eight (cpus.c).
 */
#include <bufpool/malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "baton.h"
#include "load.h"

#define BATCH 64u
#define SLOTS 256u
#define WARM_UP 200000u
#define PAIRS 10000u
#define BATCHES 300u
#define REPLACEMENTS 50000u
#define HANDED_OFF 20000u

static LOAD_INLINE void pair(void *context, uint64_t count, bool calls)
{
    for (; count > 0; count--)
        load_put(calls, context, load_get(calls, context, 4096));
}

/* The same pair through bufpool/malloc.h. */
static LOAD_INLINE void face(void *context, uint64_t count, bool calls)
{
    for (; count > 0; count--) {
        void *memory = calls ? bufpool_malloc(4096) : load_get(false, context, 4096);
        if (memory == NULL)
            abort();
        if (calls)
            bufpool_free(memory);
        else
            load_put(false, context, memory);
    }
}

static LOAD_INLINE void batch(void *context, uint64_t count, bool calls)
{
    void *held[BATCH];
    for (; count > 0; count--) {
        for (unsigned i = 0; i < BATCH; i++)
            held[i] = load_get(calls, context, 16384);
        for (unsigned i = 0; i < BATCH; i++)
            load_put(calls, context, held[i]);
    }
}

static LOAD_INLINE void mix(void *context, uint64_t count, bool calls)
{
    live_set_run(context, count, calls);
}

static LOAD_INLINE void produce(void *context, uint64_t count, bool calls)
{
    ring_produce(context, count, calls);
}

static LOAD_INLINE void consume(void *context, uint64_t count, bool calls)
{
    ring_consume(context, count, calls);
}

/*
 * One copy that callgrind does not know, one that it counts, and one that it counts without the calls. Each
 * has a number in it, or the compiler would make one function of the first two.
 */
#define COPY(name, body, calls)                                                                              \
    static LOAD_NOINLINE void name(void *context, uint64_t count)                                            \
    {                                                                                                        \
        __asm__ volatile("" : : "i"(__COUNTER__));                                                           \
        body(context, count, calls);                                                                         \
    }
#define COPIES(body)                                                                                         \
    COPY(warm_##body, body, true) COPY(measured_##body, body, true) COPY(empty_##body, body, false)

COPIES(pair)
COPIES(face)
COPIES(batch)
COPIES(mix)
COPIES(produce)
COPIES(consume)

/* Once with the library and once without; the second knows no warm-up. */
struct handoff {
    struct ring ring;
    bool calls;
};

static uint64_t handoff_turn(void *context, unsigned member, uint64_t count, bool measured)
{
    struct handoff *handoff = context;
    struct ring *ring = &handoff->ring;
    uint32_t before = ring->popped;

    if (member == 0)
        (!handoff->calls ? empty_produce : measured ? measured_produce : warm_produce)(ring, count);
    else
        (!handoff->calls ? empty_consume : measured ? measured_consume : warm_consume)(ring, count);
    return ring->popped - before;
}

static void hand_off(bufpool_t *pool, bool calls)
{
    struct handoff handoff = {.ring = {.pool = pool, .size = 16384}, .calls = calls};

    baton_run(&(struct baton_plan){.members = 2,
                                   .warm_up = calls ? WARM_UP : 0,
                                   .measured = HANDED_OFF,
                                   .seed = 20240609,
                                   .turn = handoff_turn,
                                   .context = &handoff});
}

static void run_mix(bufpool_t *pool)
{
    void *slots[SLOTS] = {NULL};
    struct live_set set = {.random = UINT64_C(0x9e3779b97f4a7c15),
                           .pool = &pool,
                           .pools = 1,
                           .slots = SLOTS,
                           .doublings = 7,
                           .slot = slots};

    warm_mix(&set, WARM_UP);
    struct live_set copy = set;
    measured_mix(&set, REPLACEMENTS);
    live_set_empty(&set);
    empty_mix(&copy, REPLACEMENTS);
}

int main(void)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    bufpool_t *pool;

    cpus_pretend(CPUS);
    config.collect_interval_ms = 0;
    if (setenv("BUFPOOL_CONF", "collect_interval_ms:0", 1) != 0 || bufpool_create(&pool, &config) != 0)
        abort();
    warm_pair(pool, PAIRS);
    measured_pair(pool, PAIRS);
    empty_pair(pool, PAIRS);
    warm_face(pool, PAIRS);
    measured_face(pool, PAIRS);
    empty_face(pool, PAIRS);
    warm_batch(pool, BATCHES);
    measured_batch(pool, BATCHES);
    empty_batch(pool, BATCHES);
    run_mix(pool);
    hand_off(pool, true);
    hand_off(pool, false);
    printf("pair measured_pair empty_pair %u\n"
           "face measured_face empty_face %u\n"
           "batch measured_batch empty_batch %u\n"
           "mix measured_mix empty_mix %u\n"
           "handoff measured_produce,measured_consume empty_produce,empty_consume %u\n",
           PAIRS, PAIRS, BATCHES * BATCH, REPLACEMENTS, HANDED_OFF);
    return 0;
}
