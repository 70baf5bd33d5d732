/*
 * verify - an advice held against replays: the trace on a pool with the tiers of
 * now and with the advised ones, one after another, each in a process of its own.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include "advice.h"

/* Prints what was predicted beside what was measured. Dies where a replay fails. */
void verify_print(const struct advice *advice, const char *path, FILE *out);

#endif /* VERIFY_H */
