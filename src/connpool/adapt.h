/*
 * adapt - what min_idle and max_lifetime are between their bounds, by the load.
 *
 * The *demand* is how many connections were wanted of late: the most that were in use, or had been since the
 * keeper's round before, in this window or in the one before. It grows at once, and what is no longer wanted
 * fades by a quarter a window, so that connections go one by one and a load that comes back in a minute or
 * two finds them. A maximum over windows is how BBR knows a path's bandwidth (Linux, lib/win_minmax.c).
 *
 *   min_idle      as many as are missing from the demand now: it comes back without an open
 *   max_lifetime  from its lower bound to its upper one as the demand goes from 0 to max_open
 */
#ifndef CONN_ADAPT_H
#define CONN_ADAPT_H

#include <stdint.h>

#define CONN_WINDOW_MS 60000u

/* All zero to begin with. */
struct conn_adapt {
    uint64_t demand;
    uint64_t peak;    /* of this window */
    uint64_t ends_at; /* this window, ms; 0: none has begun */
};

/* So many are wanted now. */
void conn_adapt_see(struct conn_adapt *adapt, uint64_t wanted, uint64_t now_ms);

/* How many are to be idle while `in_use` are in use. */
uint64_t conn_adapt_idle(const struct conn_adapt *adapt, uint64_t in_use, uint64_t least, uint64_t most);

/* How old one may become; UINT64_MAX for ever. */
uint64_t conn_adapt_lifetime(const struct conn_adapt *adapt, uint64_t max_open, uint64_t least_ms,
                             uint64_t most_ms);

#endif /* CONN_ADAPT_H */
