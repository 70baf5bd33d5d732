/*
 * working_set - what a thread of a server holds: 256 buffers of random sizes, a
 * random one given back and another got in its place, over and over.
 *
 * Sizes are log-uniform from 512 bytes to 64 KiB. mix asks what a replacement
 * costs, crowd what many threads' cost each other, churn what it costs when the
 * threads come and go.
 *
 * What would fool it: a short precomputed sequence, which branch predictors
 * learn, so slots and sizes come from a generator of period 2^64 - 1; and a
 * generator that costs as much as the pool (2 to 3 ns: see the harness).
 */
#ifndef WORKING_SET_H
#define WORKING_SET_H

#include "peer.h"

#define WORKING_SET_SLOTS 256
#define WORKING_SET_SIZES 1024 /* 4 KiB of them: the table leaves the first cache to others */

/* One thread's at a time. */
struct working_set {
    void *self; /* of the peer */
    uint64_t random;
    void *slot[WORKING_SET_SLOTS];
    uint32_t size[WORKING_SET_SIZES];
};

/* peer_open for so many threads, a working set each. */
void *working_set_peer(const struct options *options, unsigned threads);

/* peer_open for options->threads working sets. */
void *working_set_open(const struct options *options);

/*
 * A working set without buffers yet; each `number` draws sizes of its own. Not
 * in the heap, resident at once, and never given back: samples are short.
 */
struct working_set *working_set_make(const struct options *options, void *self, unsigned number);

/*
 * The slot to replace and the size to get. `random` is the loop's own copy of
 * set->random: a register, where the set's would be stored each time.
 * xorshift64: three shifts, no table, no multiplication.
 */
static ALWAYS_INLINE void **working_set_choose(struct working_set *set, uint64_t *random, size_t *size)
{
    uint64_t value = *random;
    value ^= value << 13;
    value ^= value >> 7;
    value ^= value << 17;
    *random = value;
    *size = set->size[(value >> 20) % WORKING_SET_SIZES];
    return &set->slot[value % WORKING_SET_SLOTS];
}

/* Three loops for PEER_LOOPS; `context` is a working set. The first fills the slots, once. */
static ALWAYS_INLINE void working_set_fill(enum peer_kind kind, void *context, uint64_t count)
{
    struct working_set *set = context;
    for (uint64_t i = 0; i < count; i++) {
        size_t size;
        working_set_choose(set, &set->random, &size);
        set->slot[i] = peer_get(kind, set->self, size);
        peer_touch_word(set->slot[i]);
    }
}

static ALWAYS_INLINE void working_set_replace(enum peer_kind kind, void *context, uint64_t count)
{
    struct working_set *set = context;
    void *self = set->self;
    uint64_t random = set->random;
    for (; count > 0; count--) {
        size_t size;
        void **slot = working_set_choose(set, &random, &size);
        peer_put(kind, self, *slot);
        *slot = peer_get(kind, self, size);
        peer_touch_word(*slot);
    }
    set->random = random;
}

static ALWAYS_INLINE void working_set_empty(enum peer_kind kind, void *context, uint64_t count)
{
    struct working_set *set = context;
    for (uint64_t i = 0; i < count; i++)
        peer_put(kind, set->self, set->slot[i]);
}

#endif /* WORKING_SET_H */
