/*
 * ledger - who owns which buffer, written down outside the pool and outside the buffers.
 *
 * The first witness that no buffer has two owners. It orders nothing (relaxed), so that ThreadSanitizer, the
 * second witness, is not deceived: what it sees ordered, the pool has ordered.
 */
#ifndef CONCURRENCY_LEDGER_H
#define CONCURRENCY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

/* Room for that many different buffers. */
struct ledger *ledger_new(size_t buffers_max);
void ledger_free(struct ledger *ledger);

/* The buffer came out of a get: `owner` (not 0) has it now. False, and says so: somebody else has. */
bool ledger_take(struct ledger *ledger, const void *buffer, uint32_t owner);

/* The buffer is about to be put. False, and says so: it is not `owner`'s. */
bool ledger_give(struct ledger *ledger, const void *buffer, uint32_t owner);

/* A number that stays with the buffer, whoever owns it; 0 to begin with. The owner's to change. */
uint64_t ledger_note(struct ledger *ledger, const void *buffer);
void ledger_set_note(struct ledger *ledger, const void *buffer, uint64_t note);

/* How many have an owner. */
size_t ledger_owned(struct ledger *ledger);

#endif /* CONCURRENCY_LEDGER_H */
