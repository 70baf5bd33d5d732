/*
 * handoff - what does a buffer cost that one thread gets and another puts, as
 * when readers hand requests to workers?
 *
 * P producers get, C consumers put; between each of them and each of the others
 * lies a bounded ring of 256 slots. The producer writes the first word, the
 * consumer does not look inside. Reported: wall ns a buffer, over all threads
 * together; with --memory, MiB above the start at the peak and on the mean of
 * samples taken every so many buffers. The harness alone (the rings, one buffer
 * over and over) is a peer of its own; nobody can be faster.
 *
 * One producer and one consumer are pinned to a CPU each. More threads are not:
 * pinned ones would wait for whatever else runs on their CPU.
 *
 * What would fool it: an unbounded queue, where a getter never meets what the
 * putter gave back; both sides on one CPU, where a batch of 256 fits the private
 * cache (as on a machine that has one only: see the CPUs in the output); one ring
 * for all, which costs more than the pool; rings whose two indices share a line.
 */
#include "workloads.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>

#include "crew.h"
#include "growth.h"
#include "measure.h"

#define RING_SLOTS 256u
#define CHUNK 256
/* With several rings a side stays at one for so many buffers at most, then turns to the next. */
#define VISIT 32u

#define MEMORY_SAMPLES 128
#define MEMORY_STEP 4096 /* buffers that the first consumer puts between two of them */

/*
 * One producer, one consumer. Each side owns one line: its index, which it
 * alone writes, and its last view of the other's, so that it reads the other's
 * line only when that view says full or empty.
 */
struct ring {
    struct {
        alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t pushed;
        uint64_t popped_seen;
    } producer;
    struct {
        alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t popped;
        uint64_t pushed_seen;
    } consumer;
    alignas(DESTRUCTIVE_SIZE) void *slot[RING_SLOTS];
};

struct handoff {
    const struct options *options;
    void *self;
    struct growth growth;
    struct measured measured;
    alignas(DESTRUCTIVE_SIZE) atomic_bool stop; /* set by the first consumer when it has its sample */
    _Atomic unsigned done;                      /* producers that will push no more */
    struct ring ring[];                         /* a producer's lie side by side */
};

/* One thread's view. Its rings are `stride` apart. */
struct side {
    struct handoff *handoff;
    void *self;
    struct ring *first;
    unsigned stride;
    unsigned rings;
    unsigned turn; /* which ring comes next */
    bool ended;
};

static ALWAYS_INLINE struct ring *side_ring(const struct side *side)
{
    return side->first + (size_t)side->turn * side->stride;
}

static ALWAYS_INLINE void side_turn(struct side *side)
{
    side->turn = side->turn + 1 < side->rings ? side->turn + 1 : 0;
}

static ALWAYS_INLINE bool ring_full(struct ring *ring, uint64_t pushed)
{
    if (LIKELY(pushed - ring->producer.popped_seen < RING_SLOTS))
        return false;
    /* acquire [ring-slot]: the consumer has read the slot that is written to next. */
    ring->producer.popped_seen = atomic_load_explicit(&ring->consumer.popped, memory_order_acquire);
    return pushed - ring->producer.popped_seen == RING_SLOTS;
}

static ALWAYS_INLINE bool ring_empty(struct ring *ring, uint64_t popped)
{
    if (LIKELY(ring->consumer.pushed_seen != popped))
        return false;
    /* acquire [ring-buffer]: the slot, and all that was written to the buffer. */
    ring->consumer.pushed_seen = atomic_load_explicit(&ring->producer.pushed, memory_order_acquire);
    return ring->consumer.pushed_seen == popped;
}

/* Turn to a ring with room. False when told to stop while all are full. */
static NOINLINE bool find_room(struct side *side)
{
    for (unsigned steps = 0;; wait_step(&steps)) {
        for (unsigned i = 0; i < side->rings; i++, side_turn(side)) {
            struct ring *ring = side_ring(side);
            if (!ring_full(ring, atomic_load_explicit(&ring->producer.pushed, memory_order_relaxed)))
                return true;
        }
        if (atomic_load_explicit(&side->handoff->stop, memory_order_relaxed))
            return false;
    }
}

/* Turn to a ring with a buffer. False when all are empty and the producers are done. */
static NOINLINE bool find_buffer(struct side *side)
{
    struct handoff *handoff = side->handoff;
    for (unsigned steps = 0;; wait_step(&steps)) {
        /* acquire [handoff-end], before the rings: where all are done, the indices read next are the last. */
        bool last = atomic_load_explicit(&handoff->done, memory_order_acquire) == handoff->options->producers;
        for (unsigned i = 0; i < side->rings; i++, side_turn(side)) {
            struct ring *ring = side_ring(side);
            if (!ring_empty(ring, atomic_load_explicit(&ring->consumer.popped, memory_order_relaxed)))
                return true;
        }
        if (last)
            return false;
    }
}

/* Push up to `count` buffers into the ring whose turn it is; returns how many. */
static ALWAYS_INLINE uint64_t push_some(enum peer_kind kind, struct side *side, uint64_t count)
{
    struct ring *ring = side_ring(side);
    void *self = side->self;
    size_t size = side->handoff->options->size;
    uint64_t start = atomic_load_explicit(&ring->producer.pushed, memory_order_relaxed), pushed = start;
    while (pushed - start < count && !ring_full(ring, pushed)) {
        void *buffer = peer_get(kind, self, size);
        peer_touch_word(buffer);
        ring->slot[pushed % RING_SLOTS] = buffer;
        /* release [ring-buffer] */
        atomic_store_explicit(&ring->producer.pushed, ++pushed, memory_order_release);
    }
    return pushed - start;
}

