/*
 * address - what --listen and --redis say: HOST:PORT, PORT of 127.0.0.1, or the /path of a socket.
 */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stddef.h>

/*
 * The host as numbers, and its port; or the path with *port 0, for a name that begins with '/'. 0 or a
 * negative errno: -EINVAL it is neither, -ENXIO nobody knows that host. A host's name is looked up here,
 * once: nobody waits for a name server later, and a host that moves wants a new start.
 */
int address_find(const char *name, char *host, size_t room, int *port);

/* A listening socket, nonblocking, and what it is called in *name ("127.0.0.1:8080", or the path). Negative
 * errno. A socket in the file system that nobody listens at is replaced. */
int address_listen(const char *wanted, char *name, size_t room);

#endif /* SERVER_ADDRESS_H */
