/*
 * books - pools and their accounts, whoever opens the connections: calls that must work, and what must add
 * up.
 *
 * Nothing in this directory needs Criterion, so that programs built for ThreadSanitizer can use it too; a
 * broken precondition aborts.
 */
#ifndef CONNPOOL_BOOKS_H
#define CONNPOOL_BOOKS_H

#include <bufpool/connpool.h>

/* connpool_create and connpool_stats that must work. */
connpool_t *connpool_from(const connpool_config_t *config);
connpool_stats_t conn_stats(connpool_t *pool);

/* Connections that were closed, for whatever reason. */
uint64_t conn_closes(const connpool_stats_t *stats);

/* At rest: is what is open idle or in use, and what was opened open or closed? False, and said. */
bool conn_adds_up(connpool_t *pool);

#endif /* CONNPOOL_BOOKS_H */