static ALWAYS_INLINE void produce(enum peer_kind kind, void *context, uint64_t count)
{
    struct side *side = context;
    while (count > 0) {
        uint64_t visit = side->rings == 1 || count < VISIT ? count : VISIT;
        count -= push_some(kind, side, visit);
        side_turn(side);
        if (count > 0 && !find_room(side)) {
            side->ended = true;
            return;
        }
    }
}
PEER_LOOPS(produce)

/* Pop and put up to `count` buffers from the ring whose turn it is; returns how many. */
static ALWAYS_INLINE uint64_t pop_some(enum peer_kind kind, struct side *side, uint64_t count)
{
    struct ring *ring = side_ring(side);
    void *self = side->self;
    uint64_t start = atomic_load_explicit(&ring->consumer.popped, memory_order_relaxed), popped = start;
    while (popped - start < count && !ring_empty(ring, popped)) {
        void *buffer = ring->slot[popped % RING_SLOTS];
        /* release [ring-slot] */
        atomic_store_explicit(&ring->consumer.popped, ++popped, memory_order_release);
        peer_put(kind, self, buffer);
    }
    return popped - start;
}

static ALWAYS_INLINE void consume(enum peer_kind kind, void *context, uint64_t count)
{
    struct side *side = context;
    while (count > 0) {
        uint64_t visit = side->rings == 1 || count < VISIT ? count : VISIT;
        count -= pop_some(kind, side, visit);
        side_turn(side);
        if (count > 0 && !find_buffer(side)) {
            side->ended = true;
            return;
        }
    }
}
PEER_LOOPS(consume)

/* Buffers popped so far by all consumers; off by what they are at just now. */
static uint64_t popped_by_all(const struct handoff *handoff)
{
    uint64_t popped = 0;
    for (unsigned i = 0; i < handoff->options->producers * handoff->options->consumers; i++)
        popped += atomic_load_explicit(&handoff->ring[i].consumer.popped, memory_order_relaxed);
    return popped;
}

/* The first consumer: work, and take the sample meanwhile. */
static void sample(struct handoff *handoff, struct side *side, peer_loop loop)
{
    const struct options *options = handoff->options;
    if (options->memory) {
        for (unsigned i = 0; i < MEMORY_SAMPLES; i++) {
            loop(side, MEMORY_STEP);
            growth_sample(&handoff->growth);
        }
    } else {
        measure_loop(loop, side, CHUNK, options->warmup_ms);
        uint64_t popped = popped_by_all(handoff);
        handoff->measured.ns = measure_loop(loop, side, CHUNK, options->sample_ms).ns;
        handoff->measured.count = popped_by_all(handoff) - popped;
    }
    /* relaxed: carries nothing but itself. */
    atomic_store_explicit(&handoff->stop, true, memory_order_relaxed);
}

static void *open_peer(const struct options *options)
{
    size_t threads = options->producers + options->consumers;
    size_t rings = (size_t)options->producers * options->consumers;
    const struct peer_load load = {options->size, options->size, rings * RING_SLOTS + threads,
                                   (unsigned)threads};
    return peer_open(options->peer, &load);
}

static void member(struct crew *crew, unsigned number, void *context)
{
    struct handoff *handoff = context;
    const struct options *options = handoff->options;
    bool consumer = number < options->consumers;
    struct side side = {.handoff = handoff, .self = handoff->self};

    crew_meet(crew); /* all started */
    if (!consumer) {
        side.first = &handoff->ring[(number - options->consumers) * options->consumers];
        side.stride = 1;
        side.rings = options->consumers;
        peer_loop loop = produce_of(options->peer->kind);
        while (!side.ended && !atomic_load_explicit(&handoff->stop, memory_order_relaxed))
            loop(&side, CHUNK);
        /* release [handoff-end] */
        atomic_fetch_add_explicit(&handoff->done, 1, memory_order_release);
        return;
    }
    side.first = &handoff->ring[number];
    side.stride = options->consumers;
    side.rings = options->producers;
    peer_loop loop = consume_of(options->peer->kind);
    if (number == 0)
        sample(handoff, &side, loop);
    loop(&side, UINT64_MAX); /* ends when the producers have and the rings are empty */
}

void handoff_run(const struct options *options)
{
    size_t rings = (size_t)options->producers * options->consumers;
    struct handoff *handoff = harness_map(sizeof(*handoff) + rings * sizeof(struct ring), true);
    handoff->options = options;
    growth_begin(&handoff->growth);
    handoff->self = open_peer(options);
    crew_run(options->producers + options->consumers, true, member, handoff);

    char size[24], variant[64];
    snprintf(variant, sizeof(variant), "%s %u->%u", size_text(size, options->size), options->producers,
             options->consumers);
    if (options->memory)
        growth_print(&handoff->growth, options, "handoff", variant);
    else
        sample_print(options, "handoff", variant, "buffer", "ns",
                     (double)handoff->measured.ns / (double)handoff->measured.count);
}
