/*
 * How many atomic read-modify-writes does the pool do on words that threads
 * share, per 1,000 operations?
 *
 *   budget_atomics [PROCESSORS]    lines of "case figure", each with what it consists of as "# case: ..."
 *
 * mix: a thread on each of 8 processors replaces buffers of a working set of
 * 256; an operation is one put and one get. handoff: one thread gets 16 KiB,
 * another on another processor puts; an operation is one buffer. Threads take
 * turns, so the figures are exact, and a lost compare-and-swap costs nothing in
 * them. With PROCESSORS (up to 256) there are that many instead, each with its
 * thread, and in handoff every other one gets for the next: what bench/README.md
 * says of larger machines begins with these figures.
 *
 * What would fool it: an atomic that is not counted (see watch.h);
 * a read-modify-write made two by a lock (the hot path has none, see hotpath);
 * the collection, which stands still here: once a second, it is nobody's operation.
 */
#include <stdio.h>
#include <string.h>

#include "baton.h"
#include "counted.h"
#include "load.h"
#include "words.h"

#define MIX_SLOTS 256u
#define WARM_UP 50000u /* operations a thread */
#define MEASURED 1000000u

/* What is counted just now. */
static struct {
    bufpool_t *pool;
    bufpool_stats_t before, after;
} window;

static bufpool_stats_t stats_now(void)
{
    bufpool_stats_t stats = {.struct_size = sizeof stats};
    if (bufpool_stats(window.pool, &stats) != 0)
        abort();
    return stats;
}

static void start(void *context)
{
    (void)context;
    window.before = stats_now();
    counted_start();
}

static void stop(void *context)
{
    (void)context;
    counted_stop();
    window.after = stats_now();
}

static uint64_t mix_turn(void *context, unsigned member, uint64_t count, bool measured)
{
    struct live_set *set = (struct live_set *)context + member;
    (void)measured;
    live_set_run(set, count, true);
    return count;
}

/* The getter's turn does nothing by itself: a buffer is through when it is put. */
static uint64_t handoff_turn(void *context, unsigned member, uint64_t count, bool measured)
{
    struct ring *ring = (struct ring *)context + member / 2;
    uint32_t before = ring->popped;
    (void)measured;
    if (member % 2 == 0)
        ring_produce(ring, count, true);
    else
        ring_consume(ring, count, true);
    return ring->popped - before;
}

/* One kind of word. */
struct part {
    const char *name;
    uint64_t count;
    uint64_t hottest; /* of its words */
    unsigned words;
};

struct sum {
    struct part part[16];
};

static void add_word(const volatile void *word, uint64_t count, void *context)
{
    struct sum *sum = context;
    const char *name = word_name(window.pool, word);
    unsigned i = 0;

    while (sum->part[i].name != NULL && strcmp(sum->part[i].name, name) != 0)
        i++;
    sum->part[i].name = name;
    sum->part[i].count += count;
    sum->part[i].words++;
    if (count > sum->part[i].hottest)
        sum->part[i].hottest = count;
}

static void print(const char *name)
{
    struct sum sum = {0};
    double per_thousand = 1000.0 / MEASURED;

    printf("%s %.3f\n", name, (double)counted_total() * per_thousand);
    counted_each(add_word, &sum);
    for (;;) {
        struct part *most = &sum.part[0];
        for (struct part *part = sum.part; part->name != NULL; part++) {
            if (part->count > most->count ||
                (part->count == most->count && strcmp(part->name, most->name) < 0))
                most = part;
        }
        if (most->count == 0)
            break;
        printf("# %s: %.3f on %u %s", name, (double)most->count * per_thousand, most->words, most->name);
        if (most->words > 1)
            printf(", %.3f on one of them", (double)most->hottest * per_thousand);
        putchar('\n');
        most->count = 0;
    }
    printf("# %s: %.3f fills from the processor's own stack, %.3f from another's\n", name,
           (double)(window.after.hits_shared - window.before.hits_shared) * per_thousand,
           (double)(window.after.hits_stolen - window.before.hits_stolen) * per_thousand);
}

static void make_pool(void)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;

    config.collect_interval_ms = 0;
    if (bufpool_create(&window.pool, &config) != 0)
        abort();
}

static void count_mix(unsigned processors)
{
    static void *slots[BATON_MEMBERS_MAX][MIX_SLOTS];
    static struct live_set sets[BATON_MEMBERS_MAX];

    make_pool();
    for (unsigned i = 0; i < processors; i++) {
        sets[i] = (struct live_set){.random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1),
                                    .pool = &window.pool,
                                    .pools = 1,
                                    .slots = MIX_SLOTS,
                                    .doublings = 7,
                                    .slot = slots[i]};
    }
    baton_run(&(struct baton_plan){.members = processors,
                                   .warm_up = (uint64_t)WARM_UP * processors,
                                   .measured = MEASURED,
                                   .seed = 20240607,
                                   .turn = mix_turn,
                                   .begin = start,
                                   .end = stop,
                                   .context = sets});
    print("mix");
}

static void count_handoff(unsigned members)
{
    static struct ring rings[BATON_MEMBERS_MAX / 2];

    make_pool();
    for (unsigned i = 0; i < members / 2; i++)
        rings[i] = (struct ring){.pool = window.pool, .size = 16384};
    baton_run(&(struct baton_plan){.members = members,
                                   .warm_up = (uint64_t)WARM_UP * members,
                                   .measured = MEASURED,
                                   .seed = 20240608,
                                   .turn = handoff_turn,
                                   .begin = start,
                                   .end = stop,
                                   .context = rings});
    print("handoff");
}

int main(int count, char **arguments)
{
    unsigned processors = CPUS;

    if (count == 2)
        processors = (unsigned)strtoul(arguments[1], NULL, 10);
    if (count > 2 || processors < 2 || processors > BATON_MEMBERS_MAX || processors % 2 != 0) {
        fprintf(stderr, "usage: budget_atomics [PROCESSORS], an even number of 2 to %u\n", BATON_MEMBERS_MAX);
        return 2;
    }
    cpus_pretend(processors);
    count_mix(processors);
    count_handoff(count == 2 ? processors : 2);
    if (cpus_asked() == 0) {
        fputs("budget: the library no longer asks sched_getcpu where it runs; cpus.c must answer elsewhere\n",
              stderr);
        return 1;
    }
    return 0;
}
