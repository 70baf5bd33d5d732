/*
 * handoff - what does a buffer cost that one thread gets and another puts, as
 * when a reader hands requests to a worker?
 *
 * Reports wall ns a buffer: two pinned threads, a bounded ring of 256 slots
 * between them, the getter writes the first word, the putter does not look
 * inside. The harness alone (the ring, one buffer over and over) is a peer of
 * its own; nobody can be faster.
 *
 * What would fool it: an unbounded queue, where the getter never meets what the
 * putter gave back; both threads on one CPU, where a batch of 256 fits the
 * private cache (as on a machine that has one only: see the CPUs in the output);
 * a ring whose two indices share a line, which costs more than the pool.
 */
#include "workloads.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>

#include "crew.h"
#include "measure.h"

#define RING_SLOTS 256u
#define CHUNK 256

/*
 * One producer, one consumer. Each side owns one line: its index, which it
 * alone writes, and its last view of the other's, so that it reads the other's
 * line only when that view says full or empty.
 */
struct ring {
    struct {
        alignas(DESTRUCTIVE_SIZE) _Atomic uint32_t pushed;
        uint32_t popped_seen;
    } producer;
    struct {
        alignas(DESTRUCTIVE_SIZE) _Atomic uint32_t popped;
        uint32_t pushed_seen;
    } consumer;
    alignas(DESTRUCTIVE_SIZE) void *slot[RING_SLOTS];
};

struct handoff {
    const struct options *options;
    void *self;
    struct ring ring;
    alignas(DESTRUCTIVE_SIZE) atomic_bool stop; /* set by the consumer when it has its sample */
    atomic_bool produced;                       /* set by the producer when it will push no more */
    struct measured measured;
};

/* Ends early when told to stop. */
static ALWAYS_INLINE void produce(enum peer_kind kind, void *context, uint64_t count)
{
    struct handoff *handoff = context;
    struct ring *ring = &handoff->ring;
    void *self = handoff->self;
    size_t size = handoff->options->size;
    uint32_t pushed = atomic_load_explicit(&ring->producer.pushed, memory_order_relaxed);

    for (; count > 0; count--) {
        void *buffer = peer_get(kind, self, size);
        peer_touch_word(buffer);
        unsigned steps = 0;
        while (pushed - ring->producer.popped_seen == RING_SLOTS) {
            /* acquire [ring-slot]: the consumer has read the slot that is written to next. */
            ring->producer.popped_seen = atomic_load_explicit(&ring->consumer.popped, memory_order_acquire);
            if (pushed - ring->producer.popped_seen < RING_SLOTS)
                break;
            if (atomic_load_explicit(&handoff->stop, memory_order_relaxed)) {
                peer_put(kind, self, buffer);
                return;
            }
            wait_step(&steps);
        }
        ring->slot[pushed % RING_SLOTS] = buffer;
        /* release [ring-buffer]: the slot, and all that was written to the buffer. */
        atomic_store_explicit(&ring->producer.pushed, ++pushed, memory_order_release);
    }
}
PEER_LOOPS(produce)

/* Ends early when the producer is done and the ring empty. */
static ALWAYS_INLINE void consume(enum peer_kind kind, void *context, uint64_t count)
{
    struct handoff *handoff = context;
    struct ring *ring = &handoff->ring;
    void *self = handoff->self;
    uint32_t popped = atomic_load_explicit(&ring->consumer.popped, memory_order_relaxed);

    for (; count > 0; count--) {
        unsigned steps = 0;
        while (ring->consumer.pushed_seen == popped) {
            /* acquire [handoff-end], before the index: if it is set, the index read next is the last. */
            bool last = atomic_load_explicit(&handoff->produced, memory_order_acquire);
            /* acquire [ring-buffer] */
            ring->consumer.pushed_seen = atomic_load_explicit(&ring->producer.pushed, memory_order_acquire);
            if (ring->consumer.pushed_seen != popped)
                break;
            if (last)
                return;
            wait_step(&steps);
        }
        void *buffer = ring->slot[popped % RING_SLOTS];
        /* release [ring-slot] */
        atomic_store_explicit(&ring->consumer.popped, ++popped, memory_order_release);
        peer_put(kind, self, buffer);
    }
}
PEER_LOOPS(consume)

static void member(struct crew *crew, unsigned number, void *context)
{
    struct handoff *handoff = context;
    const struct options *options = handoff->options;
    crew_meet(crew);

    if (number == 1) {
        peer_loop loop = produce_of(options->peer->kind);
        while (!atomic_load_explicit(&handoff->stop, memory_order_relaxed))
            loop(handoff, CHUNK);
        /* release [handoff-end] */
        atomic_store_explicit(&handoff->produced, true, memory_order_release);
        return;
    }
    peer_loop loop = consume_of(options->peer->kind);
    measure_loop(loop, handoff, CHUNK, options->warmup_ms);
    handoff->measured = measure_loop(loop, handoff, CHUNK, options->sample_ms);
    /* relaxed: carries nothing but itself. */
    atomic_store_explicit(&handoff->stop, true, memory_order_relaxed);
    loop(handoff, UINT64_MAX);
}

void handoff_run(const struct options *options)
{
    struct handoff *handoff = harness_map(sizeof(*handoff), true);
    handoff->options = options;
    handoff->self = peer_open(options->peer, options->size);
    crew_run(2, true, member, handoff);

    char size[24], variant[32];
    snprintf(variant, sizeof(variant), "%s 1->1", size_text(size, options->size));
    sample_print(options, "handoff", variant, "buffer", "ns",
                 (double)handoff->measured.ns / (double)handoff->measured.count);
}
