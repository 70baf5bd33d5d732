/*
 * address - what --listen and --redis say: HOST:PORT, PORT of 127.0.0.1, or the /path of a socket.
 */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/* The host, or the path with *port 0 for a name that begins with '/'. False: it is neither. */
bool address_split(const char *name, char *host, size_t room, int *port);

/* A listening socket, nonblocking, and what it is called in *name ("127.0.0.1:8080", or the path). Negative
 * errno. A socket in the file system that nobody listens at is replaced. */
int address_listen(const char *wanted, char *name, size_t room);

#endif /* SERVER_ADDRESS_H */
