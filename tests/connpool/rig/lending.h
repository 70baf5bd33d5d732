/*
 * lending - borrowing from a rig's pool, and whose a connection is: calls that must work.
 */
#ifndef CONNPOOL_LENDING_H
#define CONNPOOL_LENDING_H

#include "rig.h"

/* Leases that must be had at once, of an open connection of that key (NULL: of none). */
connpool_lease_t lease_from(connpool_t *pool);
connpool_lease_t lease_of(connpool_t *pool, const char *key);
void leases_from(connpool_t *pool, connpool_lease_t *leases, size_t count);
/* Their end; how many were kept. */
size_t leases_end(connpool_t *pool, const connpool_lease_t *leases, size_t count);
/* So many at once, and back: so many are idle then. */
void make_idle(connpool_t *pool, size_t count);
/* What an acquire gives that does not wait; a lease that it gave is over. */
int try_lease(connpool_t *pool);
int try_lease_of(connpool_t *pool, const char *key);

struct connection *connection_of(connpool_lease_t lease);
/* It is this thread's now, and was nobody's; and nobody's again. Else a fault. */
void connection_own(connpool_lease_t lease);
void connection_disown(connpool_lease_t lease);
#endif /* CONNPOOL_LENDING_H */
