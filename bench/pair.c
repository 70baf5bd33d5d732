/*
 * pair - what does the cheapest thing cost: get a buffer, put it back?
 *
 * Reports ns a get+put of one size, with 1 or 2 threads, each on its own
 * buffers; of several threads the mean. Targets are multiples of the floor
 * behind a call: what is above it is what the pool itself costs.
 *
 * What would fool it: a pair that the compiler leaves out (every buffer is
 * written to, and peer.h keeps the calls); a warm-up that is measured too; a
 * malloc that returns the page of a big buffer at every put, which is a true
 * cost, and one that hands the last one out again without looking, which only
 * this workload rewards: mix and replay are there for that.
 */
#include "workloads.h"

#include <stdio.h>

#include "crew.h"
#include "measure.h"

/* Some 20 us at 5 ns a pair: the clock's 25 ns do not count. */
#define CHUNK 4096

struct pair {
    void *self;
    size_t size;
};

static ALWAYS_INLINE void pair_loop(enum peer_kind kind, void *context, uint64_t count)
{
    const struct pair *pair = context;
    void *self = pair->self;
    size_t size = pair->size;
    for (; count > 0; count--) {
        void *buffer = peer_get(kind, self, size);
        peer_touch_word(buffer);
        peer_put(kind, self, buffer);
    }
}
PEER_LOOPS(pair_loop)

struct run {
    const struct options *options;
    struct pair pair;
    struct measured measured[CREW_MEMBERS_MAX];
};

static void member(struct crew *crew, unsigned number, void *context)
{
    struct run *run = context;
    const struct options *options = run->options;
    peer_loop loop = pair_loop_of(options->peer->kind);
    struct pair pair = run->pair;

    peer_stock_thread(options->peer, options->size, 2);
    measure_loop(loop, &pair, CHUNK, options->warmup_ms);
    crew_meet(crew);
    run->measured[number] = measure_loop(loop, &pair, CHUNK, options->sample_ms);
}

void pair_run(const struct options *options)
{
    static struct run run;
    const struct peer_load load = {options->size, options->size, options->threads, options->threads};
    run.options = options;
    run.pair = (struct pair){peer_open(options->peer, &load), options->size};
    crew_run(options->threads, options->threads <= 2, member, &run);

    struct measured all = {0, 0};
    for (unsigned i = 0; i < options->threads; i++) {
        all.ns += run.measured[i].ns;
        all.count += run.measured[i].count;
    }
    char size[24], variant[64];
    snprintf(variant, sizeof(variant), "%s %u thread%s", size_text(size, options->size), options->threads,
             options->threads == 1 ? "" : "s");
    sample_print(options, "pair", variant, "pair", "ns", (double)all.ns / (double)all.count);
}
