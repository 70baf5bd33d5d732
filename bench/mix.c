/*
 * mix - what does a server's working set cost: 256 buffers held, a random one
 * given back and another of a random size got in its place, over and over?
 *
 * Reports ns a replacement (one put, one get, the first word written). Sizes
 * are log-uniform from 512 bytes to 64 KiB. The harness alone (random numbers,
 * the table of slots, no allocator) is a peer of its own and its figure is to
 * be read beside the others.
 *
 * What would fool it: a short precomputed sequence, which branch predictors
 * learn, so slots and sizes come from a generator of period 2^64 - 1; and a
 * generator that costs as much as the pool (2 to 3 ns: see the harness).
 */
#include "workloads.h"

#include <math.h>
#include <stdio.h>

#include "crew.h"
#include "measure.h"

#define SLOTS 256
#define SIZES 1024 /* 4 KiB of them: the table stays in the first cache and leaves it to others */
#define SIZE_LEAST 512.0
#define SIZE_MOST 65536.0
#define CHUNK 1024

struct mix {
    void *self;
    uint64_t random;
    void *slot[SLOTS];
    uint32_t size[SIZES];
};

/* xorshift64: three shifts, no table, no multiplication. */
static ALWAYS_INLINE uint64_t random_next(uint64_t value)
{
    value ^= value << 13;
    value ^= value >> 7;
    value ^= value << 17;
    return value;
}

static ALWAYS_INLINE void mix_loop(enum peer_kind kind, void *context, uint64_t count)
{
    struct mix *mix = context;
    void *self = mix->self;
    uint64_t random = mix->random;
    for (; count > 0; count--) {
        random = random_next(random);
        void **slot = &mix->slot[random % SLOTS];
        size_t size = mix->size[(random >> 20) % SIZES];
        peer_put(kind, self, *slot);
        *slot = peer_get(kind, self, size);
        peer_touch_word(*slot);
    }
    mix->random = random;
}
PEER_LOOPS(mix_loop)

/* put(NULL) does nothing for every peer, so the first round fills the slots. */
static void mix_empty(const struct options *options, struct mix *mix)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (options->peer->kind == PEER_BUFPOOL)
            bufpool_put(mix->self, mix->slot[i]);
        else if (options->peer->kind == PEER_MALLOC)
            free(mix->slot[i]);
        mix->slot[i] = NULL;
    }
}

struct run {
    const struct options *options;
    void *self;
    struct measured measured[CREW_MEMBERS_MAX];
};

static void member(struct crew *crew, unsigned number, void *context)
{
    struct run *run = context;
    const struct options *options = run->options;
    peer_loop loop = mix_loop_of(options->peer->kind);
    struct mix *mix = harness_map(sizeof(*mix), true);

    mix->self = run->self;
    mix->random = 0x9e3779b97f4a7c15u * (number + 1);
    for (unsigned i = 0; i < SIZES; i++)
        mix->size[i] = (uint32_t)(SIZE_LEAST * pow(SIZE_MOST / SIZE_LEAST, (i + 0.5) / SIZES));

    measure_loop(loop, mix, CHUNK, options->warmup_ms);
    crew_meet(crew);
    run->measured[number] = measure_loop(loop, mix, CHUNK, options->sample_ms);
    mix_empty(options, mix);
}

void mix_run(const struct options *options)
{
    static struct run run;
    run.options = options;
    run.self = peer_open(options->peer, PAGE_SIZE);
    crew_run(options->threads, options->threads <= 2, member, &run);

    struct measured all = {0, 0};
    for (unsigned i = 0; i < options->threads; i++) {
        all.ns += run.measured[i].ns;
        all.count += run.measured[i].count;
    }
    char variant[64];
    snprintf(variant, sizeof(variant), "%u thread%s", options->threads, options->threads == 1 ? "" : "s");
    sample_print(options, "mix", variant, "replacement", "ns", (double)all.ns / (double)all.count);
}
