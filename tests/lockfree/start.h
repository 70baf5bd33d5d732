/*
 * start - what both programs begin with.
 */
#ifndef LOCKFREE_START_H
#define LOCKFREE_START_H

#include <stdbool.h>

/*
 * Have every symbol bound at the start: what the dynamic linker does at a first call
 * is not the pool's, and it has locks. Starts the program anew where it must.
 */
void start_bound(char **argv);

/* Is a path of this name asked for? None asked for is all. */
bool start_wants(const char *name, int count, char **words);

#endif /* LOCKFREE_START_H */
