/*
 * baton - threads that take turns: who holds the baton runs, the others sleep.
 * A seeded sequence says who is next and for how long, so that a run is the
 * same on every machine, and the processors are pretended (see cpus.c).
 *
 * What it does not show: two threads at the same word in the same instant. A
 * compare-and-swap never loses here.
 */
#ifndef BATON_H
#define BATON_H

#include <stdbool.h>
#include <stdint.h>

#define BATON_MEMBERS_MAX 256u
#define BATON_TURN_MAX 128u

struct baton_plan {
    unsigned members;
    uint64_t warm_up;  /* operations before `begin`, all members together */
    uint64_t measured; /* operations between `begin` and `end` */
    uint64_t seed;
    /* One turn: up to `count` operations. Returns how many count as done; `measured`: begin has been. */
    uint64_t (*turn)(void *context, unsigned member, uint64_t count, bool measured);
    /* Both are called by whoever holds the baton; may be NULL. */
    void (*begin)(void *context);
    void (*end)(void *context);
    void *context;
};

/* Returns when all threads have ended. */
void baton_run(const struct baton_plan *plan);

/*
 * A machine of so many processors, whatever this one has: from now on the library sees those. Before a pool
 * is made. A member of a crew with a baton sits on the processor of its number, modulo their count.
 */
#define CPUS 8u
void cpus_pretend(unsigned count);

/* The calling thread runs on that one. */
void cpus_sit_on(unsigned cpu);

/* How often the library has asked where it runs. If never, it has found another way and cpus.c is of no use.
 */
uint64_t cpus_asked(void);

#endif /* BATON_H */
