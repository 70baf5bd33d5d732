/*
 * mix - what does a server's working set cost: 256 buffers held, a random one
 * given back and another of a random size got in its place, over and over?
 *
 * Reports ns a replacement (one put, one get, the first word written); of
 * several threads the mean; with --memory, MiB above the start at the peak and on
 * the mean of samples taken every so many replacements. Sizes are log-uniform from 512 bytes to 64 KiB. The
 * harness alone (random numbers, the table of slots, no allocator) is a peer of
 * its own and its figure is to be read beside the others.
 *
 * What would fool it: see working_set.h.
 */
#include "workloads.h"

#include <stdio.h>

#include "crew.h"
#include "growth.h"
#include "measure.h"
#include "working_set.h"

#define CHUNK 1024
#define MEMORY_SAMPLES 128
#define MEMORY_STEP 8192 /* replacements of a thread between two of them */

PEER_LOOPS(working_set_fill)
PEER_LOOPS(working_set_replace)
PEER_LOOPS(working_set_empty)

struct run {
    const struct options *options;
    void *self;
    struct growth growth;
    struct measured measured[CREW_MEMBERS_MAX];
};

static void member(struct crew *crew, unsigned number, void *context)
{
    struct run *run = context;
    const struct options *options = run->options;
    enum peer_kind kind = options->peer->kind;
    peer_loop replace = working_set_replace_of(kind);
    struct working_set *set = working_set_make(options, run->self, number);

    working_set_fill_of(kind)(set, WORKING_SET_SLOTS);
    if (options->memory) {
        for (unsigned i = 0; i < MEMORY_SAMPLES; i++) {
            replace(set, MEMORY_STEP);
            growth_sample(&run->growth);
        }
    } else {
        measure_loop(replace, set, CHUNK, options->warmup_ms);
        crew_meet(crew);
        run->measured[number] = measure_loop(replace, set, CHUNK, options->sample_ms);
    }
    working_set_empty_of(kind)(set, WORKING_SET_SLOTS);
}

void mix_run(const struct options *options)
{
    static struct run run;
    run.options = options;
    growth_begin(&run.growth);
    run.self = working_set_peer(options, options->threads);
    crew_run(options->threads, options->threads <= 2, member, &run);

    char variant[64];
    snprintf(variant, sizeof(variant), "%u thread%s", options->threads, options->threads == 1 ? "" : "s");
    if (options->memory) {
        growth_print(&run.growth, options, "mix", variant);
        return;
    }
    struct measured all = {0, 0};
    for (unsigned i = 0; i < options->threads; i++) {
        all.ns += run.measured[i].ns;
        all.count += run.measured[i].count;
    }
    sample_print(options, "mix", variant, "replacement", "ns", (double)all.ns / (double)all.count);
}
