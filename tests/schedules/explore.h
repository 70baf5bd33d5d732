/*
 * explore - run a few threads of the library in every order, up to a number of
 * preemptions.
 *
 * A thread may be interrupted before each of its atomic operations. Which thread
 * goes on is a decision; the explorer takes all decisions depth first, one
 * schedule a run, and puts the memory back in between. To go on with another
 * thread although this one could go on is a preemption, and a schedule has at most
 * `bound` of them; where a thread ends or has to wait, the choice is free.
 *
 * An operation on a word that no other thread of the scenario touches, or that
 * all only read, commutes with all that the others do: it is no point. Which words
 * those are is learned: all schedules are run with one preemption anywhere,
 * and when a later schedule meets another shared word, all begins anew.
 *
 * What is explored is sequential consistency. Store buffers are the models' part
 * (tests/model).
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

#define THREADS_MAX 3u

struct scenario {
    const char *name;
    /* Once: makes the pool, and where it is to begin from. No other thread is there. */
    void (*setup)(void);
    /* What each thread does; NULL: there are no more. */
    void (*thread[THREADS_MAX])(void);
    /* Behind every schedule, when all threads have ended. */
    void (*check)(void);
    /* One of them forks: whoever writes a word shares it with the copy. */
    bool forks;
    /* Fewer preemptions than others have, where schedules are long; 0: as many. */
    unsigned bound;
};

/* SCENARIO(name, setup, check, threads...), one in which a thread forks, and one with two preemptions. */
#define SCENARIO(name_, setup_, check_, ...)                                                                 \
    {                                                                                                        \
        .name = name_, .setup = setup_, .check = check_, .thread = { __VA_ARGS__ }                           \
    }
#define FORKING(name_, setup_, check_, ...)                                                                  \
    {                                                                                                        \
        .name = name_, .setup = setup_, .check = check_, .forks = true, .thread = { __VA_ARGS__ }            \
    }

#define LONG_SCENARIO(name_, setup_, check_, ...)                                                            \
    {                                                                                                        \
        .name = name_, .setup = setup_, .check = check_, .bound = 2, .thread = { __VA_ARGS__ }               \
    }

struct outcome {
    uint64_t schedules;
    uint32_t points;   /* of the longest schedule, those where others could have gone on */
    uint32_t words;    /* that threads share */
    const char *fault; /* NULL: none in any schedule */
};

/* Once a process; up to the first fault. With `trace`, a fault prints where its schedule changed threads. */
struct outcome explore(const struct scenario *scenario, unsigned bound, bool trace);

/* For scenarios. The running thread's number; in setup, that of explore_as. */
unsigned explore_thread(void);

/* In setup: call a function as one of the threads, which has its own thread-local variables. */
void explore_as(unsigned thread, void (*function)(void));

/* What is wrong; does not return. */
_Noreturn __attribute__((format(printf, 1, 2))) void explore_fail(const char *format, ...);

/* Further memory that is put back before each schedule; in setup. */
void explore_keep(void *address, uint32_t size);

/* The running thread waits while *held, and goes on when somebody has made it false. */
void explore_wait(const bool *held);

/* No points until switched back on: for what is no part of the scenario. Returns what was. */
bool explore_switch(bool on);

/* How often the running scenario's memory is cut when a fork copies it; see memory.h. */
unsigned explore_cuts(void);

#endif /* EXPLORE_H */
