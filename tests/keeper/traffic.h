/*
 * traffic - threads that borrow connections to a real server and use them, without a pause, until told to
 * stop.
 */
#ifndef KEEPER_TRAFFIC_H
#define KEEPER_TRAFFIC_H

#include <bufpool/connpool.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "books.h"
#include "servers.h"
#include "until.h"

/* True, and said, where the system lacks the server. */
bool is_skipped(enum server_kind kind);

/* What the pools of these tests have in common: the server as arg, and no keeper's step that takes minutes.
 */
connpool_config_t server_config(struct server *server);
/* At rest, and nothing is lent out: what was opened is open or closed. */
bool closes_add_up(connpool_t *pool);

/*
 * The server is killed in the middle of traffic, comes back on its port, and twice so. False, and said: a
 * connection leaked, or the service did not resume. `job` uses a connection and says whether it worked;
 * `count` says how many connections of the pool the server has.
 */
bool survives_two_deaths(struct server *server, const connpool_config_t *config, bool (*job)(void *resource),
                         uint64_t (*count)(const struct server *server));

/*
 * Idle connections whose server dies are closed before anybody gets one; callers are told at once; and when
 * it is back min_idle is there again, all of them alive.
 */
bool no_dead_one_is_lent_out(struct server *server, const connpool_config_t *config,
                             bool (*job)(void *resource));

/* All of min_idle, which is `count`, at once; each must work. */
bool all_idle_work(connpool_t *pool, unsigned count, bool (*job)(void *resource));

#endif /* KEEPER_TRAFFIC_H */
