/*
 * batch - what do N buffers cost that are all got before the first is put, as
 * when a server reads from all its connections and then answers?
 *
 * Reports ns a get and put of one buffer, on one pinned thread; put in the order
 * in which they were got (fifo) or in the reverse (lifo), which finds the first
 * lines of the last buffers still in the cache. Every get writes the first word.
 *
 * What would fool it: a private cache that holds N and one that does not are two
 * things (N runs from 16 to 1,024); buffers that begin a multiple of 4 KiB apart
 * lie in one set of the first cache, so writing the word costs more than getting
 * the buffer (the floors' do, so that the floor is no floor here for a pool that
 * spreads them).
 */
#include "workloads.h"

#include <stdio.h>

#include "crew.h"
#include "measure.h"

/* Buffers between two looks at the clock. */
#define CHUNK 4096u

struct batch {
    const struct options *options;
    void *self;
    struct measured measured; /* counts batches */
    void *buffer[FLOOR_CAPACITY];
};

static ALWAYS_INLINE void batch_loop(enum peer_kind kind, bool lifo, struct batch *batch, uint64_t count)
{
    void *self = batch->self;
    size_t size = batch->options->size;
    unsigned buffers = batch->options->count;
    for (; count > 0; count--) {
        for (unsigned i = 0; i < buffers; i++) {
            void *buffer = peer_get(kind, self, size);
            peer_touch_word(buffer);
            batch->buffer[i] = buffer;
        }
        for (unsigned i = 0; i < buffers; i++)
            peer_put(kind, self, batch->buffer[lifo ? buffers - 1 - i : i]);
    }
}

static ALWAYS_INLINE void batch_fifo(enum peer_kind kind, void *context, uint64_t count)
{
    batch_loop(kind, false, context, count);
}
PEER_LOOPS(batch_fifo)

static ALWAYS_INLINE void batch_lifo(enum peer_kind kind, void *context, uint64_t count)
{
    batch_loop(kind, true, context, count);
}
PEER_LOOPS(batch_lifo)

static void member(struct crew *crew, unsigned number, void *context)
{
    (void)crew, (void)number;
    struct batch *batch = context;
    const struct options *options = batch->options;
    enum peer_kind kind = options->peer->kind;
    peer_loop loop = options->lifo ? batch_lifo_of(kind) : batch_fifo_of(kind);
    unsigned chunk = options->count < CHUNK ? CHUNK / options->count : 1;

    peer_stock_thread(options->peer, options->size, options->count);
    measure_loop(loop, batch, chunk, options->warmup_ms);
    batch->measured = measure_loop(loop, batch, chunk, options->sample_ms);
}

void batch_run(const struct options *options)
{
    const struct peer_load load = {options->size, options->size, options->count, 1};
    struct batch *batch = harness_map(sizeof(*batch), true);
    batch->options = options;
    batch->self = peer_open(options->peer, &load);
    crew_run(1, true, member, batch);

    char size[24], variant[64];
    snprintf(variant, sizeof(variant), "%s x %u %s", size_text(size, options->size), options->count,
             options->lifo ? "lifo" : "fifo");
    sample_print(options, "batch", variant, "buffer", "ns",
                 (double)batch->measured.ns / (double)batch->measured.count / options->count);
}
