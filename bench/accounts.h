/*
 * accounts - do the pool's books balance when nobody is calling?
 */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include <bufpool.h>

/* What the caller knows it did to the pool since it was created. */
struct accounts_expected {
    uint64_t gets_least,
        gets_most; /* a resize to another tier counts as a get and a put, one within does not */
};

/*
 * Check, with every buffer put and no call under way, per tier and in all: the
 * two equations of the public header, nothing in use, no failure, no misuse, as
 * many puts as gets, and the number of gets. Dies with the numbers of the first
 * that does not hold; else fills `stats` with the pool's.
 */
void accounts_check(bufpool_t *pool, const struct accounts_expected *expected, bufpool_stats_t *stats);

#endif /* ACCOUNTS_H */
