/*
 * ledger - who has which buffer, kept beside the pool by those who get and put;
 * and what the pool's own structures say at the end.
 *
 * A scenario has one pool at a time, of at most two tiers with at most 64 buffers
 * each, so that all buffers of a tier are one word.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <bufpool.h>

#define LEDGER_TIERS 2u

/* Make the pool of the scenario: no collector, two processors, nothing put, misuse is a fault. In setup. */
void ledger_create(const bufpool_config_t *config);

/* The pool. */
struct bufpool *ledger_pool(void);

/* Get and put, and see that what is got is nobody's. NULL where get fails; put of NULL does nothing. */
void *ledger_get(size_t size);
void ledger_put(void *buffer);

/* Several put the same one at once, which is a caller's fault: one of them is kept, the others are named. */
void ledger_put_at_once(void *buffer);
void ledger_put_oversized_at_once(void *buffer);

/* A buffer changes hands without a get or put: to the running thread's user, or away from it. */
void ledger_take(const void *buffer);
void ledger_give(const void *buffer);

/* Every buffer that was ever got, a bit each. */
uint64_t ledger_ever(unsigned tier);

/*
 * At rest: every buffer is in one place, every magazine, block and record too,
 * nobody is inside, no lock is held, and the accounts say what was done.
 */
void ledger_check(void);

/* In a forked child, which begins with nothing: its own puts and gets, and then the same. */
void ledger_begin_child(void);
void ledger_end_child(void);

#endif /* LEDGER_H */
