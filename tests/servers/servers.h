/*
 * servers - real servers on loopback ports of their own, for one test: started, killed, started again.
 *
 * Each runs below a warden (warden.c), which ends it and removes its files when the test ends, however that
 * happens. Ports are free ones outside the range that the kernel gives to clients: nobody else gets a
 * server's port while it is dead, nor does a client connect to itself there.
 */
#ifndef TEST_SERVERS_H
#define TEST_SERVERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum server_kind { SERVER_REDIS, SERVER_MEMCACHED, SERVER_POSTGRES };

struct server {
    enum server_kind kind;
    uint16_t port;
    int control; /* to its warden */
    pid_t warden;
    char directory[40];
};

/* What this system lacks to run such a server, or NULL. */
const char *server_lacks(enum server_kind kind);

/*
 * Start one; it answers when this returns. With an option of its command line, or NULL. Aborts
 * where it does not come up.
 *
 *   Redis        keeps nothing on disk
 *   memcached    one thread
 *   PostgreSQL   a cluster of its own, superuser and database "postgres", no password, no fsync
 */
void server_start(struct server *server, enum server_kind kind, const char *option, const char *value);

/* kill -9, all of its processes; none is left when this returns. */
void server_kill(struct server *server);

/* After server_kill: on the same port, with what is on its disk. It answers when this returns. */
void server_restart(struct server *server);

/* It, and all that it had, is gone when this returns. */
void server_stop(struct server *server);

/* A connection to a port of loopback, reads and writes of which end after ten seconds; -1 with errno. */
int loopback_connect(uint16_t port);

#endif /* TEST_SERVERS_H */
