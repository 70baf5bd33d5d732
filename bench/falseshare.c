/*
 * falseshare - does the allocator give two threads buffers that share a cache
 * line? Hoard's two questions, with buffers of the smallest tier:
 *
 *   thrash   each thread gets a buffer, writes to it, puts it, over and over:
 *            are buffers got at the same time by different threads apart?
 *   scratch  one thread gets a buffer for each of the others, one right after
 *            the other; each puts the one it was handed and goes on as above:
 *            does a line shared once stay shared?
 *
 * Reports ns a pair, the writes included: WRITES times to the first and the last
 * word, which is where a neighbour's line would begin. The harness alone (the
 * same writes, memory far apart) is a peer of its own: what is above it is the
 * allocator's pair, and what is far above it are lines that travel.
 *
 * What would fool it: one CPU, where no line travels; writes that the processor
 * gathers before anybody sees them (each word is read back).
 */
#include "workloads.h"

#include <stdio.h>

#include "crew.h"
#include "measure.h"

#define SIZE ((size_t)512)
#define WRITES 64
#define CHUNK 256

struct falseshare {
    const struct options *options;
    void *self;
    void *handed[CREW_MEMBERS_MAX]; /* scratch: to each thread, by member 0 */
    struct measured measured[CREW_MEMBERS_MAX];
};

/* One thread's. */
struct writer {
    void *self;
    void *handed;
};

static ALWAYS_INLINE void write_pairs(enum peer_kind kind, void *context, uint64_t count)
{
    const struct writer *writer = context;
    void *self = writer->self;
    for (; count > 0; count--) {
        char *buffer = peer_get(kind, self, SIZE);
        volatile uint64_t *first = (volatile uint64_t *)(void *)buffer;
        volatile uint64_t *last = (volatile uint64_t *)(void *)(buffer + SIZE - sizeof(*last));
        for (unsigned i = 0; i < WRITES; i++) {
            *first = i;
            *last = i;
            (void)*first;
            (void)*last;
        }
        peer_put(kind, self, buffer);
    }
}
PEER_LOOPS(write_pairs)

static ALWAYS_INLINE void hand_out(enum peer_kind kind, void *context, uint64_t count)
{
    struct falseshare *falseshare = context;
    for (uint64_t i = 0; i < count; i++) {
        falseshare->handed[i] = peer_get(kind, falseshare->self, SIZE);
        peer_touch_word(falseshare->handed[i]);
    }
}
PEER_LOOPS(hand_out)

static ALWAYS_INLINE void put_handed(enum peer_kind kind, void *context, uint64_t count)
{
    (void)count;
    const struct writer *writer = context;
    peer_put(kind, writer->self, writer->handed);
}
PEER_LOOPS(put_handed)

static void *open_peer(const struct options *options)
{
    const struct peer_load load = {SIZE, SIZE, 2 * (size_t)options->threads, options->threads};
    return peer_open(options->peer, &load);
}

static void member(struct crew *crew, unsigned number, void *context)
{
    struct falseshare *falseshare = context;
    const struct options *options = falseshare->options;
    enum peer_kind kind = options->peer->kind;
    peer_loop loop = write_pairs_of(kind);
    /* The harness alone: memory of its own for each thread. */
    struct writer writer = {.self = kind == PEER_NONE ? open_peer(options) : falseshare->self};

    if (options->scratch) {
        if (number == 0)
            hand_out_of(kind)(falseshare, options->threads);
        crew_meet(crew);
        writer.handed = falseshare->handed[number];
        put_handed_of(kind)(&writer, 1);
    }
    measure_loop(loop, &writer, CHUNK, options->warmup_ms);
    crew_meet(crew);
    falseshare->measured[number] = measure_loop(loop, &writer, CHUNK, options->sample_ms);
}

void falseshare_run(const struct options *options)
{
    static struct falseshare falseshare;
    falseshare.options = options;
    falseshare.self = open_peer(options);
    crew_run(options->threads, true, member, &falseshare);

    struct measured all = {0, 0};
    for (unsigned i = 0; i < options->threads; i++) {
        all.ns += falseshare.measured[i].ns;
        all.count += falseshare.measured[i].count;
    }
    char variant[64];
    snprintf(variant, sizeof(variant), "%s %u thread%s", options->scratch ? "scratch" : "thrash",
             options->threads, options->threads == 1 ? "" : "s");
    sample_print(options, "falseshare", variant, "pair", "ns", (double)all.ns / (double)all.count);
}
