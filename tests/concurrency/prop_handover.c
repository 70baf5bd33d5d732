/*
 * Buffers that are got on one thread and put on another, and what they hold on the way.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ledger.h"
#include "properties.h"
#include "ring.h"
#include "team.h"
#include "witness.h"

#define RING_SIZE 256u

struct stream {
    bufpool_t *pool;
    struct ring *ring[4]; /* one a producer, so that what it sends arrives in order */
    unsigned producers;
    size_t values; /* a producer */
};

static uint64_t value_of(unsigned producer, size_t number)
{
    return (uint64_t)producer << 32 | (number + 1);
}

static bool produce(struct stream *stream, unsigned producer)
{
    uint64_t random = producer + 1;

    for (size_t i = 0; i < stream->values; i++) {
        size_t size = stream->producers == 1 ? 4096 : random_size(&random, 64 * KIB);
        void *buffer = bufpool_get(stream->pool, size);

        REQUIRE(buffer != NULL);
        stamp(buffer, bufpool_capacity(stream->pool, buffer), value_of(producer, i));
        ring_push(stream->ring[producer], buffer);
    }
    return true;
}

static bool consume(struct stream *stream)
{
    size_t received[4] = {0};
    size_t missing = stream->producers * stream->values;
    bool result = true;

    while (missing > 0) {
        size_t before = missing;

        for (unsigned i = 0; i < stream->producers; i++) {
            void *buffer = ring_pop(stream->ring[i]);
            if (buffer == NULL)
                continue;
            missing--;
            if (!is_stamped(buffer, bufpool_capacity(stream->pool, buffer), value_of(i, received[i]++)))
                result = broken("buffer %p does not hold what was sent in it", buffer);
            result = bufpool_put(stream->pool, buffer) && result;
        }
        if (before == missing)
            sched_yield();
    }
    return result;
}

static bool stream_member(unsigned number, void *shared)
{
    struct stream *stream = shared;
    return number < stream->producers ? produce(stream, number) : consume(stream);
}

static bool stream_runs(struct stream *stream)
{
    for (unsigned i = 0; i < stream->producers; i++)
        stream->ring[i] = ring_new(RING_SIZE);
    bool result = team_run(stream->producers + 1, stream_member, stream);
    for (unsigned i = 0; i < stream->producers; i++)
        ring_free(stream->ring[i]);
    return result;
}

/*
 * One thread only gets, the other only puts. Fails where a magazine's contents are read before its push is
 * seen (release weakened: a stamp is missing), and where memory is stranded at the thread that frees: then
 * nearly every get is a carve.
 */
bool prop_one_to_one_keeps_contents_and_strands_nothing(void)
{
    struct stream stream = {.pool = plain_pool(), .producers = 1, .values = SCALED(3000000)};

    REQUIRE(stream_runs(&stream));

    /* What is in the ring, in the two private caches (256 at most each), and in a few magazines on the way.
     */
    REQUIRE(stats_of(stream.pool).carves <= 4 * RING_SIZE);
    return ends_well(stream.pool);
}

/* The same with several producers and all sizes up to 64 KiB; they steal from the shard of the one that puts.
 */
bool prop_many_to_one_keeps_contents(void)
{
    struct stream stream = {.pool = plain_pool(), .producers = 4, .values = SCALED(500000)};

    REQUIRE(stream_runs(&stream));
    return ends_well(stream.pool);
}

struct heist {
    bufpool_t *pool;
    struct ring *ring;
    size_t values;
    _Atomic size_t stolen;
    _Atomic unsigned char *times; /* by value */
};

static bool thief(unsigned number, void *shared)
{
    struct heist *heist = shared;
    bool result = true;

    if (number == 0) {
        for (size_t value = 0; value < heist->values; value++) {
            uint64_t *buffer = bufpool_get(heist->pool, 512);

            REQUIRE(buffer != NULL);
            stamp(buffer, 512, value);
            buffer[1] = value;
            ring_push(heist->ring, buffer);
        }
        return true;
    }
    while (atomic_load_explicit(&heist->stolen, memory_order_relaxed) < heist->values) {
        uint64_t *buffer = ring_pop(heist->ring);

        if (buffer == NULL) {
            sched_yield();
            continue;
        }
        uint64_t value = buffer[1];
        if (value >= heist->values || !is_stamped(buffer, 512, value))
            result = broken("a thief found no value in buffer %p", (void *)buffer);
        else if (atomic_fetch_add_explicit(&heist->times[value], 1, memory_order_relaxed) != 0)
            result = broken("value %zu was stolen twice", (size_t)value);
        result = bufpool_put(heist->pool, buffer) && result;
        atomic_fetch_add_explicit(&heist->stolen, 1, memory_order_relaxed);
    }
    return result;
}

/*
 * CONFORMANCE 22: 1 producer, 9 thieves, 2,000,000 values, each exactly once. A buffer that is handed out
 * while a thief still reads it (tag dropped from the depot's stack, a block emptied under its owner) loses
 * one value and shows another twice.
 */
bool prop_nine_thieves_get_each_value_once(void)
{
    struct heist heist = {.pool = plain_pool(), .ring = ring_new(1024), .values = SCALED(2000000)};

    heist.times = calloc(heist.values, 1);
    MUST(heist.times != NULL);
    REQUIRE(team_run(10, thief, &heist));
    for (size_t value = 0; value < heist.values; value++)
        REQUIRE(heist.times[value] == 1);
    free((void *)heist.times);
    ring_free(heist.ring);
    return ends_well(heist.pool);
}

struct inheritance {
    bufpool_t *pool;
    struct ledger *ledger;
    size_t rounds;
};

/* Bursts larger than a private cache, so that most buffers change threads through the depot. */
static bool inherit(unsigned number, void *shared)
{
    struct inheritance *shares = shared;
    void *buffers[300];
    uint64_t random = number + 1;
    uint64_t note = (uint64_t)(number + 1) << 40;
    bool result = true;

    for (size_t round = 0; round < shares->rounds; round++) {
        size_t size = (size_t)512 << random_next(&random) % 4;
        size_t count = 1 + random_next(&random) % 300;

        for (size_t i = 0; i < count; i++) {
            uint64_t before;

            buffers[i] = bufpool_get(shares->pool, size);
            REQUIRE(buffers[i] != NULL);
            before = ledger_note(shares->ledger, buffers[i]);
            if (before != 0 && !is_stamped(buffers[i], size, before))
                result = broken("buffer %p does not hold what its last borrower wrote", buffers[i]);
            stamp(buffers[i], size, ++note);
            ledger_set_note(shares->ledger, buffers[i], note);
        }
        REQUIRE(bufpool_put_batch(shares->pool, buffers, count) == count);
    }
    return result;
}

/*
 * CONFORMANCE 44: what was written before put is seen by the getter that asks for it. No collection runs, so
 * no page goes. The writes are plain and the ledger orders nothing: with a release or an acquire weakened on
 * the way, ThreadSanitizer reports a race, and a weakly ordered machine a wrong stamp.
 */
bool prop_put_happens_before_get(void)
{
    struct inheritance shares = {
        .pool = plain_pool(), .ledger = ledger_new(1 << 16), .rounds = SCALED(60000)};

    REQUIRE(team_run(6, inherit, &shares));
    ledger_free(shares.ledger);
    return ends_well(shares.pool);
}
