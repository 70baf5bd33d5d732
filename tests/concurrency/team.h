/*
 * team - threads that do the same thing at the same time.
 */
#ifndef CONCURRENCY_TEAM_H
#define CONCURRENCY_TEAM_H

#include <stdbool.h>

/*
 * Run body(0, shared) .. body(count - 1, shared), each on a new thread, all at once. True if all returned
 * true; their TLS destructors have run then.
 */
bool team_run(unsigned count, bool (*body)(unsigned number, void *shared), void *shared);

#endif /* CONCURRENCY_TEAM_H */
