/*
 * key - which key of Redis a request's target names: what follows the first '/', with %XX decoded.
 */
#ifndef SERVER_KEY_H
#define SERVER_KEY_H

#include <stddef.h>

enum key_fault {
    KEY_GOOD,
    KEY_EMPTY,    /* "/" alone: there is no such thing */
    KEY_METRICS,  /* "/metrics": not a key */
    KEY_MALFORMED /* no such target, a broken %, a query: a key has none */
};

/* Decodes in place: *key points into `target`. Also of the absolute form, http://host/key. */
enum key_fault key_of(char *target, size_t length, const char **key, size_t *key_size);

#endif /* SERVER_KEY_H */
