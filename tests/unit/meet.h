/*
 * meet - two threads that go on at the same moment, as near as spinning gets
 * them: for windows of a few instructions, which no barrier that sleeps would hit.
 */
#ifndef TEST_MEET_H
#define TEST_MEET_H

#include <sched.h>
#include <stdatomic.h>

struct meeting {
    _Alignas(128) _Atomic unsigned came[2];
};

/* `side` is 0 or 1; returns when the other has come as often. */
static inline void meet(struct meeting *meeting, unsigned side)
{
    unsigned mine = atomic_fetch_add(&meeting->came[side], 1) + 1;
    for (unsigned spins = 1; atomic_load(&meeting->came[!side]) < mine; spins++)
        if (spins % 4096 == 0)
            sched_yield(); /* one processor, or a busy one */
}

#endif /* TEST_MEET_H */
