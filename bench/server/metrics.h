/*
 * metrics - /metrics in Prometheus' text format: the server's own counters, and those of its pools.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "front.h"

/* In memory of the C library, so that the text does not count itself. False: no memory. */
bool metrics_text(struct front *front, char **text, size_t *length);
void metrics_free(char *text);

#endif /* SERVER_METRICS_H */
