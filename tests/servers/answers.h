/*
 * answers - does a server do its work yet? Asked in its own protocol: a port that is open says nothing, and
 * PostgreSQL answers that it is starting up.
 */
#ifndef TEST_SERVERS_ANSWERS_H
#define TEST_SERVERS_ANSWERS_H

#include "servers.h"

bool server_answers(enum server_kind kind, uint16_t port);

#endif /* TEST_SERVERS_ANSWERS_H */
