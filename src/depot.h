/*
 * depot - the idle buffers all threads share, as magazines: per tier a shared
 * and a victim generation of one stack a CPU, and the cold ones.
 *
 *   put, flush ----> shared ----> victim ----> cold ----> parked in the span
 *                      |  collect    |  collect   |  purge
 *   get, refill <------'<------------'<-----------'
 *
 * Everything here is lock-free; magazine_new may ask the kernel for memory.
 */
#ifndef DEPOT_H
#define DEPOT_H

#include "magazine.h"
#include "tiers.h"

/* One bit a shard in one word. Machines with more CPUs share shards. */
#define SHARDS_MAX 64u

/* One stack a shard, and which of them may have something: so that a miss finds work, or none, in one load.
 */
struct generation {
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t nonempty;
    struct stack *shard;
};

struct depot_tier {
    struct generation shared;
    struct generation victim;
    /* Two, so that a collection can pour one into the other to reach its bottom; takers look at both. */
    struct stack cold[2];
};

struct depot {
    struct table magazines;
    struct stack empty;
    unsigned shards;
    unsigned tiers;
    struct stack *stacks; /* of all generations, one mapping */
    size_t stacks_size;
    struct depot_tier tier[TIERS_MAX];
};

/* 0 or -ENOMEM. */
int depot_init(struct depot *depot, unsigned tiers);
void depot_end(struct depot *depot);

/* In a forked child: everything is forgotten; the memory is used again. */
void depot_after_fork(struct depot *depot);

/* The calling thread's shard: a hint, by the CPU it runs on just now. */
unsigned depot_home(const struct depot *depot);

/* An empty magazine, the caller's: a used one, else (if `may_map`) a new one; NULL when there is none. */
struct magazine *magazine_new(struct depot *depot, bool may_map);

/* The end of that: it is the caller's, and it is empty or lists empty ones. */
void magazine_drop(struct depot *depot, struct magazine *magazine);

/*
 * Empty magazines that a thread keeps by it. They come and go in bundles, one
 * that lists the others: where one thread only gets and another only puts, empty
 * magazines flow back as fast as full ones come, and each taken by itself would
 * cost another stack's head and be bounced between as many cores.
 */
#define SPARES_MAX 8u

struct spares {
    uint32_t count;
    struct magazine *magazine[SPARES_MAX];
};

/* As magazine_new and magazine_drop; the last gives all back. */
struct magazine *spares_take(struct spares *spares, struct depot *depot);
void spares_give(struct spares *spares, struct depot *depot, struct magazine *magazine);
void spares_end(struct spares *spares, struct depot *depot);

/* Hand a magazine that is not empty over to a place; `shard` matters for shared and victim. */
void depot_push(struct depot *depot, enum place place, unsigned tier, unsigned shard,
                struct magazine *magazine);

/*
 * Take a magazine from a place, from shard `home` first; NULL where it has
 * none. `*shard` is where it was found. Probes at most the shards whose bit is
 * set: an empty place costs one load.
 */
struct magazine *depot_pop(struct depot *depot, enum place place, unsigned tier, unsigned home,
                           unsigned *shard);

/* Add the buffers each place holds to count[tier][place]; walks all magazines. */
void depot_count(const struct depot *depot, uint64_t count[][PLACES]);

#endif /* DEPOT_H */
