/*
 * scenarios - what the explorer runs; one file a subject, each with its list.
 *
 * A scenario is as small as shows what it is about: two or three threads, some
 * calls each, a pool of one tier of 1 MiB, whose magazines hold one buffer and whose
 * bins two, so that a second put flushes and a second get refills.
 */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include "explore.h"
#include "ledger.h"

/* Each ends with one that has no name. */
extern const struct scenario depot_scenarios[];
extern const struct scenario handoff_scenarios[];
extern const struct scenario thread_scenarios[];
extern const struct scenario fork_scenarios[];
extern const struct scenario limit_scenarios[];
extern const struct scenario life_scenarios[];
extern const struct scenario oversized_scenarios[];
extern const struct scenario words_scenarios[];

#define SIZE ((size_t)1 << 20)
#define SPAN ((size_t)64 << 20) /* 63 buffers */

/* The configuration of a pool as above, to be changed; and the pool of one. */
bufpool_config_t small_config(void);
struct bufpool *make_pool(const bufpool_config_t *config);

/* A pool as above; its limits are SIZE_MAX where they matter to nobody. */
struct bufpool *small_pool(size_t max_bytes, size_t max_cached_bytes);

/* Buffers of the scenario's own: each thread has a few. Kept by the explorer. */
#define HANDS 4u
extern void *hand[THREADS_MAX][HANDS];

/* In setup: a thread gets some into its hands, or puts them all. */
void thread_gets(unsigned thread, unsigned count);
void thread_puts(unsigned thread);

/* In setup: a thread that has no cache, as one whose TLS destructors have run. */
void thread_has_no_cache(unsigned thread);

/* In setup: every tag, token, epoch and swap is two steps before it wraps. */
void counters_wrap_soon(void);

/* In a thread: its n-th hand gets, or puts if it has one. */
void get(unsigned n);
void put(unsigned n);

/* In a thread: one collection, as a caller's. */
void collect(void);
void trim(void);

/*
 * In a thread: of a collection only the hand-off, by a collector that nobody can depose. Two at once do what
 * a collection does and one that has taken over from it, in the worst of orders.
 */
void hand_over(void);
void check_after_hand_over(void);

#endif /* SCENARIOS_H */
